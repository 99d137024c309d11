"""The conversation itself, the channels it runs on, and who holds it."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    """A way of speaking. Each has an adapter in channels_app."""

    SMS = "sms", _("Text")
    CHAT = "chat", _("Web chat")
    VOICE = "voice", _("Phone call")
    WHATSAPP = "whatsapp", _("WhatsApp")
    MESSENGER = "messenger", _("Messenger")
    EMAIL = "email", _("E-mail")


#: Channels of Meta, which signs no agreement on health data: off until an administrator switches
#: an address on, and free words only within a day of the patient's own.
META = (Channel.WHATSAPP, Channel.MESSENGER)


class HubAddress(models.Model):
    """An address of ours (number, chat page, mailbox) and the department that owns it."""

    class State(models.TextChoices):
        NEW = "new", _("Not switched on yet")  # what comes in waits in the inbox
        ON = "on", _("On")
        OFF = "off", _("Switched off")  # what comes in is shown, nothing goes out

    class OptOut(models.TextChoices):
        HUB = "hub", _("The hub confirms a STOP")
        PROVIDER = "provider", _("The provider confirms a STOP")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    # +15550100100, a chat site's key, a mail address, or the id of a page at Facebook
    value = models.CharField(max_length=254)
    label = models.CharField(max_length=80)
    department = models.ForeignKey(
        "staff.Department", on_delete=models.PROTECT, related_name="hub_addresses"
    )
    state = models.CharField(max_length=4, choices=State.choices, default=State.ON)
    # The one confirmation of a STOP comes from one side, never from both.
    opt_out_by = models.CharField(max_length=8, choices=OptOut.choices, default=OptOut.HUB)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["channel", "value"], name="one_hub_address"),
            models.CheckConstraint(
                condition=Q(state__in=["new", "on", "off"]), name="hub_address_state"
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Conversation(models.Model):
    """One concern of one patient, from opening to resolution, over any number of channels."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")  # it is our turn
        WAITING = "waiting", _("Waiting for the patient")
        SNOOZED = "snoozed", _("Snoozed")
        RESOLVED = "resolved", _("Resolved")

    class Identity(models.TextChoices):
        """How sure we are of whom this is about."""

        UNKNOWN = "unknown", _("Unknown")
        SHARED = "shared", _("About whom?")
        PROBABLE = "probable", _("Probable match")
        CONFIRMED = "confirmed", _("Confirmed")

    class Priority(models.IntegerChoices):
        NORMAL = 0, _("Normal")
        URGENT = 10, _("Urgent")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    patient = models.ForeignKey(
        "patients.Patient",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="conversations",
    )
    identity = models.CharField(max_length=16, choices=Identity.choices, default=Identity.UNKNOWN)
    # No index of its own: the lists' indexes begin with it, one for each status. A plain one draws
    # the planner to read a department's resolved conversations when it counts the open ones.
    department = models.ForeignKey(
        "staff.Department", on_delete=models.PROTECT, related_name="conversations", db_index=False
    )
    # Sticky: a conversation that was once in a restricted department stays restricted by it.
    restricted_by = models.ForeignKey(
        "staff.Department", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="held_conversations",
    )
    last_number = models.PositiveIntegerField(default=0)
    revision = models.PositiveBigIntegerField(default=0)
    # What a row of the inbox shows without opening the timeline.
    channel = models.CharField(max_length=16, choices=Channel.choices)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="conversations"
    )
    last_message_number = models.PositiveIntegerField(default=0)
    last_entry_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    # Since when the patient waits for a person's answer; null when it is their turn.
    waiting_since = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolution = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status="snoozed", snoozed_until__isnull=False)
                | (~Q(status="snoozed") & Q(snoozed_until__isnull=True)),
                name="snoozed_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(status="resolved", resolved_at__isnull=False, holder__isnull=True)
                | (~Q(status="resolved") & Q(resolved_at__isnull=True)),
                name="resolved_has_a_time_and_no_holder",
            ),
        ]
        indexes: ClassVar = [
            # The inbox lists: what is due first, within a department or in one person's hands.
            models.Index(
                "department",
                models.F("priority").desc(),
                "waiting_since",
                "id",
                condition=Q(status__in=["open", "waiting"]),
                name="inbox_department",
            ),
            models.Index(
                "holder",
                models.F("priority").desc(),
                "waiting_since",
                "id",
                condition=Q(status__in=["open", "waiting"]),
                name="inbox_holder",
            ),
            models.Index(
                "department",
                models.F("priority").desc(),
                "waiting_since",
                "id",
                condition=Q(status__in=["open", "waiting"], holder__isnull=True),
                name="inbox_unassigned",
            ),
            models.Index(
                "department",
                "snoozed_until",
                "id",
                condition=Q(status="snoozed"),
                name="inbox_snoozed",
            ),
            # Whose time has come, of whichever department.
            models.Index(
                "snoozed_until", "id", condition=Q(status="snoozed"), name="snoozed_until_when"
            ),
            models.Index(
                "department",
                models.F("resolved_at").desc(),
                models.F("id").desc(),
                condition=Q(status="resolved"),
                name="inbox_resolved",
            ),
            models.Index("patient", models.F("id").desc(), name="conversations_of_patient"),
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class Leg(models.Model):
    """One stretch of a conversation on one channel."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="legs")
    channel = models.CharField(max_length=16, choices=Channel.choices)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="legs"
    )
    hub_address = models.ForeignKey(HubAddress, on_delete=models.PROTECT, related_name="legs")
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            # A call's leg is exempt: it ends with the call, and two calls are two legs.
            models.UniqueConstraint(
                fields=["contact_point", "hub_address"],
                condition=Q(
                    ended_at__isnull=True,
                    channel__in=["sms", "chat", "whatsapp", "messenger", "email"],
                ),
                name="one_open_text_leg",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                "contact_point", "hub_address", models.F("id").desc(), name="leg_by_addresses"
            ),
        ]

    def __str__(self) -> str:
        return f"leg {self.pk}"


class Assignment(models.Model):
    """The history of who held a conversation; the truth of now is `Conversation.holder`."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="assignments"
    )
    holder = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    department = models.ForeignKey("staff.Department", on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=32)
    at = models.DateTimeField()


class ReadMark(models.Model):
    """How far a person has read a conversation."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="read_marks"
    )
    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="read_marks"
    )
    number = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "conversation"], name="one_read_mark"),
        ]
