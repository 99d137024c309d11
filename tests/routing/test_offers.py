"""Offers: to whom, for how long, and what becomes of them."""

from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from hub.conversations import errors
from hub.conversations.actions import calls, holder, status
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation
from hub.routing import capacity, dispatcher, offers, queue
from hub.routing.dispatch import offer_next
from hub.routing.errors import NoSuchOffer, OfferOver, WaitOver
from hub.routing.models import ChannelRules, DepartmentRules, Offer, QueueEntry, Readiness
from hub.routing.offers import LAPSES
from hub.routing.signals import overflow_due
from hub.staff import presence
from hub.staff.models import Tab
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    PatientFactory,
    UserFactory,
    inbound,
)
from tests.routing.conftest import call_leg, later, open_wait

pytestmark = pytest.mark.django_db


def the_offer() -> Offer:
    """The only open one."""
    return Offer.objects.select_related("queue_entry").get(ended_at=None)


def test_a_chat_is_offered_and_accepting_it_takes_it(department, agent, chats) -> None:
    wait, someone = chats(), agent()
    assert offer_next(department.pk) == 1
    offer = the_offer()
    assert (offer.agent, offer.queue_entry, offer.fills) == (someone, wait, False)
    assert offer_next(department.pk) == 0, "one offer a wait"
    offers.accept(offer.uuid, someone, at=timezone.now())
    offer.refresh_from_db()
    wait.refresh_from_db()
    assert offer.outcome == "accepted" and wait.outcome == "accepted"
    assert wait.accepted_by == someone
    assert Conversation.objects.get().holder == someone
    kinds = list(wait.conversation.events.values_list("kind", flat=True))
    assert kinds.count("queue_entered") == kinds.count("queue_accepted") == 1
    assert kinds.count("offer_made") == 1
    assert offers.accept(offer.uuid, someone, at=timezone.now()).outcome == "accepted", "again"
    assert list(wait.conversation.events.values_list("kind", flat=True)) == kinds


def test_a_call_ends_its_wait_and_offer_when_it_is_answered(department, agent, callers) -> None:
    wait, someone = callers(), agent()
    offer_next(department.pk)
    offer = the_offer()
    assert offer.fills
    assert calls.answered(wait.conversation, someone, call_leg(wait), at=timezone.now())
    wait.refresh_from_db()
    offer.refresh_from_db()
    assert wait.outcome == "accepted" and offer.outcome == "accepted"
    assert not capacity.is_free(someone), "the call has them, whatever the phone has said yet"
    assert offers.accept(offer, someone, at=timezone.now()).outcome == "accepted"


def test_a_live_call_that_is_accepted_is_held_once_it_is_answered(
    department, agent, callers
) -> None:
    wait, someone = callers(), agent()
    offer_next(department.pk)
    offers.accept(the_offer(), someone, at=timezone.now())
    wait.refresh_from_db()
    assert wait.outcome == "accepted"
    assert Conversation.objects.get().holder is None
    assert calls.answered(wait.conversation, someone, call_leg(wait), at=timezone.now())
    assert Conversation.objects.get().holder == someone
    assert QueueEntry.objects.count() == 1


def test_the_next_person_is_asked_when_it_is_refused_or_not_answered(
    department, agent, chats
) -> None:
    chats()
    first, second = agent(), agent()
    offer_next(department.pk)
    refused = the_offer()
    offers.refuse(refused, refused.agent, at=timezone.now())
    assert offers.refuse(refused, refused.agent, at=timezone.now()).outcome == "refused", "again"
    offer_next(department.pk)
    missed = the_offer()
    assert {refused.agent, missed.agent} == {first, second}
    assert offers.expire_due(timezone.now()) == 0
    assert offers.expire_due(missed.until) == 1
    missed.refresh_from_db()
    assert missed.outcome == "expired"
    assert Readiness.objects.get(pk=missed.agent_id).lapses == 1
    assert offer_next(department.pk) == 0, "both are left alone for a while"
    assert offer_next(department.pk, later(61)) == 1
    kinds = list(Conversation.objects.get().events.values_list("kind", flat=True))
    assert kinds.count("offer_refused") == kinds.count("offer_expired") == 1


