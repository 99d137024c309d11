"""A promise to call back, from the wish to the talk, and all that may come between."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from channels_app.voice import callback_sweep, callbacks, calling_back, ending, outbound, slots
from channels_app.voice.errors import BeingCalled
from channels_app.voice.models import Call, Callback, Party
from hub.conversations import errors
from hub.conversations.actions import holder, status
from hub.conversations.models import ContactEvent, Conversation, Delivery, Entry
from hub.routing import offers, queue
from hub.routing.dispatch import offer_next
from hub.routing.models import Offer, QueueEntry
from patients.actions import agree
from tests.voice.line import Line

pytestmark = pytest.mark.django_db

NUMBER = "+15550100142"


@pytest.fixture
def at_once(django_capture_on_commit_callbacks):
    """What follows a commit, at the end of a block: `with at_once(execute=True)`."""
    return django_capture_on_commit_callbacks


def promised(phone, **more) -> Callback:
    """Somebody who left the queue for a call, and has hung up."""
    line = phone.call()
    line.dial()
    call = Call.objects.get(sid=line.sid)
    line.ask("/twilio/voice/wait-choice", Digits="1")
    line.hang_up()
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    return Callback.objects.get()


def reserved(phone) -> tuple[Call, Party]:
    """The agent's phone rings for the callback that waits."""
    assert offer_next(phone.department.pk) == 1
    call = Call.objects.get(direction="outbound", ended_at__isnull=True)
    return call, call.parties.get()


def tell(line: Line, party: Party, state: str) -> None:
    line.tell(
        f"/twilio/voice/party?p={party.uuid}", CallSid=f"CA{party.uuid.hex}", CallStatus=state
    )


def patient_line(call: Call, state: str, **fields: str) -> None:
    """Twilio tells of the patient's phone."""
    line = Line(NUMBER)
    line.sid = f"CA{call.uuid.hex}"
    line.tell(f"/twilio/voice/status?c={call.uuid}", CallStatus=state, **fields)


def orders() -> list[str]:
    return list(
        Delivery.objects.filter(kind__in=["call", "command"])
        .order_by("pk")
        .values_list("detail__do", flat=True)
    )


def rung_in_vain(phone, status: str = "no-answer") -> Callback:
    """One try, from the offer to the patient who does not answer."""
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    QueueEntry.objects.filter(pk=wait.pk).update(not_before=None)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    patient_line(call, "ringing")
    patient_line(call, status)
    ending.finish_wrap_up(phone.agent)
    return Callback.objects.get()


def said() -> list[str]:
    """What the timeline says of callbacks."""
    return [
        one.detail["what"] for one in Entry.objects.filter(kind=Entry.Kind.CALLBACK).order_by("pk")
    ]


def test_the_agent_is_reserved_before_the_patients_phone_rings(phone) -> None:
    callback = promised(phone)
    call, party = reserved(phone)
    assert party.user == phone.agent
    assert orders()[-1] == "ring"
    about = calling_back.about(call)
    assert about is not None
    assert (about.source, about.requested_at) == ("Asked for while waiting", callback.requested_at)
    tell(Line(), party, "in-progress")
    assert orders()[-1] == "ring_patient"
    conversation = Conversation.objects.get()
    assert conversation.holder == phone.agent
    assert Offer.objects.get().outcome == Offer.Outcome.ACCEPTED
    assert not QueueEntry.objects.filter(ended_at__isnull=True).exists()
    callback.refresh_from_db()
    assert callback.state == Callback.State.DIALLING
    # The patient answers, they talk, and the promise is kept.
    patient = Line(NUMBER)
    patient.sid = f"CA{call.uuid.hex}"
    document = patient.ask(f"/twilio/voice/reached?c={call.uuid}")
    assert document.find("Conference").text == call.room
    conversation.refresh_from_db()
    assert conversation.waiting_since is None
    patient_line(call, "completed")
    callback.refresh_from_db()
    assert (callback.state, callback.tries) == (Callback.State.REACHED, 0)
    assert ContactEvent.objects.filter(kind="person_answered", agent=phone.agent).count() == 1
    assert said() == ["requested", "calling"]


