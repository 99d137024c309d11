"""An agent is offered a call; what happens in the room, in whatever order it is told."""

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app.voice import ending, reconcile
from channels_app.voice.models import Call, Party, WrapUp
from hub.conversations.models import ContactEvent, Conversation, Delivery
from hub.routing import capacity
from hub.routing.dispatch import offer_next
from hub.routing.models import Offer, QueueEntry

pytestmark = pytest.mark.django_db


def orders(call: Call | None = None) -> list[tuple[str, str]]:
    """Return what the provider is asked to do, oldest first."""
    rows = Delivery.objects.filter(kind__in=["call", "command"]).order_by("pk")
    return [(row.kind, row.detail["do"]) for row in rows]


def ringing(phone, number: str = "+15550100142") -> tuple[object, Call, Party]:
    """A caller who waits, and the agent's phone that rings for them."""
    line = phone.call(number)
    line.dial()
    offer_next(phone.department.pk)
    call = Call.objects.get(sid=line.sid)
    return line, call, call.parties.get(kind="agent")


def told(line, party: Party, status: str, sid: str = "", number: int | None = None) -> None:
    """Twilio tells of the agent's line."""
    fields = {"CallSid": sid or f"CA{party.uuid.hex}", "CallStatus": status}
    if number is not None:
        fields["SequenceNumber"] = str(number)
    line.tell(f"/twilio/voice/party?p={party.uuid}", **fields)


def talking(phone, number: str = "+15550100142"):
    """A caller who speaks with the agent."""
    line, call, party = ringing(phone, number)
    told(line, party, "ringing")
    told(line, party, "in-progress")
    call.refresh_from_db()
    party.refresh_from_db()
    return line, call, party


def test_an_offer_rings_the_agent(phone) -> None:
    _line, _call, party = ringing(phone)
    assert party.user == phone.agent
    assert party.state == Party.State.WANTED
    assert orders() == [("call", "ring")]
    delivery = Delivery.objects.get(kind="call")
    # The order holds ids alone.
    assert delivery.detail == {"do": "ring", "party": party.pk}
    assert delivery.not_after == Offer.objects.get().until


def test_an_answer_connects_caller_and_agent(phone) -> None:
    line, call, party = talking(phone)
    assert call.state == Call.State.ROOM
    assert party.state == Party.State.JOINED
    conversation = Conversation.objects.get()
    assert conversation.holder == phone.agent
    wait = QueueEntry.objects.get()
    assert (wait.outcome, wait.accepted_by) == ("accepted", phone.agent)
    assert Offer.objects.get().outcome == Offer.Outcome.ACCEPTED
    assert orders() == [("call", "ring"), ("command", "move")]
    placed = line.ask(f"/twilio/voice/place?m={call.moves}")
    conference = placed.find("Conference")
    assert conference.text == call.room
    assert conference.attrib["endConferenceOnExit"] == "true"
    kinds = set(ContactEvent.objects.values_list("kind", flat=True))
    assert {"queue_entered", "queue_accepted", "person_answered", "talk_started"} <= kinds


@pytest.mark.parametrize("order", list(permutations(["ringing", "in-progress", "join"])))
def test_signals_in_any_order_and_twice_are_one_answer(phone, order) -> None:
    line, call, party = ringing(phone)
    for _ in range(2):
        for what in order:
            if what == "join":
                line.tell(
                    f"/twilio/voice/conference?c={call.uuid}",
                    CallSid=f"CA{party.uuid.hex}",
                    ConferenceSid=f"CF{call.uuid.hex}",
                    StatusCallbackEvent="participant-join",
                    ParticipantLabel=f"party-{party.uuid}",
                )
            else:
                told(line, party, what)
    call.refresh_from_db()
    assert call.state == Call.State.ROOM
    assert call.conference_sid == f"CF{call.uuid.hex}"
    assert ContactEvent.objects.filter(kind="person_answered").count() == 1
    assert ContactEvent.objects.filter(kind="talk_started").count() == 1
    assert orders().count(("command", "move")) == 1


@pytest.mark.parametrize(("status", "outcome"), [("busy", "refused"), ("no-answer", "expired")])
def test_a_phone_that_is_not_answered_lets_the_next_one_ring(phone, status, outcome) -> None:
    colleague = phone.colleague()
    line, call, party = ringing(phone)
    told(line, party, status)
    assert Offer.objects.get(agent=party.user).outcome == outcome
    offer_next(phone.department.pk)
    other = call.parties.get(left_at__isnull=True)
    assert {party.user, other.user} == {phone.agent, colleague}
    call.refresh_from_db()
    assert call.state == Call.State.QUEUED


def test_a_caller_who_hangs_up_stops_the_ringing(phone) -> None:
    line, _call, party = ringing(phone)
    told(line, party, "ringing")
    line.hang_up()
    party.refresh_from_db()
    assert party.left_at is not None
    assert Offer.objects.get().outcome == Offer.Outcome.WITHDRAWN
    assert not capacity.is_on_a_call(phone.agent.pk)


def test_an_answer_that_comes_too_late_is_hung_up(phone) -> None:
    line, _call, party = ringing(phone)
    told(line, party, "ringing")
    line.hang_up()
    told(line, party, "in-progress")
    party.refresh_from_db()
    assert party.state == Party.State.LEFT
    assert orders()[-1] == ("command", "set")
    assert not ContactEvent.objects.filter(kind="talk_started").exists()


