"""A call, the people in its room, and the work after it."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Call(models.Model):
    """One phone call with a patient; `state` is where their line is.

    The line is in the menu, waits in the provider's queue with music, is in the room (a conference
    by the name `room`), speaks to the voicemail, or is over. A call out begins in `DIALLING`: its
    agent is in the room, and the patient's phone rings.
    """

    class Direction(models.TextChoices):
        INBOUND = "inbound", _("Incoming")
        OUTBOUND = "outbound", _("Outgoing")

    class State(models.TextChoices):
        MENU = "menu", _("In the menu")
        QUEUED = "queued", _("Waiting")
        DIALLING = "dialling", _("Ringing the patient")
        ROOM = "room", _("Connected")
        VOICEMAIL = "voicemail", _("Leaving a message")
        ENDED = "ended", _("Ended")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    # The provider's id of the patient's line; empty until a call out has one.
    sid = models.CharField(max_length=34, blank=True)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    state = models.CharField(max_length=10, choices=State.choices)
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.PROTECT, related_name="calls"
    )
    leg = models.OneToOneField("conversations.Leg", on_delete=models.PROTECT, related_name="call")
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="calls"
    )
    hub_address = models.ForeignKey(
        "conversations.HubAddress", on_delete=models.PROTECT, related_name="+"
    )
    language = models.CharField(max_length=8, default="en")
    # How many documents with a next step were given; the number travels in the next address.
    steps = models.PositiveIntegerField(default=0)
    # How often their line was sent somewhere else; an order to do so of an earlier number is over.
    moves = models.PositiveIntegerField(default=0)
    queue_entry = models.ForeignKey(
        "routing.QueueEntry", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    callback = models.ForeignKey(
        "voice.Callback", null=True, blank=True, on_delete=models.SET_NULL, related_name="calls"
    )
    conference_sid = models.CharField(max_length=34, blank=True)
    # When the caller was told that the call may be recorded; nothing is recorded before.
    notice_at = models.DateTimeField(null=True, blank=True)
    recording_refused = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    queued_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # Since when the patient is in the room with nobody: their agent's line was lost.
    alone_since = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=24, blank=True)
    # When we last heard of it from the provider; the sweep asks about those that fell silent.
    heard_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sid"], condition=~Q(sid=""), name="one_call_a_provider_id"
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False)
                | (~Q(state="ended") & Q(ended_at__isnull=True)),
                name="call_ends_with_a_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["heard_at"], condition=Q(ended_at__isnull=True), name="call_open"),
            models.Index(fields=["conversation", "-id"], name="call_of_conversation"),
        ]

    def __str__(self) -> str:
        return f"call {self.pk}"

    @property
    def room(self) -> str:
        """The name of its conference at the provider."""
        return f"call-{self.uuid}"


class Party(models.Model):
    """One line in a call's room: the patient's, an agent's, a guest's, a supervisor's."""

    class Kind(models.TextChoices):
        PATIENT = "patient", _("Patient")
        AGENT = "agent", _("Agent")
        GUEST = "guest", _("Guest")
        SUPERVISOR = "supervisor", _("Supervisor")

    class State(models.TextChoices):
        WANTED = "wanted"  # to be rung
        RINGING = "ringing"
        JOINED = "joined"
        LEFT = "left"

    class Mode(models.TextChoices):
        """How a supervisor is there."""

        TALK = "talk", _("Speaks with everybody")
        LISTEN = "listen", _("Listens")
        WHISPER = "whisper", _("Is heard by the agent alone")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="parties")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WANTED)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="parties",
    )
    # A guest's number, in E.164, and what they are here for ("interpreter").
    number = models.CharField(max_length=20, blank=True)
    role = models.CharField(max_length=24, blank=True)
    sid = models.CharField(max_length=34, blank=True)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.TALK)
    # What is wanted; commands bring the provider to it, however often they are repeated.
    muted = models.BooleanField(default=False)
    held = models.BooleanField(default=False)
    held_since = models.DateTimeField(null=True, blank=True)
    # Joins the two ends of a hold in the event log.
    hold_interval = models.UUIDField(null=True, blank=True)
    # The colleague who is asked to take the call over, until they have it.
    is_consulted = models.BooleanField(default=False)
    # They asked for this call, or their line was lost and is rung again: their console takes it
    # without asking.
    answers_itself = models.BooleanField(default=False)
    # They hung up by their own wish, or were taken out: the end of their line is no loss.
    leaving = models.BooleanField(default=False)
    rung_at = models.DateTimeField(null=True, blank=True)
    joined_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    why_left = models.CharField(max_length=24, blank=True)

    class Meta:
        verbose_name_plural = "parties"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sid"], condition=~Q(sid=""), name="one_party_a_provider_id"
            ),
            # Nobody is in two calls (and no phone of theirs rings for two).
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(user__isnull=False, left_at__isnull=True),
                name="one_open_party_a_person",
            ),
            models.UniqueConstraint(
                fields=["call"],
                condition=Q(kind="patient", left_at__isnull=True),
                name="one_patient_in_a_call",
            ),
            models.CheckConstraint(
                condition=Q(state="left", left_at__isnull=False)
                | (~Q(state="left") & Q(left_at__isnull=True)),
                name="party_left_with_a_time",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["agent", "supervisor"], user__isnull=False)
                | Q(kind__in=["patient", "guest"], user__isnull=True),
                name="party_of_staff_is_a_person",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["call", "id"], name="party_of_call")]

    def __str__(self) -> str:
        return f"party {self.pk}"


class WrapUp(models.Model):
    """The work after a call, by the person who led it."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="wrap_ups")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="wrap_ups"
    )
    started_at = models.DateTimeField()
    # When they count as free again though they said nothing.
    until = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=32, blank=True)
    outcome = models.CharField(max_length=32, blank=True)
    # Joins the two ends in the event log.
    interval = models.UUIDField(default=uuid4, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(done_at__isnull=True), name="one_open_wrap_up"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["until"], condition=Q(done_at__isnull=True), name="wrap_up_due"),
        ]

    def __str__(self) -> str:
        return f"wrap-up {self.pk}"
