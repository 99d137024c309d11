"""What an agent does with the call that they are on: hold, hang up, pause, come back."""

from uuid import uuid4

import pytest

from channels_app.voice import desk, ending, errors, events
from channels_app.voice.models import Call, Party, Recording, WrapUp
from hub.conversations.actions import holder
from hub.routing import offers
from hub.routing.models import Offer, QueueEntry
from tests.voice.floor import Floor, is_occupied, orders, party_of, patient_of, told, unfinished

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


# --- Hanging up ---


def test_who_is_alone_with_the_patient_ends_the_call_for_all(floor: Floor) -> None:
    call = floor.talking()
    desk.hang_up(call.uuid, by=floor.ana)
    call.refresh_from_db()
    assert (call.state, call.end_reason) == (Call.State.ENDED, "agent_hung_up")
    assert [one["do"] for one in orders(call)][-2:] == ["close", "set"]
    assert WrapUp.objects.get(done_at=None).user == floor.ana
    assert is_occupied(floor.ana), "they write their notes"
    assert unfinished(call) == []


def test_hanging_up_twice_is_hanging_up_once(floor: Floor) -> None:
    call = floor.talking()
    desk.hang_up(call.uuid, by=floor.ana)
    before = (orders(call), told(call))
    desk.hang_up(call.uuid, by=floor.ana)
    assert (orders(call), told(call)) == before
    assert WrapUp.objects.count() == 1


def test_a_phone_that_rings_is_turned_down_and_the_caller_waits_on(floor: Floor) -> None:
    floor.arrive(floor.ana)
    call = floor.ring_in()
    floor.offer()
    state = desk.state_of(floor.ana)
    assert state is not None and (state.stage, state.reason) == ("ringing", "call")
    assert state.until is not None and state.may == {"hang_up"}
    desk.hang_up(call.uuid, by=floor.ana)
    call.refresh_from_db()
    assert call.state == Call.State.QUEUED
    assert call.queue_entry is not None and call.queue_entry.ended_at is None
    assert call.queue_entry.offers.get().outcome == "refused"
    assert orders(call, "set") == [{"do": "set", "party": party_of(call, floor.ana).pk}]
    assert desk.state_of(floor.ana) is None


@pytest.mark.parametrize("deed", ["hang_up", "hold", "pause_recording", "refuse_recording"])
def test_who_is_not_on_the_call_cannot_steer_it(floor: Floor, deed: str) -> None:
    call = floor.talking()
    more = [True] if deed in ("hold", "pause_recording") else []
    for which in (call.uuid, uuid4()):
        with pytest.raises(errors.NotOnThisCall):
            getattr(desk, deed)(which, *more, by=floor.ben)
    floor.patient_hangs_up(call)
    with pytest.raises(errors.NotOnThisCall):
        getattr(desk, deed)(call.uuid, *more, by=floor.ben)
    if deed != "hang_up":
        with pytest.raises(errors.CallOver):
            getattr(desk, deed)(call.uuid, *more, by=floor.ana)


# --- A caller taken from the list ---


def test_who_takes_a_waiting_caller_from_the_list_is_rung(floor: Floor) -> None:
    floor.arrive(floor.ana, floor.ben)
    call = floor.ring_in()
    floor.offer()
    holder.claim(call.conversation, floor.sue)
    state = desk.state_of(floor.sue)
    assert state is not None and (state.stage, state.reason) == ("ringing", "own")
    assert state.answers_itself
    assert desk.state_of(floor.ana) is None and desk.state_of(floor.ben) is None
    floor.join(floor.sue)
    call.refresh_from_db()
    assert call.state == Call.State.ROOM


def test_a_caller_whom_somebody_took_but_did_not_come_for_waits_on(floor: Floor) -> None:
    floor.arrive(floor.ben)
    call = floor.ring_in()
    first = call.queue_entry
    holder.claim(call.conversation, floor.ana)
    floor.miss(floor.ana)
    call = Call.objects.get(pk=call.pk)
    assert call.queue_entry is not None and first is not None
    assert call.queue_entry.ended_at is None and call.queue_entry.parent == first
    assert call.queue_entry.place_since == first.place_since
    floor.offer()
    floor.join(floor.ben)
    call.refresh_from_db()
    assert call.state == Call.State.ROOM


