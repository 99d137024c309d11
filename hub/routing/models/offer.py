"""One person's chance to take a wait, and what is known of a person between two of them."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from hub.routing.models.queue_entry import QueueEntry


class Offer(models.Model):
    """One agent's chance to accept a queue entry, with a time limit."""

    class Outcome(models.TextChoices):
        ACCEPTED = "accepted", _("Accepted")
        REFUSED = "refused", _("Refused")
        EXPIRED = "expired", _("Not answered in time")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    class Why(models.TextChoices):
        URGENT = "urgent", _("Urgent")
        LAST_AGENT = "last_agent", _("You spoke with them last")
        ASKED_FOR = "asked_for", _("They asked for you")
        IN_TURN = "in_turn", _("Waiting longest")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    queue_entry = models.ForeignKey(
        QueueEntry, on_delete=models.CASCADE, related_name="offers", db_index=False
    )
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="offers", db_index=False
    )
    channel = models.CharField(max_length=16)
    # A call: it takes its person whole (capacity.py).
    fills = models.BooleanField()
    why = models.CharField(max_length=16, choices=Why.choices)
    made_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=16, choices=Outcome.choices, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["queue_entry"],
                condition=Q(ended_at__isnull=True),
                name="one_open_offer_of_a_wait",
            ),
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(ended_at__isnull=True, fills=True),
                name="one_open_call_offer_of_a_person",
            ),
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(ended_at__isnull=True, fills=False),
                name="one_open_other_offer_of_a_person",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, outcome="")
                | (Q(ended_at__isnull=False) & ~Q(outcome="")),
                name="offer_ends_with_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(until__gt=F("made_at")), name="offer_lasts_for_a_while"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["agent"], condition=Q(ended_at__isnull=True), name="offer_open"),
            models.Index(fields=["until"], condition=Q(ended_at__isnull=True), name="offer_due"),
            models.Index(fields=["queue_entry", "agent"], name="offer_of_a_wait"),
        ]


class Readiness(models.Model):
    """What routing remembers of a person: whose turn it is, and who does not answer.

    The row is also the person's lock: whoever gives them something holds it (capacity.py).

    Attributes:
        idle_since: since when they were given nothing; the longest idle comes first.
        lapses: offers in a row that they let run out.
        occupied: they speak on the phone, or finish what a call left to do: nothing is offered.
        occupied_until: when that ends by itself; null = when they are released.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    idle_since = models.DateTimeField(null=True, blank=True)
    lapses = models.PositiveSmallIntegerField(default=0, db_default=0)
    occupied = models.BooleanField(default=False, db_default=False)
    occupied_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(occupied=True) | Q(occupied_until__isnull=True),
                name="only_who_is_occupied_is_so_until_then",
            ),
        ]
