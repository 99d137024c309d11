"""Somebody asked to be called back."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hub.encryption.fields import EncryptedTextField


class Callback(models.Model):
    """A promise to ring a patient: in their turn, or at the time they chose; three tries at most.

    Its waits are queue entries of the kind "callback": an agent is reserved by an offer before
    the patient's phone rings.
    """

    class Source(models.TextChoices):
        QUEUE = "queue", _("Asked for while waiting")
        MENU = "menu", _("Asked for in the phone menu")
        CHAT = "chat", _("Asked for in the chat")
        PORTAL = "portal", _("Asked for on the web site")
        AGENT = "agent", _("Promised by an agent")
        MISSED = "missed", _("Nobody came to the phone")

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DIALLING = "dialling", _("Being called")
        REACHED = "reached", _("Reached")
        GIVEN_UP = "given_up", _("Not reached")
        CANCELLED = "cancelled", _("Cancelled")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="callbacks"
    )
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="callbacks"
    )
    hub_address = models.ForeignKey(
        "conversations.HubAddress", on_delete=models.PROTECT, related_name="+"
    )
    source = models.CharField(max_length=8, choices=Source.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    language = models.CharField(max_length=8, default="en")
    requested_at = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # What it is about, in the words of whoever asked for it.
    reason = EncryptedTextField(blank=True, default="")
    # The slot that was chosen; null = as soon as their turn comes.
    slot_from = models.DateTimeField(null=True, blank=True)
    slot_until = models.DateTimeField(null=True, blank=True)
    # How often the patient's phone was rung in vain.
    tries = models.PositiveSmallIntegerField(default=0)
    # When they are to be called, at the earliest.
    next_try_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(ended_at__isnull=True),
                name="one_open_callback",
            ),
            models.CheckConstraint(condition=Q(tries__lte=3), name="three_tries_at_most"),
            models.CheckConstraint(
                condition=Q(slot_from__isnull=True, slot_until__isnull=True)
                | Q(slot_until__gt=models.F("slot_from")),
                name="slot_begins_before_it_ends",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "dialling"], ended_at__isnull=True)
                | (Q(ended_at__isnull=False) & ~Q(state__in=["waiting", "dialling"])),
                name="callback_ends_with_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], condition=Q(ended_at__isnull=True), name="callback_due"
            ),
            # Whose promises end when their number says STOP.
            models.Index(
                fields=["contact_point"],
                condition=Q(ended_at__isnull=True),
                name="callback_of_number",
            ),
        ]

    def __str__(self) -> str:
        return f"callback {self.pk}"
