"""Who has waited as long as their department lets them: where they go then."""

from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from hub.conversations.models import Channel
from hub.routing import queue, signals
from hub.routing.locks import lock_conversation, lock_wait
from hub.routing.models import ChannelRules, Offer, QueueEntry

Overflow = ChannelRules.Overflow


def overflow_due(now: datetime) -> int:
    """Move on, or tell the phone of, those who waited long enough; return how many.

    Once a wait, and into another department once a contact, so that nobody is sent round in
    circles. Whom somebody is being offered to is left to them.
    """
    rules = list(ChannelRules.objects.exclude(overflow=Overflow.NONE).select_related("overflow_to"))
    if not rules:
        return 0
    by_key = {(one.department_id, one.channel): one for one in rules}
    over = reduce(or_, (_over(one, now) for one in rules))
    being_offered = Offer.objects.filter(queue_entry=OuterRef("pk"), ended_at__isnull=True)
    found = QueueEntry.objects.filter(
        over,
        ~Exists(being_offered),
        ended_at__isnull=True,
        kind=QueueEntry.Kind.LIVE,
        overflow_told_at__isnull=True,
    ).order_by("place_since", "pk")
    return sum(
        _overflow(wait, by_key[wait.department_id, wait.channel], now) for wait in found[:200]
    )


def _over(rules: ChannelRules, now: datetime) -> Q:
    """Return which waits are over by these rules."""
    assert rules.overflow_seconds is not None
    waited = Q(
        department_id=rules.department_id,
        channel=rules.channel,
        entered_at__lte=now - timedelta(seconds=rules.overflow_seconds),
    )
    if rules.overflow == Overflow.DEPARTMENT:
        waited &= Q(parent__isnull=True) | ~Q(parent__outcome=QueueEntry.Outcome.OVERFLOWED)
    elif rules.channel != Channel.VOICE:
        return Q(pk__in=[])  # there is nobody on a line to be asked
    return waited


def _overflow(wait: QueueEntry, rules: ChannelRules, now: datetime) -> bool:
    with transaction.atomic():
        conversation = lock_conversation(wait.conversation_id)
        current = lock_wait(wait.conversation_id)
        if conversation is None or current is None or current.pk != wait.pk:
            return False
        if Offer.objects.filter(queue_entry=current, ended_at__isnull=True).exists():
            return False
        if rules.overflow == Overflow.DEPARTMENT:
            assert rules.overflow_to is not None
            queue.overflow(conversation, at=now, to_department=rules.overflow_to)
            return True
        told = QueueEntry.objects.filter(pk=wait.pk, overflow_told_at__isnull=True)
        if not told.update(overflow_told_at=now):
            return False
        current.overflow_told_at = now
        current.conversation = conversation
        signals.overflow_due.send(sender=QueueEntry, queue_entry=current, to=rules.overflow)
    return True
