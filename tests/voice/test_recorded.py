"""What the provider says of recordings, in any order, twice, or not at all."""

import json
from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app.voice import recorded, recordings
from channels_app.voice.models import Call, Recording, RecordingRule
from hub.conversations.models import Attachment, Conversation, Delivery, Entry
from hub.routing.models import QueueEntry
from tests.voice.test_rooms import talking

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded_call(phone):
    """A caller and an agent, recorded: the line, the call, the recording's row."""
    RecordingRule.objects.create(department=phone.department, records=True)
    line, call, _party = talking(phone)
    assert not Recording.objects.exists()
    comes_in(line, call)
    return line, call, Recording.objects.get()


def comes_in(line, call: Call) -> None:
    """The patient's line comes into the room, after what is spoken on the way."""
    line.tell(
        f"/twilio/voice/conference?c={call.uuid}",
        ConferenceSid=f"CF{call.uuid.hex}",
        StatusCallbackEvent="participant-join",
        ParticipantLabel="patient",
    )


def tell(line, recording: Recording, status: str, sid: str = "", **more: str) -> None:
    """Twilio tells of a recording."""
    line.tell(
        f"/twilio/voice/recording?r={recording.uuid}",
        RecordingSid=sid or f"RE{recording.uuid.hex}",
        RecordingStatus=status,
        **({"RecordingDuration": "7"} if status == "completed" else {}) | more,
    )


def outcome(call: Call) -> tuple[str, list[str], list[str]]:
    """What is known of a call's only recording: its state, its lines, the orders about its file."""
    [recording] = call.recordings.all()
    kinds = (Entry.Kind.RECORDING, Entry.Kind.VOICEMAIL)
    lines = call.conversation.entries.filter(kind__in=kinds)
    orders = Delivery.objects.filter(attachment__isnull=False).order_by("pk")
    return (
        recording.state,
        [entry.detail["what"] for entry in lines],
        [order.kind for order in orders],
    )


@pytest.mark.parametrize("order", list(permutations(["in-progress", "completed", "completed"])))
def test_complete_is_complete_however_it_is_told(recorded_call, order) -> None:
    line, call, recording = recorded_call
    for status in order:
        tell(line, recording, status)
    assert outcome(call) == ("complete", ["recorded"], ["fetch"])
    recording.refresh_from_db()
    assert (recording.seconds, recording.sid) == (7, f"RE{recording.uuid.hex}")


@pytest.mark.parametrize("status", ["absent", "failed"])
def test_no_sound_is_no_line_and_no_file(recorded_call, status) -> None:
    line, call, recording = recorded_call
    for told in (status, "in-progress", status):
        tell(line, recording, told)
    assert outcome(call) == ("absent", [], [])


def test_what_is_complete_is_not_absent_afterwards_and_the_other_way_it_turns_up(
    recorded_call,
) -> None:
    line, call, recording = recorded_call
    tell(line, recording, "completed")
    tell(line, recording, "absent")
    assert outcome(call) == ("complete", ["recorded"], ["fetch"])
    other = Recording.objects.create(
        call=call, kind="call", started_at=timezone.now(), ended_at=timezone.now()
    )
    tell(line, other, "absent")
    tell(line, other, "completed")
    other.refresh_from_db()
    assert other.state == "complete"


def test_several_recordings_of_a_call_are_kept_apart(recorded_call) -> None:
    line, call, first = recorded_call
    tell(line, first, "completed")
    call.refresh_from_db()
    second = recordings.begin_if_due(call, at=timezone.now())
    assert second is not None and second.pk != first.pk
    tell(line, second, "completed")
    assert call.conversation.entries.filter(kind="recording").count() == 2
    assert Attachment.objects.count() == 2
    assert len({one.source for one in Attachment.objects.all()}) == 2


def test_what_was_started_twice_is_stopped_and_fetched_and_deleted_too(recorded_call) -> None:
    line, call, recording = recorded_call
    tell(line, recording, "in-progress")
    stray = f"RE{uuid4().hex}"
    tell(line, recording, "in-progress", sid=stray)
    row = Recording.objects.get(sid=stray)
    assert (row.wanted, row.pk != recording.pk) == ("stopped", True)
    order = Delivery.objects.filter(kind="command").latest("pk")
    assert order.detail == {"do": "record", "recording": row.pk}
    tell(line, recording, "completed", sid=stray)
    tell(line, recording, "completed")
    assert {one.state for one in call.recordings.all()} == {"complete"}
    assert Delivery.objects.filter(kind="fetch").count() == 2


def test_the_providers_address_is_ours_to_make_and_never_taken(recorded_call) -> None:
    line, _call, recording = recorded_call
    tell(line, recording, "completed", RecordingUrl="https://elsewhere.example/x")
    source = Attachment.objects.get().source
    assert source.startswith("https://api.twilio.com/2010-04-01/Accounts/AC")
    assert source.endswith(recording.uuid.hex)


def test_an_event_of_an_unknown_recording_changes_nothing(phone) -> None:
    line = phone.call()
    line.dial()
    line.tell(
        f"/twilio/voice/recording?r={uuid4()}",
        RecordingSid=f"RE{uuid4().hex}",
        RecordingStatus="completed",
    )
    assert not Recording.objects.exists() and not Attachment.objects.exists()


# --- Voicemail ----------------------------------------------------------------------------------