def test_all_signals_twice_are_one_call(phone) -> None:
    promised(phone)
    call, party = reserved(phone)
    for state in ("ringing", "in-progress", "in-progress"):
        tell(Line(), party, state)
    assert orders().count("ring_patient") == 1
    for _ in range(2):
        patient_line(call, "busy")
    callback = Callback.objects.get()
    assert callback.tries == 1
    assert QueueEntry.objects.filter(ended_at__isnull=True).count() == 1


@pytest.mark.parametrize("state", ["busy", "no-answer", "failed", "canceled"])
def test_who_is_not_reached_is_tried_later_by_the_same_agent(phone, state) -> None:
    promised(phone)
    before = QueueEntry.objects.get(ended_at__isnull=True)
    callback = rung_in_vain(phone, state)
    assert (callback.state, callback.tries) == (Callback.State.WAITING, 1)
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.prefer, wait.parent) == ("callback", phone.agent, before)
    assert wait.place_since == before.place_since
    assert wait.not_before == callback.next_try_at
    assert wait.not_before >= timezone.now() + timedelta(minutes=14)
    conversation = Conversation.objects.get()
    assert conversation.holder is None
    assert conversation.status == Conversation.Status.OPEN
    assert said()[-1] == "not_reached"


def test_a_machine_is_not_the_patient(phone) -> None:
    promised(phone)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    patient = Line(NUMBER)
    patient.sid = f"CA{call.uuid.hex}"
    patient.ask(f"/twilio/voice/reached?c={call.uuid}")
    patient.tell(f"/twilio/voice/machine?c={call.uuid}", AnsweredBy="machine_start")
    callback = Callback.objects.get()
    assert (callback.state, callback.tries) == (Callback.State.WAITING, 1)
    assert not ContactEvent.objects.filter(kind="person_answered").exists()
    assert Conversation.objects.get().waiting_since is not None


def test_after_three_tries_it_is_work_for_a_person(phone) -> None:
    promised(phone)
    for tries in (1, 2):
        assert rung_in_vain(phone).tries == tries
    callback = rung_in_vain(phone)
    assert (callback.state, callback.tries) == (Callback.State.GIVEN_UP, 3)
    assert said()[-1] == "given_up"
    conversation = Conversation.objects.get()
    assert conversation.status == Conversation.Status.OPEN
    assert conversation.holder == phone.agent
    assert conversation.waiting_since is not None
    assert callback_sweep.mend(timezone.now() + timedelta(hours=1)) == 0


@pytest.mark.parametrize("why", ["no-answer", "busy"])
def test_an_agent_who_does_not_answer_costs_no_try(phone, why) -> None:
    promised(phone)
    colleague = phone.colleague()
    call, party = reserved(phone)
    tell(Line(), party, why)
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    callback = Callback.objects.get()
    assert (callback.state, callback.tries) == (Callback.State.WAITING, 0)
    _next, other = reserved(phone)
    assert {party.user, other.user} == {phone.agent, colleague}
    # Of a call that never came to be the timeline says nothing.
    lines = Entry.objects.filter(leg=call.leg)
    assert not lines.exists()


def test_an_offer_that_runs_out_ends_the_call_and_the_next_is_asked(phone, at_once) -> None:
    promised(phone)
    call, _party = reserved(phone)
    with at_once(execute=True):
        offers.expire_due(timezone.now() + timedelta(minutes=5))
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    assert Callback.objects.get().tries == 0
    assert QueueEntry.objects.filter(kind="callback", ended_at__isnull=True).exists()


def test_a_worker_that_dies_after_the_offer_ran_out_leaves_nothing_behind(phone) -> None:
    promised(phone)
    call, _party = reserved(phone)
    offers.expire_due(timezone.now() + timedelta(minutes=5))  # and dies before what follows
    call.refresh_from_db()
    assert call.state == Call.State.DIALLING
    colleague = phone.colleague()
    assert offer_next(phone.department.pk) == 1
    second = Call.objects.exclude(pk=call.pk).get(direction="outbound")
    party = second.parties.get()
    assert party.user == colleague
    tell(Line(), party, "in-progress")
    for _ in range(2):  # the sweep, and once more
        ending.end_deserted(call.pk)
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    # What came of the first takes nothing from the second.
    callback = Callback.objects.get()
    assert (callback.state, callback.tries) == (Callback.State.DIALLING, 0)
    assert orders().count("ring_patient") == 1