def test_an_offer_that_is_over_or_anothers_is_refused_by_name(department, agent, chats) -> None:
    chats()
    someone, other = agent(), agent(there=False)
    offer_next(department.pk)
    offer = the_offer()
    for deed in (offers.accept, offers.refuse):
        with pytest.raises(NoSuchOffer):
            deed(offer.uuid, other, at=timezone.now())
        with pytest.raises(NoSuchOffer):
            deed(uuid4(), someone, at=timezone.now())
    offers.expire_due(offer.until)
    for deed in (offers.accept, offers.refuse):
        with pytest.raises(OfferOver) as over:
            deed(offer.uuid, someone, at=timezone.now())
        assert over.value.outcome == "expired"
    offer_next(department.pk, later(90))
    accepted = the_offer()
    offers.accept(accepted, someone, at=timezone.now())
    with pytest.raises(OfferOver):
        offers.refuse(accepted, someone, at=timezone.now())


def test_who_may_no_longer_take_it_cannot_accept(department, agent, chats) -> None:
    chats()
    someone = agent()
    offer_next(department.pk)
    someone.memberships.all().delete()
    with pytest.raises(errors.NotAllowed):
        offers.accept(the_offer(), someone, at=timezone.now())
    assert Conversation.objects.get().holder is None
    assert offers.withdraw_needless(timezone.now()) == 1


def test_taking_it_from_the_list_withdraws_the_offer(department, agent, chats) -> None:
    wait, offered = chats(), agent()
    quick = agent(there=False)
    offer_next(department.pk)
    holder.claim(wait.conversation, quick)
    offer = Offer.objects.get()
    assert offer.outcome == "withdrawn" and offer.agent == offered
    with pytest.raises(OfferOver):
        offers.accept(offer, offered, at=timezone.now())


def test_resolving_and_hanging_up_withdraw_the_offer(department, agent, chats, callers) -> None:
    someone = agent()
    wait = chats()
    offer_next(department.pk)
    status.resolve(wait.conversation, "answered", by=someone)
    assert Offer.objects.get().outcome == "withdrawn"
    call = callers()
    offer_next(department.pk)
    queue.abandon(call.conversation, at=timezone.now(), follow_up=False)
    assert not Offer.objects.filter(ended_at=None).exists()
    assert not QueueEntry.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("how", ["left", "busy", "locked", "switched off", "on a call"])
def test_an_offer_does_not_wait_for_who_cannot_take_it(how, department, agent, chats) -> None:
    chats()
    someone = agent()
    offer_next(department.pk)
    assert offers.withdraw_needless(timezone.now()) == 0
    if how == "left":
        Tab.objects.all().delete()
    elif how == "busy":
        presence.set_presence(someone, "busy")
    elif how == "locked":
        Tab.objects.update(presence="away")
    elif how == "switched off":
        type(someone).objects.update(is_active=False)
    else:
        capacity.occupy(someone.pk)
    next_one = agent()
    assert dispatcher.dispatch(timezone.now()) == 1
    assert the_offer().agent == next_one
    withdrawn = Offer.objects.get(agent=someone)
    assert withdrawn.outcome == "withdrawn", "it was not their fault"
    assert not Readiness.objects.filter(lapses__gt=0).exists()


def test_who_does_not_answer_is_busy_until_they_say_otherwise(department, agent, chats) -> None:
    chats()
    someone = agent()
    now = timezone.now()
    for _ in range(LAPSES):
        assert offer_next(department.pk, now) == 1
        now = the_offer().until
        offers.expire_due(now)
        now = now + (later(61) - timezone.now())
    someone.refresh_from_db()
    assert someone.chosen_presence == "busy"
    assert offer_next(department.pk, now) == 0
    presence.set_presence(someone, "available")
    assert offer_next(department.pk, now) == 1


def test_a_call_takes_its_person_whole_and_chats_do_not(department, agent, chats, callers) -> None:
    someone = agent()
    for _ in range(5):
        chats()
    now = timezone.now()
    for _ in range(4):
        assert offer_next(department.pk, now) == 1, "one question at a time"
        offers.accept(the_offer(), someone, at=now)
    assert offer_next(department.pk, now) == 0, "four at once is enough"
    held = Conversation.objects.filter(channel="chat", holder=someone)
    status.resolve(held.first(), "answered", by=someone)
    assert offer_next(department.pk) == 1, "there is room again"
    chat = the_offer()
    call = callers()
    assert offer_next(department.pk) == 1, "a call rings beside chats, held or offered"
    ringing = Offer.objects.get(ended_at=None, fills=True)
    assert ringing.queue_entry == call
    callers()
    offers.refuse(chat, someone, at=now)
    assert offer_next(department.pk) == 0, "nothing beside a call that rings"
    calls.answered(call.conversation, someone, call_leg(call), at=now)
    assert offer_next(department.pk, later(90)) == 0, "nor beside one that runs"


