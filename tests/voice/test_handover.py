"""A running call goes to somebody else, and its patient always has music or a person."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.voice import desk, ending, errors, handover, placing, reconcile, rooms
from channels_app.voice.models import Call, Party, Recording, WrapUp
from hub.audit.models import AuditEvent
from hub.conversations.actions import holder
from hub.conversations.errors import HeldByAnother, NotAllowed
from hub.conversations.models import Assignment, Conversation
from hub.routing.models import QueueEntry
from hub.staff import presence
from tests.factories import DepartmentFactory, LinkFactory, UserFactory
from tests.voice.floor import Floor, is_occupied, orders, party_of, patient_of, told, unfinished

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


def fresh(call: Call) -> Call:
    return Call.objects.select_related("conversation", "queue_entry").get(pk=call.pk)


def handed_over() -> list[dict[str, object]]:
    """What the audit says of calls that were handed over."""
    return list(AuditEvent.objects.filter(action="hand_over").values_list("detail", flat=True))


# --- Cold: to a department ---


def test_a_patient_goes_to_the_front_of_another_departments_queue(floor: Floor) -> None:
    call = floor.talking()
    first = fresh(call).queue_entry
    assert first is not None
    floor.arrive(floor.cleo)
    handover.to_department(call.uuid, floor.billing, by=floor.ana)

    now = fresh(call)
    assert now.state == Call.State.QUEUED and now.conversation.department == floor.billing
    assert now.conversation.holder is None
    wait = now.queue_entry
    assert wait is not None and wait.department == floor.billing
    assert (wait.place_since, wait.parent) == (first.place_since, first)
    assert orders(call)[-1] == {"do": "move", "call": call.pk, "move": now.moves}
    assert {one["do"] for one in orders(call)[2:]} == {"move"}, "nobody is hung up on before that"
    assert not now.parties.filter(left_at=None).exists()
    assert WrapUp.objects.get(done_at=None).user == floor.ana
    assert handed_over() == [{"department": floor.billing.pk, "to": None}]
    assert "sent_to_department" in told(call)

    said = str(placing.place(now))
    assert "<Enqueue" in said and str(floor.billing.uuid) in said
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    now = fresh(call)
    assert now.state == Call.State.ROOM and now.conversation.holder == floor.cleo
    assert patient_of(now) is not None
    floor.patient_hangs_up(call)
    assert unfinished(call) == []


def test_handing_over_twice_is_handing_over_once(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    for _ in range(2):
        handover.to_department(call.uuid, floor.billing, by=floor.ana)
    assert len(orders(call, "move")) == 2, "into the room, and out of it"
    assert len(handed_over()) == 1


def test_whoever_hands_over_to_their_own_department_is_not_asked_first(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    handover.to_department(call.uuid, floor.front, by=floor.ana)
    desk_of_ana = desk.state_of(floor.ana)
    assert desk_of_ana is not None and desk_of_ana.stage == "wrap_up"
    ending.finish_wrap_up(floor.ana)
    floor.offer()
    assert party_of(call, floor.ben).left_at is None
    assert Assignment.objects.order_by("-pk")[0].by == floor.ana


def test_nobody_is_sent_where_nobody_is(floor: Floor) -> None:
    call = floor.talking()
    with pytest.raises(errors.DepartmentClosed):
        handover.to_department(call.uuid, floor.billing, by=floor.ana)
    assert fresh(call).state == Call.State.ROOM


def test_a_held_patient_is_handed_over_without_an_order_that_could_end_their_line(
    floor: Floor,
) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    desk.hold(call.uuid, True, by=floor.ana)
    held = patient_of(call)
    assert held is not None
    handover.to_department(call.uuid, floor.billing, by=floor.ana)
    held.refresh_from_db()
    assert held.sid == "", "an order to it that comes late finds no line"
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    again = patient_of(call)
    assert again is not None and again.sid == call.sid and not again.held


def test_the_recording_goes_by_the_department_and_a_refusal_goes_along(floor: Floor) -> None:
    floor.record_calls(floor.front)
    floor.arrive(floor.cleo, floor.ben)
    call = floor.talking()
    handover.to_department(call.uuid, floor.billing, by=floor.ana)
    assert Recording.objects.get().wanted == "stopped", "billing does not record"

    other = floor.talking(floor.ben, "+15550100143")
    floor.record_calls(floor.billing)
    desk.refuse_recording(other.uuid, by=floor.ben)
    handover.to_department(other.uuid, floor.billing, by=floor.ben)
    now = fresh(other)
    assert "recorded" not in str(placing.place(now))
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    assert not Recording.objects.filter(call=other).exclude(wanted="stopped").exists()


def test_the_notice_is_heard_before_a_department_that_records(floor: Floor) -> None:
    floor.record_calls(floor.billing)
    floor.arrive(floor.cleo)
    call = floor.talking()
    assert fresh(call).notice_at is None
    handover.to_department(call.uuid, floor.billing, by=floor.ana)
    now = fresh(call)
    assert "may be recorded" in str(placing.place(now))
    assert fresh(call).notice_at is not None
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    assert Recording.objects.get(call=call).wanted == "running"


# --- Cold: to a person ---


def test_a_colleague_is_asked_first_and_then_the_others(floor: Floor) -> None:
    dora = UserFactory(name="Dora Clerk", departments=[floor.billing])
    floor.arrive(floor.cleo, dora)
    call = floor.talking()
    handover.to_person(call.uuid, dora, by=floor.ana)
    now = fresh(call)
    assert now.conversation.department == floor.billing, "Dora's"
    floor.offer(floor.billing)
    assert party_of(call, dora).left_at is None
    floor.miss(dora)
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    assert fresh(call).conversation.holder == floor.cleo


def test_who_cannot_take_it_is_not_handed_a_call(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    nobody = UserFactory()
    for user, refused in (
        (floor.ana, NotAllowed),
        (floor.cleo, errors.CannotTakeCalls),  # not there
        (nobody, errors.CannotTakeCalls),  # of no department
        (UserFactory(administrator=True), errors.CannotTakeCalls),
    ):
        for deed in (handover.to_person, handover.consult):
            with pytest.raises(refused):
                deed(call.uuid, user, by=floor.ana)
    presence.set_presence(floor.ben, "busy")
    with pytest.raises(errors.CannotTakeCalls):
        handover.to_person(call.uuid, floor.ben, by=floor.ana)
    presence.set_presence(floor.ben, "available")
    floor.go(floor.ana)
    floor.talking(floor.ben, "+15550100143")
    for deed in (handover.to_person, handover.consult):
        with pytest.raises(errors.OnThePhone):
            deed(call.uuid, floor.ben, by=floor.ana)
    assert fresh(call).state == Call.State.ROOM


# --- Warm ---


def consulting(floor: Floor, *, joined: bool = True) -> Call:
    """Ana has the patient on hold, and speaks with Ben (or rings him)."""
    call = floor.talking()
    floor.arrive(floor.ben)
    for _ in range(2):
        handover.consult(call.uuid, floor.ben, by=floor.ana)
    if joined:
        floor.join(floor.ben)
    return call


def test_a_call_is_introduced_to_a_colleague(floor: Floor) -> None:
    call = consulting(floor, joined=False)
    patient = patient_of(call)
    assert patient is not None and patient.held
    assert is_occupied(floor.ben)
    state = desk.state_of(floor.ben)
    assert state is not None and (state.stage, state.reason) == ("ringing", "consult")
    with pytest.raises(errors.NobodyAnswered):
        handover.complete(call.uuid, by=floor.ana)
    floor.join(floor.ben)
    state = desk.state_of(floor.ana)
    assert state is not None and {"complete_handover", "give_up_handover"} <= state.may
    assert "hand_over" not in state.may
    with pytest.raises(errors.NotOnThisCall):
        handover.complete(call.uuid, by=floor.ben)

    for _ in range(2):
        handover.complete(call.uuid, by=floor.ana)
    patient.refresh_from_db()
    assert not patient.held
    assert fresh(call).conversation.holder == floor.ben
    assert party_of(call, floor.ana).left_at is not None
    assert {"do": "set", "party": party_of(call, floor.ana).pk} in orders(call)
    assert WrapUp.objects.get(done_at=None).user == floor.ana
    assert handed_over() == [{"to": floor.ben.pk}]
    state = desk.state_of(floor.ben)
    assert state is not None and state.stage == "talking" and "hand_over" in state.may

    desk.hang_up(call.uuid, by=floor.ben)
    assert fresh(call).state == Call.State.ENDED
    talked = call.conversation.events.filter(kind__startswith="talk_").order_by("pk")
    assert [(one.kind, one.agent_id) for one in talked] == [
        ("talk_started", floor.ana.pk),
        ("talk_ended", floor.ana.pk),
        ("talk_started", floor.ben.pk),
        ("talk_ended", floor.ben.pk),
    ]
    assert unfinished(call) == []


def test_one_colleague_is_asked_at_a_time(floor: Floor) -> None:
    call = consulting(floor, joined=False)
    floor.arrive(floor.cleo)
    with pytest.raises(errors.BeingAsked):
        handover.consult(call.uuid, floor.cleo, by=floor.ana)


def test_the_conversation_goes_along_to_the_colleagues_department(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    handover.consult(call.uuid, floor.cleo, by=floor.ana)
    floor.join(floor.cleo)
    handover.complete(call.uuid, by=floor.ana)
    assert fresh(call).conversation.department == floor.billing


def test_who_is_asked_from_elsewhere_learns_no_name_before_they_have_the_call(floor: Floor) -> None:
    point = LinkFactory(verified=True).contact_point
    call = floor.talking(number=point.value)
    floor.arrive(floor.cleo)
    name = fresh(call).conversation.patient
    assert name is not None
    handover.consult(call.uuid, floor.cleo, by=floor.ana)
    floor.join(floor.cleo)
    state = desk.state_of(floor.cleo)
    assert state is not None and state.who == "Patient"
    assert all(name.name not in one.name for one in state.parties)
    handover.complete(call.uuid, by=floor.ana)
    state = desk.state_of(floor.cleo)
    assert state is not None and state.who == name.name


@pytest.mark.parametrize("joined", [True, False])
def test_a_handover_is_given_up(floor: Floor, joined: bool) -> None:
    call = consulting(floor, joined=joined)
    for _ in range(2):
        handover.give_up(call.uuid, by=floor.ana)
    patient = patient_of(call)
    assert patient is not None and not patient.held
    assert party_of(call, floor.ben).why_left == "given_up"
    assert desk.state_of(floor.ben) is None and not is_occupied(floor.ben)
    assert fresh(call).conversation.holder == floor.ana
    assert told(call).count("handover_given_up") == 1


@pytest.mark.parametrize("joined", [True, False])
def test_a_colleague_who_goes_leaves_the_patient_with_the_first_agent(
    floor: Floor, joined: bool
) -> None:
    call = consulting(floor, joined=joined)
    desk.hang_up(call.uuid, by=floor.ben)
    now = fresh(call)
    assert now.state == Call.State.ROOM and now.conversation.holder == floor.ana
    assert ("colleague_left" if joined else "colleague_did_not_come") in told(call)
    patient = patient_of(call)
    assert patient is not None and patient.held, "until Ana takes them back, or asks another"
    assert not is_occupied(floor.ben)
    assert not WrapUp.objects.exists()
    desk.hold(call.uuid, False, by=floor.ana)
    floor.patient_hangs_up(call)
    assert unfinished(call) == []


@pytest.mark.parametrize("lost", [True, False])
def test_the_colleague_goes_on_with_the_patient_when_the_first_agent_is_gone(
    floor: Floor, lost: bool
) -> None:
    call = consulting(floor)
    if lost:
        floor.lose(floor.ana)
    else:
        desk.hang_up(call.uuid, by=floor.ana)
    now = fresh(call)
    assert now.conversation.holder == floor.ben and now.alone_since is None
    patient = patient_of(call)
    assert patient is not None and not patient.held
    assert WrapUp.objects.get(done_at=None).user == floor.ana
    assert not desk.ready(floor.ana)


def test_a_colleague_who_comes_after_the_first_agent_was_lost_has_the_patient(
    floor: Floor,
) -> None:
    call = consulting(floor, joined=False)
    floor.lose(floor.ana)
    assert fresh(call).alone_since is not None
    assert desk.ready(floor.ana)
    floor.join(floor.ben)
    now = fresh(call)
    assert now.conversation.holder == floor.ben and now.alone_since is None
    assert party_of(call, floor.ana).why_left == "taken_over", "her phone rings no longer"
    assert WrapUp.objects.get(done_at=None).user == floor.ana
    floor.patient_hangs_up(call)
    assert unfinished(call) == []


@pytest.mark.parametrize("joined", [True, False])
def test_a_patient_may_hang_up_in_the_middle(floor: Floor, joined: bool) -> None:
    call = consulting(floor, joined=joined)
    floor.patient_hangs_up(call)
    assert WrapUp.objects.get(done_at=None).user == floor.ana, "Ben has nothing to note"
    assert not is_occupied(floor.ben) and desk.state_of(floor.ben) is None
    with pytest.raises(errors.CallOver):
        handover.complete(call.uuid, by=floor.ana)
    with pytest.raises(errors.CallOver):
        handover.give_up(call.uuid, by=floor.ana)
    assert unfinished(call) == []


def test_what_a_supervisor_gave_to_somebody_else_is_not_handed_over(floor: Floor) -> None:
    call = consulting(floor)
    Conversation.objects.filter(pk=call.conversation_id).update(holder=floor.sue)
    with pytest.raises(HeldByAnother):
        handover.complete(call.uuid, by=floor.ana)
    assert party_of(call, floor.ana).left_at is None


@pytest.mark.parametrize("moved", [True, False])
def test_what_is_given_back_while_they_talk_waits_when_the_call_is_over(
    floor: Floor, moved: bool
) -> None:
    """The person at the phone keeps the caller; for nobody else there is a wait meanwhile."""
    call = floor.talking()
    conversation = fresh(call).conversation
    if moved:
        holder.move_to_department(conversation, floor.billing, by=floor.ana, reason="billing")
    else:
        holder.assign(conversation, None, by=floor.sue, expected_holder_id=floor.ana.pk)
    assert not QueueEntry.objects.filter(ended_at=None).exists()
    state = desk.state_of(floor.ana)
    assert state is not None and state.stage == "talking"
    desk.hold(call.uuid, True, by=floor.ana)
    floor.patient_hangs_up(call)
    wait = QueueEntry.objects.get(ended_at=None)
    assert wait.kind == QueueEntry.Kind.FOLLOW_UP
    assert wait.department == (floor.billing if moved else floor.front)


def test_a_supervisor_who_takes_it_while_they_talk_opens_no_wait(floor: Floor) -> None:
    call = floor.talking()
    conversation = fresh(call).conversation
    holder.assign(conversation, floor.sue, by=floor.sue, expected_holder_id=floor.ana.pk)
    assert not QueueEntry.objects.filter(ended_at=None).exists()
    desk.hang_up(call.uuid, by=floor.ana)
    assert not QueueEntry.objects.filter(ended_at=None).exists(), "Sue has it"
    assert fresh(call).conversation.holder == floor.sue


def test_what_nobody_holds_is_the_colleagues_who_takes_the_call_over(floor: Floor) -> None:
    call = consulting(floor)
    conversation = fresh(call).conversation
    holder.assign(conversation, None, by=floor.sue, expected_holder_id=floor.ana.pk)
    handover.complete(call.uuid, by=floor.ana)
    assert fresh(call).conversation.holder == floor.ben
    given_back = conversation.events.filter(kind="unassigned", agent_id=floor.ana.pk)
    assert given_back.count() == 0, "she had given it back before"


def test_whoever_rings_is_called_off_when_the_patient_is_queued_again(floor: Floor) -> None:
    call = consulting(floor, joined=False)
    ringing = party_of(call, floor.ben)
    rooms.rings(ringing.pk, "CA" + "f" * 32)
    floor.lose(floor.ana)
    later = timezone.now() + rooms.RETURN_GRACE + timedelta(seconds=1)
    assert reconcile.return_to_queue(later) == 1
    assert orders(call)[-2:] == [
        {"do": "set", "party": ringing.pk},
        {"do": "move", "call": call.pk, "move": fresh(call).moves},
    ]
    assert not is_occupied(floor.ben) and not is_occupied(floor.ana)
    floor.offer()
    assert party_of(call, floor.ana).left_at is None, "she is asked first"
    floor.join(floor.ana)
    assert fresh(call).state == Call.State.ROOM


# --- Guests ---


def test_an_interpreter_is_rung_into_the_room_and_told_of_the_recording(floor: Floor) -> None:
    floor.record_calls(floor.front)
    call = floor.talking()
    guests = [
        handover.add_guest(call.uuid, number, "interpreter", by=floor.ana)
        for number in ("(555) 010-0999", "+15550100999")
    ]
    assert len({one.pk for one in guests}) == 1
    guest = guests[0]
    assert orders(call, "ring")[-1] == {"do": "ring", "party": guest.pk}
    floor.guest_joins(guest)
    assert orders(call, "announce") == [{"do": "announce", "party": guest.pk}]
    for _ in range(2):
        handover.remove(guest.uuid, by=floor.ana)
    assert orders(call, "set")[-1] == {"do": "set", "party": guest.pk}
    assert [what for what in told(call) if what.startswith("guest")] == [
        "guest_invited",
        "guest_joined",
        "guest_left",
    ]
    assert "0999" not in str([one.detail for one in call.conversation.entries.all()])


def test_a_guest_of_a_call_that_nobody_records_hears_no_notice(floor: Floor) -> None:
    floor.record_calls(floor.front)
    call = floor.talking()
    desk.refuse_recording(call.uuid, by=floor.ana)
    guest = handover.add_guest(call.uuid, "+15550100999", "relative", by=floor.ana)
    floor.guest_joins(guest)
    assert orders(call, "announce") == []


def test_a_guest_who_does_not_answer_is_gone(floor: Floor) -> None:
    call = floor.talking()
    guest = handover.add_guest(call.uuid, "+15550100999", "other", by=floor.ana)
    rooms.left(guest.pk, "no-answer")
    assert told(call)[-1] == "guest_did_not_come"
    assert fresh(call).state == Call.State.ROOM


def test_what_is_no_number_or_no_guest_is_refused(floor: Floor) -> None:
    call = consulting(floor)
    for number in ("911", "call me", "+1555010099912345678"):
        with pytest.raises(errors.NotANumber):
            handover.add_guest(call.uuid, number, "other", by=floor.ana)
    with pytest.raises(ValueError, match="nobody"):
        handover.add_guest(call.uuid, "+15550100999", "nobody", by=floor.ana)
    with pytest.raises(NotAllowed):
        handover.remove(party_of(call, floor.ben).uuid, by=floor.ana)
    assert not call.parties.filter(kind=Party.Kind.GUEST).exists()


# --- Whoever is not on the call ---


@pytest.mark.parametrize(
    "deed",
    [
        lambda f, c: handover.to_department(c.uuid, f.billing, by=f.ben),
        lambda f, c: handover.to_person(c.uuid, f.cleo, by=f.ben),
        lambda f, c: handover.consult(c.uuid, f.cleo, by=f.ben),
        lambda f, c: handover.complete(c.uuid, by=f.ben),
        lambda f, c: handover.give_up(c.uuid, by=f.ben),
        lambda f, c: handover.add_guest(c.uuid, "+15550100999", "other", by=f.ben),
        lambda f, c: handover.remove(party_of(c, f.ana).uuid, by=f.ben),
    ],
)
def test_who_is_not_on_the_call_hands_nothing_over(floor: Floor, deed) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    with pytest.raises(errors.NotOnThisCall):
        deed(floor, call)
    assert fresh(call).conversation.holder == floor.ana


# --- To whom ---


def test_colleagues_are_listed_with_where_they_are(
    floor: Floor, django_assert_max_num_queries
) -> None:
    floor.talking()
    floor.arrive(floor.cleo)
    UserFactory(administrator=True, departments=[floor.front])
    UserFactory(name="Gone", is_active=False, departments=[floor.front])
    UserFactory(name="Abe Agent", departments=[floor.front, DepartmentFactory(name="Zeal")])
    with django_assert_max_num_queries(4):
        found = handover.people(floor.ben)
    assert [(one.name, one.is_on_the_phone) for one in found] == [
        ("Cleo Clerk", False),
        ("Ana Agent", True),
        ("Abe Agent", False),
        ("Sue Supervisor", False),
    ]
    assert found[2].departments == ("Front desk", "Zeal")