def test_who_accepts_on_the_screen_is_offered_no_second_caller_while_their_phone_rings(
    floor: Floor,
) -> None:
    floor.arrive(floor.ana)
    call = floor.ring_in()
    other = floor.ring_in("+15550100143")
    floor.offer()
    offer = Offer.objects.get()
    offers.accept(offer, floor.ana, at=offer.made_at)
    floor.offer()
    assert Offer.objects.count() == 1
    floor.miss(floor.ana)
    assert not is_occupied(floor.ana)
    waits = QueueEntry.objects.filter(ended_at=None).values_list("conversation_id", flat=True)
    assert set(waits) == {call.conversation_id, other.conversation_id}


def test_who_is_done_with_their_notes_and_misses_the_caller_they_took_is_free(
    floor: Floor,
) -> None:
    earlier = floor.talking()
    desk.hang_up(earlier.uuid, by=floor.ana)
    call = floor.ring_in("+15550100143")
    holder.claim(call.conversation, floor.ana)
    ending.finish_wrap_up(floor.ana)
    assert is_occupied(floor.ana), "her phone rings"
    floor.miss(floor.ana)
    assert not is_occupied(floor.ana)


def test_who_is_on_the_phone_takes_no_caller_from_the_list(floor: Floor) -> None:
    floor.talking()
    waiting = floor.ring_in("+15550100143")
    with pytest.raises(errors.OnThePhone):
        holder.claim(waiting.conversation, floor.ana)
    waiting.refresh_from_db()
    assert waiting.queue_entry is not None and waiting.queue_entry.ended_at is None
    waiting.conversation.refresh_from_db()
    assert waiting.conversation.holder is None


# --- Hold ---


def test_on_hold_the_patient_hears_music_until_they_are_taken_back(floor: Floor) -> None:
    call = floor.talking()
    for _ in range(2):
        desk.hold(call.uuid, True, by=floor.ana)
    patient = patient_of(call)
    assert patient is not None and patient.held
    state = desk.state_of(floor.ana)
    assert state is not None and state.is_held and state.held_since == patient.held_since
    for _ in range(2):
        desk.hold(call.uuid, False, by=floor.ana)
    assert orders(call, "set") == [{"do": "set", "party": patient.pk}] * 2
    held = call.conversation.events.filter(kind__startswith="hold_").order_by("pk")
    assert [one.kind for one in held] == ["hold_started", "hold_ended"]
    assert {one.agent_id for one in held} == {floor.ana.pk}
    assert len({one.interval for one in held}) == 1


def test_nobody_is_held_whose_phone_still_rings(floor: Floor) -> None:
    call = floor.talking()
    Call.objects.filter(pk=call.pk).update(state=Call.State.DIALLING)
    with pytest.raises(errors.NotConnected):
        desk.hold(call.uuid, True, by=floor.ana)


def test_a_hold_that_came_before_the_patient_was_in_the_room_is_ordered_again(
    floor: Floor,
) -> None:
    call = floor.talking()
    desk.hold(call.uuid, True, by=floor.ana)
    before = len(orders(call, "set"))
    joins = {"c": str(call.uuid), "CallSid": call.sid, "StatusCallbackEvent": "participant-join"}
    events.handle("voice.conference", joins)
    assert len(orders(call, "set")) == before + 1


# --- Recording ---


def test_a_recording_pauses_for_a_card_number_and_goes_on(floor: Floor) -> None:
    floor.record_calls(floor.front)
    call = floor.talking()
    for on, wanted in ((True, "paused"), (True, "paused"), (False, "running")):
        desk.pause_recording(call.uuid, on, by=floor.ana)
        assert Recording.objects.get().wanted == wanted
        state = desk.state_of(floor.ana)
        assert state is not None and state.recording == wanted
    assert len(orders(call, "record")) == 3, "begun, paused, resumed"
    assert [what for what in told(call) if what.startswith("recording")] == [
        "recording_paused",
        "recording_resumed",
    ]


