"""Web chat: the sites that carry the widget, the visitors' sessions, and links sent to patients."""

from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models

from hub.encryption.fields import EncryptedJSONField


class ChatSite(models.Model):
    """A web site that may carry the widget."""

    hub_address = models.OneToOneField(
        "conversations.HubAddress", on_delete=models.CASCADE, related_name="chat_site"
    )
    key = models.SlugField(max_length=64, unique=True)
    # Exact origins, such as https://www.clinic.example.
    allowed_origins = ArrayField(models.CharField(max_length=200), default=list)
    # The number that the widget offers to text when nobody is on duty.
    text_number = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return self.key


class ChatSession(models.Model):
    """One visitor's browser; its bearer token is kept hashed."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    site = models.ForeignKey(ChatSite, on_delete=models.PROTECT, related_name="sessions")
    token_hash = models.CharField(max_length=64, unique=True)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="+"
    )
    leg = models.ForeignKey(
        "conversations.Leg", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    language = models.CharField(max_length=8, default="en")
    # What the visitor typed of themself (name, birth date): ranks candidates, proves nothing.
    said = EncryptedJSONField(default=dict)
    opened_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    seen_number = models.PositiveIntegerField(default=0)


class ChatLink(models.Model):
    """A link sent to a contact point that opens its conversation as a chat; the token is kept hashed.

    Opening the page (GET) uses up nothing, since link previews fetch it; starting the chat does.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="chat_links"
    )
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="+"
    )
    site = models.ForeignKey(ChatSite, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    session = models.ForeignKey(
        ChatSession, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["conversation"], name="chat_link_conversation")]
