"""One line of the timeline."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from hub.conversations.models.conversation import Channel, Conversation, Leg
from hub.encryption.fields import EncryptedTextField


class Entry(models.Model):
    """Append-only, numbered 1, 2, 3 … inside its conversation; a trigger holds it to that.

    What may still change: `erased_at` and `moved_to` (masking), `words` with them, the projected
    delivery state, and `revision`, the conversation's revision of the latest change.
    """

    class Kind(models.TextChoices):
        MESSAGE = "message", _("Message")
        NOTE = "note", _("Note")
        ASSIGNED = "assigned", _("Assigned")
        STATUS = "status", _("Status changed")
        IDENTIFIED = "identified", _("Identified")
        CONSENT = "consent", _("Consent changed")
        LEG = "leg", _("Channel opened or ended")
        LINK = "link", _("Link sent or opened")
        FAILED = "failed", _("Delivery failed")
        URGENCY = "urgency", _("Urgency changed")
        CALL = "call", _("Call")
        RECORDING = "recording", _("Recording")
        VOICEMAIL = "voicemail", _("Voicemail")
        CALLBACK = "callback", _("Callback")

    class Author(models.TextChoices):
        """Who speaks. Only `staff` counts as an answer by a person."""

        PATIENT = "patient", _("Patient")
        STAFF = "staff", _("Staff")
        AUTOMATIC = "automatic", _("Automatic answer")
        SYSTEM = "system", _("System")

    class Audience(models.TextChoices):
        STAFF = "staff", _("Only staff")
        PATIENT = "patient", _("The patient too")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    # No index of its own: `one_entry_number` begins with it.
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="entries", db_index=False
    )
    number = models.PositiveIntegerField()
    revision = models.PositiveBigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    author_kind = models.CharField(max_length=16, choices=Author.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.STAFF)
    leg = models.ForeignKey(
        Leg, null=True, blank=True, on_delete=models.PROTECT, related_name="entries"
    )
    channel = models.CharField(max_length=16, choices=Channel.choices, blank=True)
    body = EncryptedTextField(blank=True, default="")
    # Ids and codes that the line is drawn from; never words of a patient.
    detail = models.JSONField(default=dict, blank=True)
    words = ArrayField(models.BigIntegerField(), default=list, editable=False)
    at = models.DateTimeField()
    # The browser's key of one press of "send", so that a repeated request is one message.
    intent = models.UUIDField(null=True, blank=True)
    delivery_state = models.CharField(max_length=16, blank=True)
    delivery_error = models.CharField(max_length=32, blank=True)
    origin = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    erased_at = models.DateTimeField(null=True, blank=True)
    moved_to = models.ForeignKey(
        Conversation,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["conversation", "number"], name="one_entry_number"),
            models.UniqueConstraint(
                fields=["conversation", "intent"],
                condition=models.Q(intent__isnull=False),
                name="one_entry_an_intent",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="note") | models.Q(audience="staff"),
                name="notes_are_for_staff",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["conversation", "revision"], name="entry_revision"),
            # A patient's timeline: the conversations of one patient, merged by time.
            models.Index(fields=["conversation", "at", "id"], name="entry_at"),
            GinIndex(fields=["words"], name="entry_words"),
        ]

    def __str__(self) -> str:
        return f"entry {self.pk}"
