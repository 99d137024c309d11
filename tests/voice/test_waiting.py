"""A caller waits: whatever becomes of their wait, somebody's phone rings for them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.voice import waiting
from channels_app.voice.lining_up import wait_of
from channels_app.voice.models import Call, Callback
from hub.conversations.actions import holder
from hub.routing import overflowing
from hub.routing.models import ChannelRules
from tests.factories import LinkFactory
from tests.voice.conftest import Phone
from tests.voice.floor import Floor, party_of
from tests.voice.line import Line

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


def fresh(call: Call) -> Call:
    return Call.objects.select_related("conversation", "contact_point").get(pk=call.pk)


# --- Where the wait goes ---


def test_a_caller_who_is_moved_is_answered_in_the_other_department(floor: Floor) -> None:
    floor.arrive(floor.ana, floor.cleo)
    call = floor.ring_in()
    floor.offer()
    holder.move_to_department(call.conversation, floor.billing, by=floor.ana, reason="moved")
    assert party_of(call, floor.ana).left_at is not None, "her phone rings no longer"
    assert "keep your place" in str(waiting.hear(fresh(call))), "they wait as before"
    floor.offer(floor.billing)
    floor.join(floor.cleo)
    now = fresh(call)
    assert now.state == Call.State.ROOM and now.conversation.holder == floor.cleo


def test_a_caller_who_overflows_is_answered_in_the_other_department(floor: Floor) -> None:
    ChannelRules.objects.create(
        department=floor.front,
        channel="voice",
        offers=True,
        capacity=1,
        precedence=1,
        overflow="department",
        overflow_seconds=10,
        overflow_to=floor.billing,
    )
    floor.arrive(floor.ana, floor.cleo)
    call = floor.ring_in()
    assert overflowing.overflow_due(timezone.now() + timedelta(seconds=11)) == 1
    floor.offer(floor.billing)
    floor.miss(floor.cleo)
    wait = wait_of(call)
    assert wait is not None and wait.offers.get().outcome == "refused", "the next one is asked"
    holder.claim(fresh(call).conversation, floor.cleo)
    floor.join(floor.cleo)
    assert fresh(call).state == Call.State.ROOM


# --- Two callers of one number ---


def test_a_second_caller_of_a_number_waits_for_a_person_of_their_own(floor: Floor) -> None:
    """Somebody redials before we are told that they had hung up; or a family shares a phone."""
    floor.arrive(floor.ana, floor.ben)
    first = floor.ring_in()
    second = floor.ring_in()
    assert first.conversation_id != second.conversation_id
    floor.patient_hangs_up(first)
    assert wait_of(second) is not None
    floor.offer()
    rung = fresh(second).parties.get()
    assert rung.user is not None
    floor.join(rung.user)
    third = floor.ring_in()
    assert third.conversation_id not in (first.conversation_id, second.conversation_id)
    assert fresh(second).conversation.holder == rung.user, "their agent keeps them"


def test_two_phones_of_one_patient_call_at_once(floor: Floor) -> None:
    floor.arrive(floor.ana)
    one = LinkFactory(verified=True)
    other = LinkFactory(verified=True, patient=one.patient)
    first = floor.ring_in(one.contact_point.value)
    second = floor.ring_in(other.contact_point.value)
    assert first.conversation_id != second.conversation_id
    assert wait_of(first) is not None and wait_of(second) is not None
    floor.patient_hangs_up(second)
    floor.patient_hangs_up(first)


def test_who_calls_again_when_they_have_hung_up_goes_on_where_they_were(floor: Floor) -> None:
    floor.arrive(floor.ana)
    first = floor.ring_in()
    floor.patient_hangs_up(first)
    assert floor.ring_in().conversation_id == first.conversation_id


# --- Who was to come ---


def test_who_was_given_the_caller_of_a_colleague_is_asked_when_that_one_answers(
    floor: Floor,
) -> None:
    floor.arrive(floor.ana, floor.ben)
    call = floor.ring_in()
    conversation = holder.claim(call.conversation, floor.ana)
    holder.assign(conversation, floor.ben, by=floor.sue, expected_holder_id=floor.ana.pk)
    floor.join(floor.ana)
    assert party_of(call, floor.ana).why_left == "not_needed"
    wait = wait_of(call)
    assert wait is not None and wait.prefer == floor.ben
    floor.offer()
    floor.join(floor.ben)
    now = fresh(call)
    assert now.state == Call.State.ROOM and now.conversation.holder == floor.ben


def test_a_caller_who_is_given_back_while_a_phone_rings_has_one_wait_at_most(
    floor: Floor,
) -> None:
    floor.arrive(floor.ana, floor.ben)
    call = floor.ring_in()
    conversation = holder.claim(call.conversation, floor.ana)
    holder.assign(conversation, None, by=floor.ana, expected_holder_id=floor.ana.pk)
    assert wait_of(call) is None, "her phone rings"
    floor.miss(floor.ana)
    assert wait_of(call) is not None


# --- A digit ---


def test_who_chooses_a_callback_hears_goodbye_once(phone: Phone) -> None:
    line = phone.call()
    said = [line.dial()]
    said.append(line.ask("/twilio/voice/wait-choice", Digits="1"))
    said.append(line.ask("/twilio/voice/left?s=9", QueueResult="leave"))
    assert [one.said.count("Goodbye") for one in said] == [0, 1, 0]
    assert said[2].has("Hangup")


def test_who_presses_again_hears_again_that_they_are_called(phone: Phone) -> None:
    line = phone.call()
    line.dial()
    for _ in range(2):
        document = line.ask("/twilio/voice/wait-choice", Digits="1")
        assert document.has("Leave") and "call you back" in document.said
    assert Callback.objects.count() == 1


@pytest.mark.parametrize("answered", [True, False])
def test_a_digit_that_comes_late_takes_nobody_from_the_agent_who_comes(
    floor: Floor, answered: bool
) -> None:
    floor.arrive(floor.ana)
    call = floor.ring_in()
    holder.claim(call.conversation, floor.ana)
    if answered:
        floor.join(floor.ana)
    line = Line()
    line.sid = call.sid
    document = line.ask("/twilio/voice/wait-choice", Digits="1")
    assert document.has("Redirect") and not document.has("Leave"), "music, until they are there"
    assert not Callback.objects.exists()
    assert fresh(call).state == (Call.State.ROOM if answered else Call.State.QUEUED)