def test_an_agent_who_hangs_up_before_the_ring_costs_no_try(phone) -> None:
    promised(phone)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    tell(Line(), party, "completed")
    call.refresh_from_db()
    assert (call.state, call.sid) == (Call.State.ENDED, "")
    callback = Callback.objects.get()
    assert (callback.state, callback.tries) == (Callback.State.WAITING, 0)
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.not_before > timezone.now()


def test_a_number_that_the_provider_refuses_is_tried_three_times_at_most(phone) -> None:
    promised(phone)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    ending.line_ended(call.pk, "21211")
    assert Callback.objects.get().tries == 1


def test_outside_of_the_patients_hours_nobody_is_rung(phone, settings) -> None:
    promised(phone)
    now = timezone.now()
    tomorrow = (now + timedelta(hours=20)).astimezone(ZoneInfo(settings.TIME_ZONE))
    settings.CALLS_FROM = time(tomorrow.hour)
    settings.CALLS_UNTIL = time(tomorrow.hour, 59)
    offer_next(phone.department.pk)
    assert not Call.objects.filter(direction="outbound").exists()
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.not_before.astimezone(tomorrow.tzinfo).time() == settings.CALLS_FROM
    assert Offer.objects.get().outcome == Offer.Outcome.WITHDRAWN
    assert offer_next(phone.department.pk) == 0


def test_the_hours_are_asked_once_more_when_the_agent_is_there(phone, settings) -> None:
    promised(phone)
    _call, party = reserved(phone)
    local = timezone.now().astimezone(ZoneInfo(settings.TIME_ZONE))
    closed = (local + timedelta(hours=12)).hour
    settings.CALLS_FROM, settings.CALLS_UNTIL = time(closed), time(closed, 59)
    tell(Line(), party, "in-progress")
    assert "ring_patient" not in orders()
    callback = Callback.objects.get()
    assert (callback.state, callback.tries) == (Callback.State.WAITING, 0)
    assert callback.next_try_at > timezone.now() + timedelta(hours=1)


def test_who_says_stop_to_calls_is_not_called(phone) -> None:
    callback = promised(phone)
    agree.stop(callback.contact_point, channel="voice", source="staff", evidence="by letter")
    callback.refresh_from_db()
    assert callback.state == Callback.State.CANCELLED
    assert not QueueEntry.objects.filter(kind="callback", ended_at__isnull=True).exists()
    assert said()[-1] == "cancelled"


def test_a_stop_to_texts_leaves_the_call(phone) -> None:
    callback = promised(phone)
    agree.stop(callback.contact_point, channel="sms", source="keyword", evidence="STOP")
    callback.refresh_from_db()
    assert callback.state == Callback.State.WAITING


def test_who_calls_while_an_agent_is_asked_to_call_them_is_not_rung(phone) -> None:
    promised(phone)
    phone.choice("1", "department")
    call, party = reserved(phone)
    line = phone.call()
    menu = line.dial()
    tell(Line(), party, "in-progress")
    call.refresh_from_db()
    assert (call.state, call.end_reason) == (Call.State.ENDED, "on_the_line")
    assert "ring_patient" not in orders()
    assert Callback.objects.get().tries == 0
    assert not Offer.objects.filter(ended_at=None).exists()
    own = Call.objects.get(sid=line.sid)
    assert own.conversation_id == call.conversation_id
    line.press(menu, "1")
    offer_next(phone.department.pk)
    tell(Line(), own.parties.get(), "in-progress")
    assert Callback.objects.get().state == Callback.State.CANCELLED


def test_who_calls_while_they_are_rung_waits_for_a_person_of_their_own(phone) -> None:
    """It is somebody else on the same number, or they do not take our call."""
    promised(phone)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    line = phone.call()
    line.dial()
    own = Call.objects.get(sid=line.sid)
    assert own.conversation_id != call.conversation_id
    assert own.queue_entry is not None and own.queue_entry.ended_at is None


