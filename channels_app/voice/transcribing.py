"""Has recordings written down, where their department wants that and something is there to do it.

What was said is stored encrypted with the recording, and stands nowhere else.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from channels_app.voice.models import Recording, RecordingRule
from channels_app.voice.transcription import transcriber
from hub.conversations.actions import attach
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding

#: How long one try may take before another worker may try.
LEASE = timedelta(minutes=30)
MOST_TRIES = 3
MOST_AT_ONCE = 20

log = structlog.get_logger(__name__)


def want(attachment: Attachment) -> bool:
    """Have the recording of a sound that is here now written down, if its department wants that."""
    if transcriber() is None:
        return False
    rules = RecordingRule.objects.filter(transcribes=True).values("department_id")
    return bool(
        Recording.objects.filter(
            attachment=attachment,
            transcribe_after__isnull=True,
            call__conversation__department_id__in=rules,
        ).update(transcribe_after=timezone.now())
    )


def due(now: datetime | None = None) -> list[int]:
    """Return the ids of the recordings to be written down now."""
    waiting = Recording.objects.filter(transcribe_after__lte=now or timezone.now())
    return list(waiting.order_by("transcribe_after").values_list("pk", flat=True)[:MOST_AT_ONCE])


def transcribe(recording_id: int, now: datetime | None = None) -> bool:
    """Write one recording down; returns whether it was. Safe to call twice and by two workers."""
    now = now or timezone.now()
    writer = transcriber()
    claimed = Recording.objects.filter(pk=recording_id, transcribe_after__lte=now)
    if writer is None or not claimed.update(transcribe_after=now + LEASE):
        return False
    recording = Recording.objects.select_related("attachment", "call").get(pk=recording_id)
    sound = recording.attachment
    if sound is None or sound.state != Attachment.State.STORED:
        _settle(recording, sound=None)
        return False
    try:
        with EncryptedFileStorage().open(
            sound.storage_name, binding(sound, "storage_name")
        ) as stream:
            text = writer.transcribe(stream, recording.call.language)
    except Exception as error:  # noqa: BLE001  (whatever it raises is noted, and tried again)
        # It is somebody else's code: what its message says may be a patient's words.
        log.warning("not_transcribed", recording_id=recording.pk, error=type(error).__name__)
        _failed(recording, now)
        return False
    return _settle(recording, sound=sound, text=text, now=now)


def _failed(recording: Recording, now: datetime) -> None:
    recording.transcription_tries += 1
    tries = recording.transcription_tries
    recording.transcribe_after = None if tries >= MOST_TRIES else now + timedelta(minutes=5 * tries)
    recording.save(update_fields=["transcription_tries", "transcribe_after"])


def _settle(
    recording: Recording,
    *,
    sound: Attachment | None,
    text: str = "",
    now: datetime | None = None,
) -> bool:
    """Keep the words, unless the sound was deleted meanwhile: they go with it."""
    with transaction.atomic():
        if sound is not None:
            attach.touch(sound)  # locks the conversation, as its deletion does
            sound.refresh_from_db()
        row = Recording.objects.select_for_update(of=("self",), no_key=True).get(pk=recording.pk)
        row.transcribe_after = None
        is_kept = sound is not None and sound.state == Attachment.State.STORED
        if is_kept:
            row.transcript, row.transcribed_at = text, now
        row.save(update_fields=["transcript", "transcribed_at", "transcribe_after"])
    return is_kept
