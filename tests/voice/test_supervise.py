"""Supervisors on running calls: of their own departments, as they say, and never unrecorded."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.voice import desk, errors, handover, provider, reconcile, supervise
from channels_app.voice.models import Call, Party
from hub.audit.models import AuditEvent
from hub.conversations.actions import holder
from hub.conversations.errors import NotAllowed
from hub.staff.models import Department
from tests.factories import UserFactory
from tests.voice.floor import Floor, is_occupied, orders, party_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


def listened() -> list[object]:
    """How supervisors listened in, as the audit has it."""
    found = AuditEvent.objects.filter(action="listen_in").order_by("pk")
    return [one.detail["mode"] for one in found]


def coached(floor: Floor, call: Call) -> str:
    """Whose line the supervisor's whisper is sent to."""
    party = party_of(call, floor.sue)
    return provider._presence(party)["call_sid_to_coach"]  # what is sent to the provider


def test_a_supervisor_listens_whispers_and_joins(floor: Floor) -> None:
    call = floor.talking()
    for _ in range(2):
        supervise.begin(call.uuid, "listen", by=floor.sue)
    party = party_of(call, floor.sue)
    assert orders(call, "ring")[-1] == {"do": "ring", "party": party.pk}
    assert party.answers_itself and is_occupied(floor.sue)
    floor.join(floor.sue)
    state = desk.state_of(floor.sue)
    assert state is not None and state.as_ == "supervisor"
    assert state.may == {"hang_up", "whisper", "join"}
    before = len(orders(call, "set"))
    for _ in range(2):
        supervise.set_mode(call.uuid, "whisper", by=floor.sue)
    assert len(orders(call, "set")) == before + 1
    assert listened() == ["listen", "whisper"]
    for _ in range(2):
        supervise.leave(call.uuid, by=floor.sue)
    assert not is_occupied(floor.sue) and desk.state_of(floor.sue) is None
    assert Call.objects.get(pk=call.pk).state == Call.State.ROOM


@pytest.mark.parametrize("restricted", [True, False])
def test_only_supervisors_of_the_calls_department_listen(floor: Floor, restricted: bool) -> None:
    Department.objects.filter(pk=floor.front.pk).update(restricted=restricted)
    call = floor.talking()
    others = UserFactory(supervisor=True, departments=[floor.billing])
    for user in (floor.ben, others, UserFactory(administrator=True)):
        with pytest.raises(NotAllowed):
            supervise.begin(call.uuid, "listen", by=user)
        assert supervise.running(user) == []
    supervise.begin(call.uuid, "listen", by=floor.sue)
    assert listened() == ["listen"]


def test_who_supervises_another_department_goes_on_no_longer_when_the_call_moved(
    floor: Floor,
) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    supervise.begin(call.uuid, "listen", by=floor.sue)
    floor.join(floor.sue)
    handover.consult(call.uuid, floor.cleo, by=floor.ana)
    floor.join(floor.cleo)
    handover.complete(call.uuid, by=floor.ana)
    with pytest.raises(NotAllowed):
        supervise.set_mode(call.uuid, "talk", by=floor.sue)


def test_a_whisper_is_heard_by_whoever_leads_the_call(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    supervise.begin(call.uuid, "whisper", by=floor.sue)
    floor.join(floor.sue)
    assert coached(floor, call) == party_of(call, floor.ana).sid
    handover.consult(call.uuid, floor.ben, by=floor.ana)
    floor.join(floor.ben)
    assert coached(floor, call) == party_of(call, floor.ana).sid, "Ben is only asked"
    handover.complete(call.uuid, by=floor.ana)
    assert coached(floor, call) == party_of(call, floor.ben).sid
    mine = {"do": "set", "party": party_of(call, floor.sue).pk}
    assert mine in orders(call)[-3:], "and the provider is told"


def test_who_is_on_a_call_cannot_listen_to_another(floor: Floor) -> None:
    call = floor.talking()
    floor.go(floor.ana)
    floor.arrive(floor.sue)
    own = floor.ring_in("+15550100143")
    Party.objects.create(call=own, kind=Party.Kind.AGENT, user=floor.sue)
    with pytest.raises(errors.OnThePhone):
        supervise.begin(call.uuid, "listen", by=floor.sue)


def test_for_whom_a_patient_waits_is_not_free_when_they_stop_listening_to_another(
    floor: Floor,
) -> None:
    floor.arrive(floor.sue)
    own = floor.ring_in()
    holder.claim(own.conversation, floor.sue)
    floor.join(floor.sue)
    other = floor.talking(floor.ana, "+15550100143")
    floor.lose(floor.sue)
    supervise.begin(other.uuid, "listen", by=floor.sue)
    floor.join(floor.sue)
    supervise.leave(other.uuid, by=floor.sue)
    assert is_occupied(floor.sue), "her own caller hears music until she is back"
    Call.objects.filter(pk=own.pk).update(alone_since=timezone.now() - timedelta(minutes=1))
    assert reconcile.return_to_queue() == 1
    assert not is_occupied(floor.sue)


def test_there_is_nothing_to_hear_of_a_call_that_waits_or_is_over(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    waiting = floor.ring_in("+15550100143")
    with pytest.raises(errors.NotConnected):
        supervise.begin(waiting.uuid, "listen", by=floor.sue)
    floor.patient_hangs_up(call)
    with pytest.raises(errors.CallOver):
        supervise.begin(call.uuid, "listen", by=floor.sue)
    with pytest.raises(errors.NotOnThisCall):
        supervise.set_mode(call.uuid, "listen", by=floor.sue)
    with pytest.raises(ValueError, match="shout"):
        supervise.begin(call.uuid, "shout", by=floor.sue)
    assert listened() == []


def test_the_end_of_the_call_is_the_end_of_listening(floor: Floor) -> None:
    call = floor.talking()
    supervise.begin(call.uuid, "talk", by=floor.sue)
    floor.join(floor.sue)
    floor.patient_hangs_up(call)
    assert not is_occupied(floor.sue) and desk.state_of(floor.sue) is None
    supervise.leave(call.uuid, by=floor.sue)


def test_running_calls_of_the_own_departments(floor: Floor, django_assert_max_num_queries) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    waiting = floor.ring_in("+15550100143")
    supervise.begin(call.uuid, "listen", by=floor.sue)
    floor.join(floor.sue)
    with django_assert_max_num_queries(2):
        found = supervise.running(floor.sue)
    assert [(one.call, one.stage, one.agents, one.supervisors) for one in found] == [
        (call.uuid, "talking", ("Ana Agent",), ("Sue Supervisor",)),
        (waiting.uuid, "waiting", (), ()),
    ]
    assert found[0].who == "(555) 010-0142"