@pytest.mark.parametrize("state", ["in-progress", "no-answer"])
def test_who_calls_while_an_agent_dials_them_is_answered_by_one(phone, state) -> None:
    line = phone.call()
    line.dial()
    line.hang_up()
    conversation = Conversation.objects.get()
    point = conversation.contact_point
    assert point is not None
    call = outbound.dial(conversation, point, by=phone.agent)
    again = phone.call()
    again.dial()
    tell(Line(), call.parties.get(), state)
    call.refresh_from_db()
    assert call.state == Call.State.ENDED and not call.parties.filter(left_at=None).exists()
    offer_next(phone.department.pk)
    own = Call.objects.get(sid=again.sid)
    tell(Line(), own.parties.get(), "in-progress")
    own.refresh_from_db()
    assert own.state == Call.State.ROOM


def test_who_rings_in_and_is_answered_needs_no_callback(phone) -> None:
    promised(phone)
    line = phone.call()
    line.dial()
    offer_next(phone.department.pk)
    party = Call.objects.get(sid=line.sid).parties.get()
    tell(line, party, "in-progress")
    callback = Callback.objects.get()
    assert callback.state == Callback.State.CANCELLED
    entry = Entry.objects.get(kind=Entry.Kind.CALLBACK, detail__what="cancelled")
    assert entry.detail["why"] == "called_themselves"


def test_who_rings_in_and_gives_up_is_still_called_back(phone) -> None:
    promised(phone)
    line = phone.call()
    line.dial()
    assert QueueEntry.objects.get(ended_at__isnull=True).kind == "live"
    line.hang_up()
    assert callback_sweep.mend(timezone.now() + timedelta(minutes=1)) == 1
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.kind == "callback"
    assert callback_sweep.mend(timezone.now() + timedelta(minutes=1)) == 0


def test_nobody_is_called_while_they_are_on_the_line(phone) -> None:
    promised(phone)
    line = phone.call()
    phone.choice("1", "department")
    line.dial()  # and listens to the menu
    assert QueueEntry.objects.get(ended_at__isnull=True).kind == "callback"
    offer_next(phone.department.pk)
    assert not Call.objects.filter(direction="outbound").exists()
    assert QueueEntry.objects.get(ended_at__isnull=True).not_before > timezone.now()
    # And in their turn as soon as they have hung up, not two minutes later.
    line.hang_up()
    reserved(phone)


def test_what_is_resolved_needs_no_callback(phone) -> None:
    promised(phone)
    status.resolve(Conversation.objects.get(), "answered", by=phone.agent)
    assert Callback.objects.get().state == Callback.State.CANCELLED


def test_who_takes_it_from_the_list_and_forgets_is_helped_out(phone) -> None:
    callback = promised(phone)
    holder.claim(Conversation.objects.get(), phone.agent)
    assert not QueueEntry.objects.filter(ended_at__isnull=True).exists()
    soon = timezone.now() + timedelta(minutes=5)
    assert callback_sweep.mend(soon) == 0
    late = timezone.now() + callback_sweep.LEFT_TO_HOLDER + timedelta(minutes=1)
    assert callback_sweep.mend(late) == 1
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.prefer) == ("callback", phone.agent)
    callback.refresh_from_db()
    assert callback.state == Callback.State.WAITING


def test_who_calls_of_their_own_accord_keeps_the_promise(phone) -> None:
    callback = promised(phone)
    conversation = Conversation.objects.get()
    call = outbound.dial(conversation, callback.contact_point, by=phone.agent)
    assert call.callback == callback
    tell(Line(), call.parties.get(), "in-progress")
    patient = Line(NUMBER)
    patient.sid = f"CA{call.uuid.hex}"
    patient.ask(f"/twilio/voice/reached?c={call.uuid}")
    patient_line(call, "completed")
    callback.refresh_from_db()
    assert callback.state == Callback.State.REACHED


def test_a_colleague_who_took_it_first_stops_the_ring(phone, at_once) -> None:
    promised(phone)
    call, party = reserved(phone)
    colleague = phone.colleague()
    with at_once(execute=True):
        holder.claim(Conversation.objects.get(), colleague)
    tell(Line(), party, "in-progress")
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    assert "ring_patient" not in orders()
    assert Callback.objects.get().tries == 0


