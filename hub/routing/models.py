"""Waits of conversations, and when a department is open."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class QueueEntry(models.Model):
    """One wait of one conversation: the work item, apart from the conversation."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        ABANDONED = "abandoned", _("Abandoned")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="queue_entries"
    )
    department = models.ForeignKey(
        "staff.Department", on_delete=models.PROTECT, related_name="queue_entries"
    )
    channel = models.CharField(max_length=16)
    priority = models.SmallIntegerField(default=0)
    entered_at = models.DateTimeField()
    # Its place in line; kept when it is queued again as a new row with `parent`.
    place_since = models.DateTimeField()
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT)
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(ended_at__isnull=True),
                name="one_open_queue_entry",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, outcome="")
                | (Q(ended_at__isnull=False) & ~Q(outcome="")),
                name="queue_entry_ends_with_an_outcome",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                "department",
                models.F("priority").desc(),
                "place_since",
                condition=Q(ended_at__isnull=True),
                name="queue_order",
            ),
        ]


class OpeningHours(models.Model):
    """One stretch of one weekday (0 = Monday) in the department's time zone."""

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="opening_hours"
    )
    weekday = models.PositiveSmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ("weekday", "opens")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="weekday_known"),
            models.CheckConstraint(
                condition=Q(opens__lt=models.F("closes")), name="opens_before_it_closes"
            ),
        ]


class Holiday(models.Model):
    """A day on which a department stays closed."""

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="holidays"
    )
    day = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["department", "day"], name="one_holiday"),
        ]