def test_after_the_call_comes_the_work_after_it(phone) -> None:
    line, call, _party = talking(phone)
    line.hang_up()
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    wrap_up = WrapUp.objects.get()
    assert wrap_up.user == phone.agent
    assert capacity.is_on_a_call(phone.agent.pk)
    ending.finish_wrap_up(phone.agent, reason="question", outcome="solved")
    assert not capacity.is_on_a_call(phone.agent.pk)
    talk = ContactEvent.objects.filter(kind__in=["talk_started", "talk_ended"])
    assert len({event.interval for event in talk}) == 1 and len(talk) == 2
    wrapped = ContactEvent.objects.filter(kind__startswith="wrap_up")
    assert len({event.interval for event in wrapped}) == 1 and len(wrapped) == 2


def test_notes_take_their_time_and_no_longer(phone) -> None:
    line, _call, _party = talking(phone)
    line.hang_up()
    assert ending.finish_due_wrap_ups() == 0
    assert ending.finish_due_wrap_ups(timezone.now() + ending.WRAP_UP) == 1
    assert not capacity.is_on_a_call(phone.agent.pk)


def test_a_lost_agent_leaves_the_patient_with_music_and_a_way_back(phone) -> None:
    line, call, party = talking(phone)
    told(line, party, "completed")
    call.refresh_from_db()
    assert call.alone_since is not None and call.state == Call.State.ROOM
    patient = call.parties.get(kind="patient")
    assert patient.held
    # They do not come back: the caller waits again, at the old place.
    first = QueueEntry.objects.get()
    assert reconcile.return_to_queue(timezone.now() + timedelta(minutes=1)) == 1
    call.refresh_from_db()
    assert call.state == Call.State.QUEUED and call.alone_since is None
    again = QueueEntry.objects.get(ended_at__isnull=True)
    assert (again.parent, again.place_since) == (first, first.place_since)
    assert line.ask(f"/twilio/voice/place?m={call.moves}").has("Enqueue")
    assert Conversation.objects.get().holder is None


def test_nobody_is_in_two_calls(phone) -> None:
    talking(phone, "+15550100142")
    second = phone.call("+15550100143")
    second.dial()
    offer_next(phone.department.pk)
    assert not Offer.objects.filter(ended_at__isnull=True).exists()
    assert Party.objects.filter(user=phone.agent, left_at__isnull=True).count() == 1


def test_hold_and_its_times(phone) -> None:
    from channels_app.voice import parties

    _line, call, _party = talking(phone)
    patient = call.parties.get(kind="patient")
    patient.call = call
    now = timezone.now()
    assert parties.set_hold(patient, True, at=now, by=phone.agent)
    assert not parties.set_hold(patient, True, at=now, by=phone.agent)
    assert parties.set_hold(patient, False, at=now + timedelta(seconds=9), by=phone.agent)
    started, ended = ContactEvent.objects.filter(kind__startswith="hold_").order_by("at")
    assert started.interval == ended.interval
    assert ended.at - started.at == timedelta(seconds=9)
    assert started.agent == phone.agent


def test_events_of_what_we_do_not_know_change_nothing(phone) -> None:
    line, _call, _party = talking(phone)
    before = list(Call.objects.values()), list(Party.objects.values())
    line.tell(f"/twilio/voice/party?p={uuid4()}", CallStatus="completed", CallSid=f"CA{'1' * 32}")
    line.tell(
        f"/twilio/voice/conference?c={uuid4()}",
        ConferenceSid=f"CF{'1' * 32}",
        StatusCallbackEvent="participant-leave",
    )
    line.tell("/twilio/voice/status", CallStatus="completed", CallSid=f"CA{'1' * 32}")
    assert before == (list(Call.objects.values()), list(Party.objects.values()))


@pytest.mark.parametrize("first", ["agent", "patient"])
def test_a_patient_who_hangs_up_loses_nobody_whoever_is_told_of_first(phone, first) -> None:
    line, call, party = talking(phone)
    line.tell(
        f"/twilio/voice/conference?c={call.uuid}",
        ConferenceSid=f"CF{call.uuid.hex}",
        StatusCallbackEvent="participant-leave",
        ParticipantLabel="patient",
    )
    if first == "agent":
        told(line, party, "completed")
        line.hang_up()
    else:
        line.hang_up()
        told(line, party, "completed")
    call.refresh_from_db()
    assert (call.state, call.alone_since) == (Call.State.ENDED, None)
    assert WrapUp.objects.filter(user=phone.agent, done_at=None).count() == 1
    assert not ContactEvent.objects.filter(kind="hold_started").exists()


@pytest.mark.parametrize(
    ("status", "reason"), [("in-progress", "agent_hung_up"), ("completed", "completed")]
)
def test_a_call_says_who_hung_up(phone, status: str, reason: str) -> None:
    """The end of the room is asked about whoever left it; the timeline names the right one."""
    line, call, _party = talking(phone)
    placed = line.ask(f"/twilio/voice/place?m={call.moves}")
    line.follow(placed, "Dial", CallStatus=status)
    call.refresh_from_db()
    assert (call.state, call.end_reason) == (Call.State.ENDED, reason)
