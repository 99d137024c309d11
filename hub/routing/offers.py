"""What becomes of an offer: accepted, refused, run out, or withdrawn."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from hub.conversations.actions import holder
from hub.conversations.models import Conversation
from hub.routing import capacity, queue
from hub.routing.dispatch import offer_next
from hub.routing.ending import end_offer
from hub.routing.errors import NoSuchOffer, OfferOver
from hub.routing.locks import lock_conversation, lock_wait
from hub.routing.models import Offer, QueueEntry, Readiness
from hub.staff.models import Membership, Presence, User
from hub.staff.presence import presence_of, set_presence

__all__ = ["accept", "expire_due", "offer_next", "open_offers_of", "refuse", "withdraw_needless"]

#: Whoever lets so many offers in a row run out is not at their desk, and is set to busy.
LAPSES = 3


def accept(offer: Offer | UUID, user: User, *, at: datetime) -> Offer:
    """Let `user` have what they were offered: the offer and the wait end.

    They hold the conversation from now on; a live call is theirs once they speak with the patient
    (hub.conversations.actions.calls.answered). Accepting again changes nothing.

    Raises:
        NoSuchOffer: there is none, or it is somebody else's.
        OfferOver: it was refused, ran out or was withdrawn.
        hub.conversations.errors.ConversationError: the conversation cannot be theirs.
    """
    with transaction.atomic():
        found, conversation = _locked(offer, user)
        if found.outcome == Offer.Outcome.ACCEPTED:
            return found
        if found.ended_at is not None:
            raise OfferOver(found.outcome)
        if _is_live_call(found):
            queue.accept(conversation, user, at=at)
        else:
            holder.claim(conversation, user)
        found.refresh_from_db()
        if found.outcome != Offer.Outcome.ACCEPTED:
            raise OfferOver(found.outcome)
    return found


def refuse(offer: Offer | UUID, user: User, *, at: datetime) -> Offer:
    """Let `user` pass: the next person is asked. Refusing again changes nothing.

    Raises:
        NoSuchOffer: there is none, or it is somebody else's.
        OfferOver: it ended otherwise.
    """
    with transaction.atomic():
        found, conversation = _locked(offer, user)
        if found.outcome == Offer.Outcome.REFUSED:
            return found
        if not end_offer(conversation, found, Offer.Outcome.REFUSED, at=at):
            raise OfferOver(found.outcome)
    return found


def not_answered(offer: Offer, *, at: datetime) -> bool:
    """End an offer whose person's phone rang in vain, before its time is over."""
    return _end(offer.pk, Offer.Outcome.EXPIRED, at)


def expire_due(now: datetime) -> int:
    """End the offers that nobody answered in time; return how many."""
    due = Offer.objects.filter(ended_at__isnull=True, until__lte=now).order_by("until")
    return sum(
        _end(pk, Offer.Outcome.EXPIRED, now) for pk in due.values_list("pk", flat=True)[:200]
    )


def withdraw_needless(now: datetime) -> int:
    """Withdraw offers of waits that are over, or of people who cannot take them; return how many.

    Who left, locked their screen, is busy, was switched off or is of another department now; and,
    what is no call, who is on one.
    """
    found = list(
        Offer.objects.filter(ended_at__isnull=True).select_related("queue_entry", "agent")[:500]
    )
    if not found:
        return 0
    present = presence_of(offer.agent_id for offer in found)
    members = set(
        Membership.objects.filter(user_id__in=present).values_list("user_id", "department_id")
    )
    withdrawn = 0
    for offer in found:
        wait = offer.queue_entry
        may = offer.agent.is_active and (offer.agent_id, wait.department_id) in members
        there = present[offer.agent_id] == Presence.AVAILABLE
        free = offer.fills or not capacity.is_on_a_call(offer.agent_id, now=now)
        if wait.ended_at is None and may and there and free:
            continue
        withdrawn += _end(offer.pk, Offer.Outcome.WITHDRAWN, now)
    return withdrawn


def open_offers_of(user: User) -> list[Offer]:
    """Return what `user` is being offered, the oldest first."""
    return list(
        Offer.objects.filter(agent=user, ended_at__isnull=True)
        .select_related("queue_entry__conversation__patient", "queue_entry__department")
        .order_by("made_at", "pk")
    )


def _is_live_call(offer: Offer) -> bool:
    return offer.fills and offer.queue_entry.kind == QueueEntry.Kind.LIVE


def _locked(offer: Offer | UUID, user: User) -> tuple[Offer, Conversation]:
    """Return the offer and its conversation, both locked; raise NoSuchOffer."""
    which = {"pk": offer.pk} if isinstance(offer, Offer) else {"uuid": offer}
    known = Offer.objects.filter(agent=user, **which).select_related("queue_entry").first()
    if known is None:
        raise NoSuchOffer
    conversation = lock_conversation(known.queue_entry.conversation_id)
    if conversation is None:
        raise NoSuchOffer
    lock_wait(conversation.pk)
    found = (
        Offer.objects.select_for_update(of=("self",)).select_related("queue_entry").get(pk=known.pk)
    )
    found.queue_entry.conversation = conversation
    return found, conversation


def _end(offer_id: int, outcome: str, now: datetime) -> bool:
    with transaction.atomic():
        known = Offer.objects.select_related("queue_entry").get(pk=offer_id)
        conversation = lock_conversation(known.queue_entry.conversation_id)
        if conversation is None:
            return False
        lock_wait(conversation.pk)
        known.queue_entry.conversation = conversation
        if not end_offer(conversation, known, outcome, at=now):
            return False
        if outcome == Offer.Outcome.EXPIRED:
            _set_busy_if_absent(known.agent)
    return True


def _set_busy_if_absent(user: User) -> None:
    """Stop asking somebody who does not answer, until they say that they are there."""
    if Readiness.objects.filter(pk=user.pk, lapses__gte=LAPSES).update(lapses=0):
        set_presence(user, Presence.BUSY)
