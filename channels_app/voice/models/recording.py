"""A recording: of a call, or of a message that somebody left."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q

from channels_app.voice.models.call import Call
from hub.encryption.fields import EncryptedTextField


class Recording(models.Model):
    """One recording at the provider, until it lies here encrypted and is deleted there."""

    class Kind(models.TextChoices):
        CALL = "call"
        VOICEMAIL = "voicemail"

    class State(models.TextChoices):
        WANTED = "wanted"  # to be started
        RUNNING = "running"
        PAUSED = "paused"
        STOPPED = "stopped"  # over; the provider is making the file
        ABSENT = "absent"  # the provider has nothing: too short, or silence
        COMPLETE = "complete"  # its attachment has the rest of its life

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="recordings")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WANTED)
    sid = models.CharField(max_length=34, blank=True)
    # Wanted and done may differ for a moment; commands bring the provider to what is wanted.
    wanted = models.CharField(max_length=8, default="running")  # running, paused, stopped
    attachment = models.OneToOneField(
        "conversations.Attachment",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="recording",
    )
    seconds = models.PositiveIntegerField(null=True, blank=True)
    transcript = EncryptedTextField(blank=True, default="")
    # When it is to be written down, and not before; while that goes on, when it is tried again.
    transcribe_after = models.DateTimeField(null=True, blank=True)
    transcription_tries = models.PositiveSmallIntegerField(default=0)
    transcribed_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["sid"], condition=~Q(sid=""), name="one_recording_a_provider_id"
            ),
            models.UniqueConstraint(
                fields=["call"],
                condition=Q(kind="call", ended_at__isnull=True),
                name="one_running_recording_of_a_call",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["call", "id"], name="recording_of_call"),
            models.Index(
                fields=["transcribe_after"],
                condition=Q(transcribe_after__isnull=False),
                name="recording_to_transcribe",
            ),
            models.Index(
                fields=["call"],
                condition=~Q(state__in=["absent", "complete"]),
                name="recording_unreported",
            ),
        ]

    def __str__(self) -> str:
        return f"recording {self.pk}"
