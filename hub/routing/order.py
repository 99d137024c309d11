"""In which order waits are offered: urgent first, then by priority, then who waits longest.

A wait gains a step of priority in each `ageing_seconds`, and what its channel's precedence adds; it
never reaches the urgent ones.
"""

from datetime import datetime, timedelta

from django.db.models import (
    Case,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast, Extract, Floor, Least

from hub.conversations.models import Conversation
from hub.routing.models import Offer, QueueEntry
from hub.routing.rules import MOST, Rules, offered_as

Kind = QueueEntry.Kind


def waiting(department_id: int, rules: Rules, now: datetime) -> QuerySet[QueueEntry]:
    """Return the open waits of a department in their order, the next one first."""
    waited = ExpressionWrapper(
        Value(now, output_field=DateTimeField()) - F("place_since"), output_field=DurationField()
    )
    steps = Cast(
        Floor(Extract(waited, "epoch") / Value(float(rules.row.ageing_seconds))), IntegerField()
    )
    rank = Case(
        When(priority__gte=Conversation.Priority.URGENT, then=F("priority")),
        default=Least(Value(MOST), F("priority") + _precedence(rules) + steps),
        output_field=IntegerField(),
    )
    return (
        QueueEntry.objects.filter(department_id=department_id, ended_at__isnull=True)
        .annotate(rank=rank)
        .order_by("-rank", "place_since", "pk")
    )


def to_be_offered(department_id: int, rules: Rules, now: datetime) -> QuerySet[QueueEntry]:
    """Return those of the waits that are to be offered now: to nobody yet, and their time came."""
    being_offered = Offer.objects.filter(queue_entry=OuterRef("pk"), ended_at__isnull=True)
    return waiting(department_id, rules, now).filter(
        ~Exists(being_offered),
        Q(not_before__isnull=True) | Q(not_before__lte=now),
        is_offered(rules),
    )


def is_offered(rules: Rules) -> Q:
    """Whether a wait is offered at all, or is taken from the list."""
    offered = Q(channel__in=rules.offered) & ~Q(kind=Kind.FOLLOW_UP)
    if rules.of(offered_as(Kind.FOLLOW_UP, "")).offers:
        offered |= Q(kind=Kind.FOLLOW_UP)
    return offered


def relaxed(wait: QueueEntry, seconds: int, now: datetime) -> bool:
    """Whether this wait has lasted so long that whoever is free will do."""
    return now - max(wait.entered_at, wait.not_before or wait.entered_at) >= timedelta(
        seconds=seconds
    )


def _precedence(rules: Rules) -> Case:
    follow_up = rules.of(offered_as(Kind.FOLLOW_UP, "")).precedence
    return Case(
        When(kind=Kind.FOLLOW_UP, then=Value(follow_up)),
        *(
            When(channel=name, then=Value(of_channel.precedence))
            for name, of_channel in rules.channels.items()
        ),
        default=Value(0),
        output_field=IntegerField(),
    )