def leaving_a_message(phone, number: str = "+15550100142"):
    """A caller who hears the tone: the line, the call, the message's row."""
    phone.choice("8", "voicemail")
    line = phone.call(number)
    document = line.press(line.dial(), "8")
    assert document.has("Record")
    call = Call.objects.get(sid=line.sid)
    return line, call, call.recordings.get()


@pytest.mark.parametrize("first", ["action", "recording", "hangup"])
def test_a_message_is_work_whichever_signal_comes_first(phone, first) -> None:
    line, call, message = leaving_a_message(phone)
    sid = f"RE{message.uuid.hex}"

    def action() -> None:
        line.ask("/twilio/voice/message-left?s=9", RecordingSid=sid)

    steps = {
        "action": action,
        "recording": lambda: tell(line, message, "completed"),
        "hangup": line.hang_up,
    }
    steps.pop(first)()
    for step in steps.values():
        step()
    assert outcome(call) == ("complete", ["left"], ["fetch"])
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.kind == QueueEntry.Kind.FOLLOW_UP
    conversation = Conversation.objects.get()
    assert conversation.status == Conversation.Status.OPEN
    whats = [entry.detail.get("what") for entry in conversation.entries.all()]
    assert "reopened" not in whats


@pytest.mark.parametrize("status", ["absent", "failed"])
def test_who_says_nothing_has_called_all_the_same(phone, status) -> None:
    line, call, message = leaving_a_message(phone)
    line.hang_up()
    for _ in range(2):
        tell(line, message, status)
    assert outcome(call) == ("absent", [], [])
    conversation = Conversation.objects.get()
    whats = [entry.detail.get("what") for entry in conversation.entries.order_by("number")]
    assert whats.count("no_message") == 1
    assert conversation.status == Conversation.Status.OPEN
    assert QueueEntry.objects.get(ended_at__isnull=True).kind == QueueEntry.Kind.FOLLOW_UP


def test_a_message_of_somebody_who_waited_continues_their_wait(phone) -> None:
    """They are one contact that was offered, not two."""
    line = phone.call()
    line.dial()
    call = Call.objects.get()
    waited = call.queue_entry
    from channels_app.voice import receivers

    receivers.find_a_way_out(queue_entry=waited, to="voicemail")
    call.refresh_from_db()
    line.ask(f"/twilio/voice/place?m={call.moves}")
    tell(line, call.recordings.get(), "completed")
    follow_up = QueueEntry.objects.get(ended_at__isnull=True)
    assert (follow_up.kind, follow_up.parent) == ("follow_up", waited)


def test_a_message_takes_the_conversation_back_to_all_but_asks_its_holder_first(phone) -> None:
    line, _call, message = leaving_a_message(phone)
    Conversation.objects.update(holder=phone.agent)
    tell(line, message, "completed")
    assert Conversation.objects.get().holder is None
    assert QueueEntry.objects.get(ended_at__isnull=True).prefer == phone.agent


@pytest.mark.parametrize("number", ["anonymous", "+15550100142"])
def test_whoever_cannot_be_texted_can_leave_a_message(phone, number) -> None:
    """A withheld number; and one that has opted out of everything."""
    from patients.models import Consent

    line, call, message = leaving_a_message(phone, number)
    if number != "anonymous":
        Consent.objects.create(
            contact_point=call.contact_point, state="stopped", source="keyword", at=timezone.now()
        )
    line.hang_up()
    tell(line, message, "completed")
    assert QueueEntry.objects.get(ended_at__isnull=True).kind == QueueEntry.Kind.FOLLOW_UP
    # Nothing is sent to them because they called.
    assert not Delivery.objects.filter(kind="message").exists()


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Say your name."), ("es", "Diga su nombre.")]
)
def test_the_greeting_of_the_voicemail_is_in_the_callers_language(phone, language, said) -> None:
    phone.line.languages = [language]
    phone.line.save()
    phone.choice("8", "voicemail", text={"en": "Say your name.", "es": "Diga su nombre."})
    line = phone.call()
    document = line.press(line.dial(), "8")
    assert said in document.said
    voices = {each.attrib["language"] for each in document.root.iter("Say")}
    assert voices == {"en-US" if language == "en" else "es-US"}


def test_no_payload_and_no_order_names_a_person(recorded_call) -> None:
    line, _call, recording = recorded_call
    tell(line, recording, "completed")
    assert all(
        line.number not in json.dumps(order.detail) for order in Delivery.objects.exclude(detail={})
    )


# --- Orders that were given up ------------------------------------------------------------------


def test_a_sound_that_could_not_be_fetched_or_deleted_is_ordered_anew_after_a_rest(
    recorded_call,
) -> None:
    line, _call, recording = recorded_call
    tell(line, recording, "completed")
    Delivery.objects.filter(kind="fetch").update(state="failed")
    now = timezone.now()
    assert recorded.order_again(now) == 0
    later = now + timedelta(hours=2)
    assert recorded.order_again(later) == 1
    assert recorded.order_again(later) == 0
    assert [one.state for one in Delivery.objects.filter(kind="fetch").order_by("pk")] == [
        "failed",
        "ready",
    ]
    Attachment.objects.update(state="stored")
    Delivery.objects.filter(kind="fetch").update(state="failed")
    assert recorded.order_again(later + timedelta(days=1)) == 0
