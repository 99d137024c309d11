"""What can be said of those who wait: their place, how many they are, how long it may take.

All are read through the partial indexes of open waits and of answered ones, however long the
history is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from hub.routing import capacity
from hub.routing.models import QueueEntry
from hub.routing.order import waiting
from hub.routing.rules import Rules, rules_of

#: From how many answered waits, and how young ones, the next is estimated.
LOOKED_AT = 20
REMEMBERED = timedelta(hours=2)

Kind = QueueEntry.Kind


@dataclass(frozen=True, slots=True)
class Outlook:
    """What somebody who waits can be told.

    Attributes:
        place: among the waits of its channel, 1 = the next; None: it is over.
        seconds: how much longer it may last; None where nothing is known to tell it from.
    """

    place: int | None
    seconds: int | None


def outlook(wait: QueueEntry, now: datetime | None = None, rules: Rules | None = None) -> Outlook:
    """Return what can be said of a wait: its place, and how much longer it may last.

    A plain estimate. With as many free people as wait in line up to here, it is over at once.
    Otherwise those who were answered last waited so long on average, and this one has waited a part
    of it; whoever has waited longer than that already, as long as the one of them who waited
    longest.
    """
    now = now or timezone.now()
    rules = rules or rules_of(wait.department_id)
    place = _position(wait, rules, now)
    if place is None:
        return Outlook(None, None)
    room = rules.of(wait.channel).capacity
    people = capacity.people_of(wait.department_id, rules, now=now)
    if sum(one.is_free_for(wait.channel, room) for one in people) >= place:
        return Outlook(place, 0)
    known = _answered(wait.department_id, wait.channel, now)
    waited = (now - wait.entered_at).total_seconds()
    for lasts in (fmean(known), max(known)) if known else ():
        if lasts > waited:
            return Outlook(place, round(lasts - waited))
    return Outlook(place, None)


def waiting_count(department_id: int, channel: str) -> int:
    """Return how many wait on `channel` in a department, follow-ups aside."""
    return _live(department_id, channel).count()


def longest_wait(department_id: int, channel: str) -> datetime | None:
    """Return since when the one who waits longest on `channel` has been waiting."""
    found: datetime | None = _live(department_id, channel).aggregate(
        since=Min("place_since", filter=Q(kind=Kind.LIVE))
    )["since"]
    return found


def is_full(department_id: int, channel: str, rules: Rules | None = None) -> bool:
    """Whether as many wait on `channel` as the department lets wait."""
    most = (rules or rules_of(department_id)).of(channel).most_waiting
    return most is not None and waiting_count(department_id, channel) >= most


def _live(department_id: int, channel: str) -> QuerySet[QueueEntry]:
    return QueueEntry.objects.filter(
        department_id=department_id, channel=channel, ended_at__isnull=True
    ).exclude(kind=Kind.FOLLOW_UP)


def _position(wait: QueueEntry, rules: Rules, now: datetime) -> int | None:
    """Count those before it in the one order in which all are offered (order.py)."""
    line = (
        waiting(wait.department_id, rules, now)
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=now) | Q(pk=wait.pk))
        .filter(channel=wait.channel)
    )
    if wait.kind != Kind.FOLLOW_UP:
        line = line.exclude(kind=Kind.FOLLOW_UP)
    itself = line.filter(pk=wait.pk).first()
    if itself is None:
        return None
    own: int = itself.rank  # type: ignore[attr-defined]  # annotated
    before = Q(rank__gt=own) | Q(rank=own, place_since__lt=wait.place_since)
    before |= Q(rank=own, place_since=wait.place_since, pk__lt=wait.pk)
    return 1 + line.filter(before).count()


def _answered(department_id: int, channel: str, now: datetime) -> Sequence[float]:
    """Return how many seconds those waited who were answered last, the youngest first."""
    rows = (
        QueueEntry.objects.filter(
            department_id=department_id,
            channel=channel,
            outcome=QueueEntry.Outcome.ACCEPTED,
            ended_at__gt=now - REMEMBERED,
        )
        .order_by("-ended_at")
        .values_list("entered_at", "ended_at")
    )
    return [(ended - entered).total_seconds() for entered, ended in rows[:LOOKED_AT] if ended]