def test_occupied_is_until_then_or_until_released(department, agent, callers) -> None:
    someone = agent()
    callers()
    capacity.occupy(someone.pk)
    assert offer_next(department.pk, later(3600)) == 0
    assert capacity.release(someone.pk, timezone.now())
    assert not capacity.release(someone.pk, timezone.now())
    capacity.occupy(someone.pk, later(30))
    assert not capacity.is_free(someone)
    assert offer_next(department.pk) == 0
    assert dispatcher.dispatch(later(31)) == 1
    assert not Readiness.objects.get(pk=someone.pk).occupied


def test_texts_are_taken_from_the_list_unless_the_department_wants_them_offered(
    department, agent
) -> None:
    agent()
    receive(inbound(HubAddressFactory(department=department)))
    assert dispatcher.dispatch() == 0
    ChannelRules.objects.create(department=department, channel="sms", offers=True, capacity=1)
    assert dispatcher.dispatch() == 1
    assert the_offer().channel == "sms"


def test_supervisors_are_offered_contacts_only_by_rule(department, agent, chats) -> None:
    agent(supervisor=True)
    chats()
    assert offer_next(department.pk) == 0
    DepartmentRules.objects.create(department=department, offer_to_supervisors=True)
    assert offer_next(department.pk) == 1


def test_only_people_of_the_department_are_asked(department, chats) -> None:
    presence.open_tab(UserFactory(departments=[DepartmentFactory()]), "s")
    chats()
    assert offer_next(department.pk) == 0


# --- Who is best ---


def test_whoever_was_given_nothing_for_longest_is_next(department, agent, callers) -> None:
    agent(), agent(), agent()
    asked = []
    for _ in range(3):
        wait = callers()
        offer_next(department.pk)
        offer = the_offer()
        asked.append(offer.agent_id)
        calls.answered(wait.conversation, offer.agent, call_leg(wait), at=timezone.now())
        calls.end(call_leg(wait), at=timezone.now())
    assert len(set(asked)) == 3
    callers()
    offer_next(department.pk)
    assert the_offer().agent_id == asked[0]


def test_whoever_spoke_with_the_patient_last_is_asked_first(department, agent, callers) -> None:
    agents = [agent() for _ in range(3)]
    last = agents[1]
    patient = PatientFactory()
    before = callers()
    calls.answered(before.conversation, last, call_leg(before), at=timezone.now())
    calls.end(call_leg(before), at=timezone.now())
    Conversation.objects.update(patient=patient)
    status.resolve(before.conversation, "answered", by=last)
    again = callers()
    Conversation.objects.filter(pk=again.conversation_id).update(patient=patient)
    capacity.occupy(last.pk)
    assert offer_next(department.pk) == 0, "they are waited for"
    assert offer_next(department.pk, later(31)) == 1, "but not for long"
    first = the_offer()
    assert first.agent != last
    offers.refuse(first, first.agent, at=timezone.now())
    capacity.release(last.pk, timezone.now())
    offer_next(department.pk)
    assert the_offer().agent == last and the_offer().why == "last_agent"


def test_the_last_agent_is_not_waited_for_when_they_are_not_there(
    department, agent, callers
) -> None:
    last, other = agent(there=False), agent()
    callers(prefer=last.pk)
    offer_next(department.pk)
    assert the_offer().agent == other


def test_who_gave_it_back_is_not_the_one_to_be_asked(department, agent, chats) -> None:
    wait = chats()
    gave_back = agent()
    holder.claim(wait.conversation, gave_back)
    holder.assign(wait.conversation, None, by=gave_back, expected_holder_id=gave_back.pk)
    again = open_wait(wait.conversation)
    assert again.parent == wait, "it is the same contact"
    capacity.occupy(gave_back.pk)
    other = agent()
    offer_next(department.pk)
    assert the_offer().agent == other


def test_skills_are_held_out_for_and_then_let_go(department, agent, callers) -> None:
    DepartmentRules.objects.create(department=department, skills=["triage"])
    plain, nurse = agent(), agent(skills=["triage", "billing"])
    capacity.occupy(nurse.pk)
    callers()
    assert offer_next(department.pk) == 0
    assert offer_next(department.pk, later(61)) == 1
    assert the_offer().agent == plain
    offers.refuse(the_offer(), plain, at=timezone.now())
    capacity.release(nurse.pk, timezone.now())
    offer_next(department.pk)
    assert the_offer().agent == nurse