def test_an_agent_promises_a_time(phone) -> None:
    line = phone.call()
    line.dial()
    call = Call.objects.get()
    line.hang_up()
    conversation = Conversation.objects.get()
    holder.claim(conversation, phone.agent)
    now = timezone.now()
    slot = slots.slots_for(phone.department, call.contact_point, None, now)[2]
    callback = callbacks.promise(
        conversation,
        call.contact_point,
        phone.address,
        source=Callback.Source.AGENT,
        at=now,
        language="en",
        slot=slot,
        by=phone.agent,
        reason="Results are in",
    )
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.not_before, wait.prefer) == ("callback", slot.start, phone.agent)
    assert offer_next(phone.department.pk) == 0
    assert offer_next(phone.department.pk, slot.start + timedelta(seconds=1)) in (0, 1)
    line = Entry.objects.filter(kind=Entry.Kind.CALLBACK).latest("pk")
    assert datetime.fromisoformat(line.detail["due"]) == slot.start
    assert "Results" not in str(line.detail)
    assert callback.reason == "Results are in"


def test_a_promise_is_taken_back_and_stays_work(phone) -> None:
    callback = promised(phone)
    assert callbacks.withdraw(callback, by=phone.agent, at=timezone.now())
    assert not callbacks.withdraw(callback, by=phone.agent, at=timezone.now())
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.kind == QueueEntry.Kind.FOLLOW_UP


def test_a_promise_that_is_being_kept_cannot_be_taken_back(phone) -> None:
    callback = promised(phone)
    call, party = reserved(phone)
    tell(Line(), party, "in-progress")
    with pytest.raises(BeingCalled):
        callbacks.withdraw(callback, by=phone.agent, at=timezone.now())
    with pytest.raises(BeingCalled):
        callbacks.promise(
            call.conversation,
            call.contact_point,
            phone.address,
            source=Callback.Source.AGENT,
            at=timezone.now(),
            language="en",
        )


def test_a_promise_made_on_the_phone_waits_when_the_call_is_over(phone) -> None:
    line = phone.call()
    line.dial()
    offer_next(phone.department.pk)
    call = Call.objects.get()
    tell(line, call.parties.get(), "in-progress")
    conversation = Conversation.objects.get()
    callbacks.promise(
        conversation,
        call.contact_point,
        phone.address,
        source=Callback.Source.AGENT,
        at=timezone.now(),
        language="en",
        by=phone.agent,
    )
    conversation.refresh_from_db()
    assert conversation.holder == phone.agent
    assert callback_sweep.mend(timezone.now() + timedelta(minutes=1)) == 0
    line.hang_up()
    assert callback_sweep.mend(timezone.now() + timedelta(minutes=1)) == 1
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.prefer) == ("callback", phone.agent)


def test_who_said_stop_is_promised_nothing(phone) -> None:
    line = phone.call()
    line.dial()
    call = Call.objects.get()
    agree.stop(call.contact_point, channel="voice", source="staff", evidence="by letter")
    assert not callbacks.can_call(call, timezone.now())
    with pytest.raises(errors.OptedOut):
        callbacks.promise(
            call.conversation,
            call.contact_point,
            phone.address,
            source=Callback.Source.CHAT,
            at=timezone.now(),
            language="en",
        )


def test_who_withholds_their_number_is_offered_no_callback(phone) -> None:
    phone.choice("3", "callback")
    line = Line("anonymous", phone.address.value)
    document = line.press(line.dial(), "3")
    assert "cannot call this number" in document.said
    assert not Callback.objects.exists()


def test_who_asks_by_night_is_told_when(phone, settings) -> None:
    phone.choice("3", "callback")
    local = timezone.now().astimezone(ZoneInfo(settings.TIME_ZONE))
    later = (local + timedelta(hours=3)).hour
    settings.CALLS_FROM, settings.CALLS_UNTIL = time(later), time(later, 59)
    line = phone.call()
    document = line.press(line.dial(), "3")
    assert "We will call you back at this number" in document.said
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.not_before == Callback.objects.get().next_try_at
    assert wait.not_before.astimezone(UTC) > timezone.now()


def test_the_promise_waits_though_its_row_in_the_queue_is_lost(phone) -> None:
    promised(phone)
    queue.withdraw(Conversation.objects.get(), at=timezone.now())  # a row that broke by hand
    later = timezone.now() + timedelta(minutes=1)
    assert callback_sweep.mend(later) == 1
    assert callback_sweep.mend(later) == 0
    assert QueueEntry.objects.get(ended_at__isnull=True).kind == "callback"
