"""Two workers at once: one offer a wait, one call a person, one end of everything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from hub.conversations.actions import holder
from hub.conversations.actions.receive import receive
from hub.conversations.errors import ConversationError
from hub.conversations.models import Conversation
from hub.routing import offers, queue
from hub.routing.dispatch import offer_next
from hub.routing.models import Offer, QueueEntry, Readiness
from hub.staff import presence
from tests.factories import inbound

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment; return what each returned or refused."""
    start = Barrier(len(deeds))

    def do(deed: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return deed()
        except ConversationError as refusal:
            return refusal
        finally:
            connection.close()

    close_old_connections()
    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(do, deeds))


def test_one_wait_is_offered_once_and_nobody_gets_two_calls(department, agent, callers) -> None:
    for _ in range(4):
        callers()
    people = [agent(), agent()]
    made = at_once(*[lambda: offer_next(department.pk)] * 4)
    found = list(Offer.objects.filter(ended_at=None))
    assert sum(made) == len(found) == 2
    assert {one.agent for one in found} == set(people)
    assert len({one.queue_entry_id for one in found}) == 2


def test_an_offer_is_either_accepted_or_run_out(department, agent, chats) -> None:
    someone = agent()
    for _ in range(5):
        wait = chats()
        offer_next(department.pk)
        offer = Offer.objects.get(ended_at=None)
        at_once(
            lambda offer=offer: offers.accept(offer, someone, at=timezone.now()),
            lambda offer=offer: offers.expire_due(offer.until),
        )
        offer.refresh_from_db()
        wait.refresh_from_db()
        conversation = Conversation.objects.get(pk=wait.conversation_id)
        if offer.outcome == "accepted":
            assert (wait.outcome, conversation.holder) == ("accepted", someone)
        else:
            assert (offer.outcome, wait.outcome) == ("expired", "")
            assert conversation.holder is None
        # As at the beginning: nobody is busy for having let three run out.
        presence.set_presence(someone, "available")
        Readiness.objects.all().delete()
        Offer.objects.all().delete()
        QueueEntry.objects.all().delete()
        Conversation.objects.all().update(holder=None)


def test_one_of_two_has_it_when_the_offered_and_another_take_it(department, agent, chats) -> None:
    offered = agent()
    other = agent(there=False)
    wait = chats()
    offer_next(department.pk)
    offer = Offer.objects.get()
    at_once(
        lambda: offers.accept(offer, offered, at=timezone.now()),
        lambda: holder.claim(Conversation.objects.get(), other),
    )
    offer.refresh_from_db()
    wait.refresh_from_db()
    assert wait.outcome == "accepted" and wait.accepted_by == Conversation.objects.get().holder
    assert (offer.outcome == "accepted") == (wait.accepted_by == offered)
    assert wait.conversation.events.filter(kind="queue_accepted").count() == 1


def test_two_entries_at_once_are_one_wait(department, callers) -> None:
    wait = callers()
    QueueEntry.objects.all().delete()

    def enter() -> QueueEntry | None:
        with transaction.atomic():
            return queue.enter(wait.conversation, at=timezone.now(), channel="voice")

    made = at_once(*[enter] * 3)
    assert sum(one is not None for one in made) == 1
    assert QueueEntry.objects.count() == 1


def test_a_patient_may_write_while_somebody_takes_it(department, agent, chats) -> None:
    """Each locks contact point and conversation; neither waits for the other for ever."""
    someone = agent(there=False)
    address = department.hub_addresses.get(channel="chat")
    for _ in range(6):
        conversation = chats().conversation
        again = inbound(
            address,
            "Hello?",
            number=conversation.contact_point.value,
            contact_system="visitor",
        )
        at_once(
            lambda again=again: receive(again),
            lambda pk=conversation.pk: holder.claim(Conversation.objects.get(pk=pk), someone),
        )
        conversation.refresh_from_db()
        assert conversation.holder == someone
        assert conversation.entries.filter(kind="message", author_kind="patient").count() == 2