def test_what_nobody_there_could_do_is_not_held_out_for(department, agent, callers) -> None:
    someone = agent()
    agent(there=False, skills=["dialysis"], languages=["es"])
    callers(skills=["dialysis"], language="es")
    assert offer_next(department.pk) == 1
    assert the_offer().agent == someone


def test_the_patients_language_counts_where_the_department_looks_for_it(
    department, agent, callers
) -> None:
    agent()
    speaks = agent(languages=["en", "es"])
    wait = callers()
    Conversation.objects.update(patient=PatientFactory(language="es"))
    capacity.occupy(speaks.pk)
    assert offer_next(department.pk, later(170)) == 0
    rules = DepartmentRules.objects.create(department=department, languages=["fr"])
    assert offer_next(department.pk) == 1, "Spanish is not looked for here"
    offers.refuse(the_offer(), the_offer().agent, at=timezone.now())
    rules.delete()
    capacity.release(speaks.pk, timezone.now())
    offer_next(department.pk)
    assert the_offer().agent == speaks and the_offer().queue_entry == wait


# --- In which order ---


def in_order(department, times: int) -> list[int]:
    """Which waits are offered one after another, each taken by somebody else."""
    order: list[int] = []
    for _ in range(times):
        offer_next(department.pk)
        for offer in Offer.objects.filter(ended_at=None).order_by("pk"):
            order.append(offer.queue_entry_id)
            with transaction.atomic():
                queue.withdraw(offer.queue_entry.conversation, at=timezone.now())
    return order


def test_urgent_first_then_calls_then_who_waits_longest(department, agent, chats, callers) -> None:
    chat = chats(ago=30)
    call = callers(ago=10)
    older_call = callers(ago=20)
    urgent = chats()
    QueueEntry.objects.filter(pk=urgent.pk).update(priority=10)
    agent()
    order = in_order(department, 4)
    assert order == [urgent.pk, older_call.pk, call.pk, chat.pk]


def test_a_wait_grows_old_past_fresher_ones_of_more_weight_but_never_past_urgent(
    department, agent, chats, callers
) -> None:
    chat = chats(ago=130 * 3)
    call = callers()
    urgent = callers()
    QueueEntry.objects.filter(pk=urgent.pk).update(priority=10)
    agent()
    order = in_order(department, 3)
    assert order == [urgent.pk, chat.pk, call.pk]


def test_a_wait_nobody_suits_does_not_hold_up_the_next(department, agent, callers) -> None:
    agent()
    suited = agent(skills=["triage"])
    capacity.occupy(suited.pk)
    callers(ago=20, skills=["triage"])
    plain = callers(ago=5)
    assert offer_next(department.pk) == 1
    assert the_offer().queue_entry == plain


# --- Callbacks, follow-ups, overflow ---


def test_a_callback_keeps_its_place_and_waits_for_its_time(department, agent, callers) -> None:
    wait = callers(ago=100, language="es", skills=["triage"])
    at = timezone.now()
    with transaction.atomic():
        back = queue.call_back(wait.conversation, at=at, not_before=later(600))
        calls.end(call_leg(wait), at=at)
    wait.refresh_from_db()
    assert wait.outcome == "called_back"
    assert (back.kind, back.parent, back.place_since) == ("callback", wait, wait.place_since)
    assert (back.language, back.skills) == ("es", ["triage"])
    someone = agent()
    assert dispatcher.dispatch() == 0
    assert dispatcher.dispatch(later(601)) == 1
    offers.accept(the_offer(), someone, at=later(602))
    assert Conversation.objects.get().holder == someone, "it is theirs while they ring"
    back.refresh_from_db()
    assert back.outcome == "accepted"
    with pytest.raises(WaitOver):
        queue.call_back(wait.conversation, at=at)


def test_who_calls_again_before_their_callback_waits_live_at_the_old_place(
    department, callers
) -> None:
    wait = callers(ago=100)
    point = wait.conversation.contact_point
    with transaction.atomic():
        back = queue.call_back(wait.conversation, at=timezone.now())
        calls.end(call_leg(wait), at=timezone.now())
    again = callers(point=point)
    back.refresh_from_db()
    assert again.conversation == wait.conversation and back.outcome == "withdrawn"
    assert again.kind == "live" and again.place_since == wait.place_since
    assert again.parent is None, "another contact that is offered"


