"""Web chat: the sites that carry the widget, the visitors' sessions, and links sent to patients."""

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from hub.encryption.fields import EncryptedJSONField


class ChatSite(models.Model):
    """A web site that may carry the widget."""

    hub_address = models.OneToOneField(
        "conversations.HubAddress", on_delete=models.CASCADE, related_name="chat_site"
    )
    key = models.SlugField(max_length=64, unique=True)
    # Exact origins, such as https://www.clinic.example; browsers frame the widget nowhere else.
    allowed_origins = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    # The number that the widget offers to text when nobody is on duty, in E.164.
    text_number = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return self.key


class ChatSession(models.Model):
    """One visitor's browser at one site; its bearer token is kept hashed.

    A visitor of a web site gets a contact point of their own. Who came by a link speaks from the
    contact point that the link was sent to; of such sessions one lives at a time, the newest.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    site = models.ForeignKey(ChatSite, on_delete=models.PROTECT, related_name="sessions")
    token_hash = models.CharField(max_length=64, unique=True)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="+"
    )
    language = models.CharField(max_length=8, default="en")
    # What the visitor typed of themself (name, birth date): ranks candidates, proves nothing.
    said = EncryptedJSONField(default=dict, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["site", "contact_point"],
                condition=Q(ended_at__isnull=True),
                name="one_live_session",
            ),
        ]

    def __str__(self) -> str:
        return f"chat session {self.pk}"

    def is_live(self, at: datetime) -> bool:
        """Whether its token still opens it."""
        return self.ended_at is None and self.expires_at > at


class ChatLeg(models.Model):
    """A leg that runs in a session: the visitor sees the entries of these, and of no others."""

    session = models.ForeignKey(ChatSession, on_delete=models.CASCADE, related_name="legs")
    leg = models.OneToOneField(
        "conversations.Leg", on_delete=models.CASCADE, related_name="chat_leg"
    )

    def __str__(self) -> str:
        return f"chat leg {self.pk}"


class ChatLink(models.Model):
    """A link sent to a contact point that opens its conversation as a chat. Its token is hashed.

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
    language = models.CharField(max_length=8, default="en")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    session = models.OneToOneField(
        ChatSession, null=True, blank=True, on_delete=models.PROTECT, related_name="link"
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(used_at__isnull=True, session__isnull=True)
                | Q(used_at__isnull=False, session__isnull=False),
                name="used_link_has_a_session",
            ),
        ]

    def __str__(self) -> str:
        return f"chat link {self.pk}"
