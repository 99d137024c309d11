"""The one way an offer ends, in the transaction of whatever ends it."""

from datetime import datetime

from django.db.models import F

from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent, Conversation
from hub.realtime.events import OfferChanged
from hub.realtime.publish import publish_on_commit
from hub.routing import nudges, signals
from hub.routing.models import Offer, QueueEntry, Readiness

_EVENTS = {
    Offer.Outcome.REFUSED.value: ContactEvent.Kind.OFFER_REFUSED,
    Offer.Outcome.EXPIRED.value: ContactEvent.Kind.OFFER_EXPIRED,
}


def end_offer(conversation: Conversation, offer: Offer, outcome: str, *, at: datetime) -> bool:
    """End an open offer; its conversation is locked. Returns False where it was over already.

    Who accepts or refuses is there; who lets it run out has one more lapse on record.
    """
    ended = Offer.objects.filter(pk=offer.pk, ended_at__isnull=True).update(
        ended_at=at, outcome=outcome
    )
    if not ended:
        return False
    offer.ended_at, offer.outcome = at, outcome
    person = Readiness.objects.filter(pk=offer.agent_id)
    if outcome == Offer.Outcome.ACCEPTED:
        person.update(lapses=0, idle_since=at)
    elif outcome == Offer.Outcome.REFUSED:
        person.update(lapses=0)
    elif outcome == Offer.Outcome.EXPIRED:
        person.update(lapses=F("lapses") + 1)
    if outcome in _EVENTS:
        log_events(
            conversation,
            Happened(
                _EVENTS[outcome],
                at,
                agent_id=offer.agent_id,
                queue_entry_id=offer.queue_entry_id,
                department_id=offer.queue_entry.department_id,
                channel=offer.channel,
            ),
        )
    signals.offer_ended.send(sender=Offer, offer=offer)
    publish_on_commit(OfferChanged(offer.agent_id, offer.pk))
    if outcome == Offer.Outcome.ACCEPTED and offer.fills:
        return True  # The wait is over, and its person is taken whole.
    # The wait may be offered on, and the person be offered something else.
    nudges.dispatch_on_commit(offer.queue_entry.department_id)
    return True


def end_offers_of(
    conversation: Conversation, entry: QueueEntry, *, at: datetime, taken_by: int | None = None
) -> None:
    """End the open offer of a wait that is over: accepted by whoever took it, else withdrawn."""
    open_ones = Offer.objects.filter(queue_entry=entry, ended_at__isnull=True)
    for offer in open_ones.select_related("queue_entry__conversation"):
        taken = offer.agent_id == taken_by
        outcome = Offer.Outcome.ACCEPTED if taken else Offer.Outcome.WITHDRAWN
        end_offer(conversation, offer, outcome, at=at)
