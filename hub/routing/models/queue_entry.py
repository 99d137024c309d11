"""One wait of one conversation."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class QueueEntry(models.Model):
    """One wait of one conversation: the work item, apart from the conversation."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        ABANDONED = "abandoned", _("Abandoned")
        CALLED_BACK = "called_back", _("To be called back")
        OVERFLOWED = "overflowed", _("Overflowed")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Kind(models.TextChoices):
        LIVE = "live", _("Waiting")  # the patient waits, on the line or for words
        CALLBACK = "callback", _("Callback")  # they hung up, and are to be rung in their turn
        FOLLOW_UP = "follow_up", _("Follow-up")  # they left; what they said is still to be read

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="queue_entries"
    )
    department = models.ForeignKey(
        "staff.Department", on_delete=models.PROTECT, related_name="queue_entries"
    )
    channel = models.CharField(max_length=16)
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.LIVE, db_default=Kind.LIVE.value
    )
    priority = models.SmallIntegerField(default=0)
    # What this wait asks of a person, besides what its department asks (rules.py). Without a
    # language the patient's own counts.
    skills = ArrayField(models.CharField(max_length=40), default=list, db_default=[])
    language = models.CharField(max_length=8, blank=True, default="", db_default="")
    entered_at = models.DateTimeField()
    # Its place in line; kept when it is queued again as a new row with `parent`.
    place_since = models.DateTimeField()
    # Who is to be asked first, such as the colleague a caller was promised. Without anybody it is
    # whoever spoke with the patient last (last_agent.py).
    prefer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    # A callback for which the patient named a time: nobody is offered it before.
    not_before = models.DateTimeField(null=True, blank=True)
    # When the phone was told that the caller has waited too long (signals.overflow_due).
    overflow_told_at = models.DateTimeField(null=True, blank=True)
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
            # Whether anything waits that is to be offered; how many wait for a channel.
            models.Index(
                fields=["channel", "department"],
                condition=Q(ended_at__isnull=True),
                name="queue_channel",
            ),
            # How long those waited who were answered last (waits.py).
            models.Index(
                "department",
                "channel",
                models.F("ended_at").desc(),
                condition=Q(outcome="accepted"),
                name="queue_answered",
            ),
        ]