def test_who_is_not_recorded_cannot_be_paused(floor: Floor) -> None:
    call = floor.talking()
    with pytest.raises(errors.NotRecorded):
        desk.pause_recording(call.uuid, True, by=floor.ana)


def test_a_refusal_ends_the_recording_for_good(floor: Floor) -> None:
    floor.record_calls(floor.front)
    call = floor.talking()
    for _ in range(2):
        desk.refuse_recording(call.uuid, by=floor.ana)
    call.refresh_from_db()
    assert call.recording_refused
    assert Recording.objects.get().wanted == "stopped"
    assert told(call).count("recording_refused") == 1
    state = desk.state_of(floor.ana)
    assert state is not None and state.recording == "refused"
    assert not state.may & {"pause_recording", "refuse_recording"}
    with pytest.raises(errors.NotRecorded):
        desk.pause_recording(call.uuid, False, by=floor.ana)


# --- A line that was lost ---


def test_who_lost_their_line_is_rung_again_and_has_the_patient_back(floor: Floor) -> None:
    call = floor.talking()
    floor.lose(floor.ana)
    state = desk.state_of(floor.ana)
    assert state is not None and state.stage == "alone" and state.until is not None
    assert not desk.ready(floor.ben), "it was not theirs"
    assert desk.ready(floor.ana)
    assert not desk.ready(floor.ana), "it rings already"
    state = desk.state_of(floor.ana)
    assert state is not None and (state.stage, state.reason) == ("ringing", "own")
    assert state.answers_itself
    floor.join(floor.ana)
    state = desk.state_of(floor.ana)
    assert state is not None and state.stage == "talking" and not state.is_held
    assert not desk.ready(floor.ana), "nothing is lost"
    floor.patient_hangs_up(call)
    assert unfinished(call) == []


def test_who_lost_their_line_may_end_the_call(floor: Floor) -> None:
    call = floor.talking()
    floor.lose(floor.ana)
    with pytest.raises(errors.NotOnThisCall):
        desk.hang_up(call.uuid, by=floor.ben)
    desk.hang_up(call.uuid, by=floor.ana)
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    assert WrapUp.objects.get(done_at=None).user == floor.ana


def test_who_lost_their_line_gets_their_notes_if_the_patient_hangs_up(floor: Floor) -> None:
    call = floor.talking()
    floor.lose(floor.ana)
    floor.patient_hangs_up(call)
    state = desk.state_of(floor.ana)
    assert state is not None and (state.stage, state.call) == ("wrap_up", call.uuid)
    assert unfinished(call) == []


# --- What the phone shows ---


def test_an_idle_phone_shows_nothing(floor: Floor) -> None:
    floor.talking()
    assert desk.state_of(floor.ben) is None


def test_what_a_phone_shows_of_a_running_call(floor: Floor) -> None:
    call = floor.talking()
    state = desk.state_of(floor.ana)
    assert state is not None
    assert (state.call, state.conversation_id) == (call.uuid, call.conversation_id)
    assert (state.stage, state.who) == ("talking", "(555) 010-0142")
    assert (state.department, state.as_, state.recording) == ("Front desk", "agent", "")
    assert {(one.kind, one.is_me) for one in state.parties} == {
        ("patient", False),
        ("agent", True),
    }
    assert state.may == {
        "hang_up",
        "keypad",
        "hold",
        "add_guest",
        "hand_over",
        "refuse_recording",
    }


def test_a_phone_is_asked_about_with_few_queries(
    floor: Floor, django_assert_max_num_queries
) -> None:
    floor.talking()
    with django_assert_max_num_queries(5):
        desk.state_of(floor.ana)
    with django_assert_max_num_queries(3):
        desk.state_of(floor.ben)


def test_a_new_call_ends_the_notes_on_the_last_one(floor: Floor) -> None:
    first = floor.talking()
    desk.hang_up(first.uuid, by=floor.ana)
    second = floor.ring_in("+15550100143")
    Party.objects.create(call=second, kind=Party.Kind.AGENT, user=floor.ana)
    floor.join(floor.ana)
    assert not WrapUp.objects.filter(done_at=None).exists()
    assert is_occupied(floor.ana)