def test_who_overflows_waits_in_the_other_department_at_the_old_place_and_only_once(
    department, agent, callers
) -> None:
    other = DepartmentFactory(restricted=True)
    for one, to in ((department, other), (other, department)):
        ChannelRules.objects.create(
            department=one,
            channel="voice",
            offers=True,
            overflow="department",
            overflow_seconds=60,
            overflow_to=to,
        )
    wait = callers(ago=59)
    dispatcher.dispatch()
    wait.refresh_from_db()
    assert wait.ended_at is None
    dispatcher.dispatch(later(2))
    wait.refresh_from_db()
    moved = open_wait(wait.conversation)
    assert wait.outcome == "overflowed"
    assert (moved.department, moved.parent, moved.place_since) == (other, wait, wait.place_since)
    conversation = Conversation.objects.get()
    assert conversation.department == other and conversation.restricted_by == other
    dispatcher.dispatch(later(500))
    assert open_wait(wait.conversation) == moved
    queue.withdraw(conversation, at=timezone.now())
    with pytest.raises(WaitOver):
        queue.overflow(conversation, at=timezone.now(), to_department=department)


def test_who_is_being_offered_to_somebody_does_not_overflow(department, agent, callers) -> None:
    ChannelRules.objects.create(
        department=department,
        channel="voice",
        offers=True,
        overflow="department",
        overflow_seconds=5,
        overflow_to=DepartmentFactory(),
    )
    wait = callers()
    agent()
    dispatcher.dispatch()
    dispatcher.dispatch(later(10))
    wait.refresh_from_db()
    assert wait.ended_at is None and Offer.objects.filter(ended_at=None).exists()


@pytest.mark.parametrize("to", ["callback", "voicemail"])
def test_the_phone_is_told_once_that_a_caller_waited_too_long(
    to, department, callers, chats
) -> None:
    for channel in ("voice", "chat"):
        ChannelRules.objects.create(
            department=department,
            channel=channel,
            offers=True,
            overflow=to,
            overflow_seconds=30,
        )
    wait = callers(ago=31)
    chats(ago=31)
    told = []

    def listen(*, queue_entry, to, **_) -> None:
        told.append((queue_entry, to))

    overflow_due.connect(listen)
    dispatcher.dispatch()
    dispatcher.dispatch()
    overflow_due.disconnect(listen)
    assert told == [(wait, to)]
    wait.refresh_from_db()
    assert wait.ended_at is None, "it waits on until the phone has spoken with them"


def test_a_follow_up_is_work_like_a_text(department, agent, callers) -> None:
    wait = callers()
    with transaction.atomic():
        assert queue.abandon(wait.conversation, at=timezone.now())
    follow_up = open_wait(wait.conversation)
    assert (follow_up.kind, follow_up.parent) == ("follow_up", wait)
    agent()
    assert dispatcher.dispatch() == 0
    ChannelRules.objects.create(department=department, channel="sms", offers=True)
    assert dispatcher.dispatch() == 1
    assert not the_offer().fills


def test_what_a_call_left_rings_nobody_when_it_is_given_back(department, agent, callers) -> None:
    wait, someone = callers(), agent()
    calls.answered(wait.conversation, someone, call_leg(wait), at=timezone.now())
    calls.end(call_leg(wait), at=timezone.now())
    holder.assign(wait.conversation, None, by=someone, expected_holder_id=someone.pk)
    again = open_wait(wait.conversation)
    assert (again.kind, again.parent) == ("follow_up", wait)
    assert dispatcher.dispatch() == 0
    # Moved while somebody held it: the same.
    holder.claim(wait.conversation, someone)
    holder.move_to_department(wait.conversation, DepartmentFactory(), by=someone, reason="moved")
    assert open_wait(wait.conversation).kind == "follow_up"


def test_a_promise_to_call_outlives_a_snooze(department, agent, callers) -> None:
    wait, someone = callers(), agent(there=False)
    at = timezone.now()
    with transaction.atomic():
        queue.call_back(wait.conversation, at=at, not_before=later(600))
        calls.end(call_leg(wait), at=at)
    status.snooze(wait.conversation, later(60), by=someone)
    assert not QueueEntry.objects.filter(ended_at=None).exists()
    status.wake(wait.conversation_id)
    again = open_wait(wait.conversation)
    assert again.kind == "callback" and again.not_before is not None
    # Tried since, and given back: there is something to do, but no call was promised any more.
    holder.claim(wait.conversation, someone)
    with transaction.atomic():
        joined = calls.arrive(
            wait.conversation.contact_point,
            department.hub_addresses.get(channel="voice").pk,
            at=later(1),
            what="calling",
        )
        calls.end(joined.leg, at=later(2))
    assert joined.conversation == wait.conversation
    holder.assign(wait.conversation, None, by=someone, expected_holder_id=someone.pk)
    assert open_wait(wait.conversation).kind == "follow_up"
