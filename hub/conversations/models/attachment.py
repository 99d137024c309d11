"""Files of an entry, and what a person has begun to write."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models

from hub.conversations.models.conversation import Conversation
from hub.conversations.models.entry import Entry
from hub.encryption.fields import EncryptedTextField


class Attachment(models.Model):
    """One file, encrypted outside the web root; served only through a permission check."""

    class State(models.TextChoices):
        PENDING = "pending"  # the provider still has it
        STORED = "stored"
        REFUSED = "refused"  # too large, not an allowed type, not to be had

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="attachments")
    position = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices)
    reason = models.CharField(max_length=32, blank=True)  # why it was refused
    file_name = EncryptedTextField(blank=True, default="")
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveIntegerField(default=0)  # bytes
    storage_name = models.CharField(max_length=120, blank=True)
    source = EncryptedTextField(blank=True, default="")  # the provider's address of it

    encrypted_files: ClassVar[tuple[str, ...]] = ("storage_name",)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "position"], name="one_attachment_position"),
        ]


class Draft(models.Model):
    """What a person has begun to write; on the server, never in the browser's storage."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts"
    )
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="drafts")
    body = EncryptedTextField(blank=True, default="")
    is_note = models.BooleanField(default=False)
    channel = models.CharField(max_length=16, blank=True)
    # The last entry that the writer had seen when they began.
    seen_number = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "conversation"], name="one_draft"),
        ]
