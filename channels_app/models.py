"""The inbox: every inbound provider event, stored before it is worked on."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q

from hub.encryption.fields import EncryptedJSONField


class Receipt(models.Model):
    """One inbound provider event, unique on the provider's own key."""

    class State(models.TextChoices):
        RECEIVED = "received"
        DONE = "done"
        STUCK = "stuck"  # failed five times; a person must look

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    account = models.CharField(max_length=64)
    kind = models.CharField(max_length=32)  # which adapter's which event: "sms.inbound" …
    key = models.CharField(max_length=128)
    payload = EncryptedJSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    failures = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "kind", "key"], name="one_receipt"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="received"), name="receipt_undone"
            ),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
