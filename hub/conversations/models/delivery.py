"""The outbox: one outbound thing that must reach one contact point."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q, Value

from hub.conversations.models.attachment import Attachment
from hub.conversations.models.conversation import Channel, HubAddress, Leg
from hub.conversations.models.entry import Entry


class Delivery(models.Model):
    """One thing to hand over; `uuid` travels in the callback address, and adopts a lost answer."""

    class Kind(models.TextChoices):
        MESSAGE = "message"
        FETCH = "fetch"  # take a file from the provider
        DELETE = "delete"  # delete a file at the provider once we have it
        CALL = "call"  # ring somebody: not repeated while nobody knows whether it rang
        COMMAND = "command"  # bring the provider to what our rows say; harmless to repeat

    class State(models.TextChoices):
        READY = "ready"
        CLAIMED = "claimed"
        SENDING = "sending"
        UNKNOWN = "unknown"  # handed over, no answer: ask before anything else
        ACCEPTED = "accepted"
        SENT = "sent"
        DELIVERED = "delivered"
        READ = "read"
        FAILED = "failed"
        SUPPRESSED = "suppressed"

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.MESSAGE)
    state = models.CharField(max_length=12, choices=State.choices, default=State.READY)
    entry = models.ForeignKey(
        Entry, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    attachment = models.ForeignKey(
        Attachment, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    leg = models.ForeignKey(Leg, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="deliveries"
    )
    hub_address = models.ForeignKey(HubAddress, on_delete=models.PROTECT, related_name="+")
    # What a call or a command is about: ids and codes for its adapter, never words.
    detail = models.JSONField(
        default=dict, db_default=Value({}, output_field=models.JSONField()), blank=True
    )
    # The one message that a STOP does not suppress: its confirmation.
    confirms_stop = models.BooleanField(default=False)
    not_after = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    # While claimed or sending: when the worker that has it is given up.
    lease_until = models.DateTimeField(null=True, blank=True)
    # How often the provider was asked about an unknown one (MODEL.md: twice, 30 s apart).
    inquiries = models.PositiveSmallIntegerField(default=0)
    provider_key = models.CharField(max_length=64, blank=True)
    error_code = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "provider_key"],
                condition=~Q(provider_key=""),
                name="one_provider_key",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at", "id"],
                condition=Q(state__in=["ready", "claimed", "sending", "unknown"]),
                name="delivery_unfinished",
            ),
            models.Index(
                fields=["contact_point", "hub_address", "id"],
                condition=Q(state__in=["ready", "claimed", "sending", "unknown"]),
                name="delivery_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
