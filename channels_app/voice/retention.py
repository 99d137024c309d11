"""Sound is kept for as long as its department says, then deleted with what was written down."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels_app.voice.models import Recording, RecordingRule
from hub.conversations.actions import attach
from hub.conversations.models import Attachment

#: Why a sound is gone; its line in the timeline says so.
OVER = "kept_long_enough"
MOST_AT_ONCE = 1000


def delete_old_sound(now: datetime | None = None) -> int:
    """Delete recordings and voicemail that are older than their department keeps them.

    The line in the timeline stays, and a row of the audit trail says what went and when. Returns
    how many were deleted.
    """
    now = now or timezone.now()
    kept = dict(RecordingRule.objects.values_list("department_id", "keep_days"))
    default = RecordingRule._meta.get_field("keep_days").default
    stored = Recording.objects.filter(attachment__state=Attachment.State.STORED)
    old = [
        stored.filter(call__conversation__department_id=department, started_at__lt=_ago(now, days))
        for department, days in kept.items()
    ]
    old.append(
        stored.filter(started_at__lt=_ago(now, default)).exclude(
            call__conversation__department_id__in=list(kept)
        )
    )
    deleted = 0
    for recordings in old:
        for recording in recordings.select_related("attachment")[:MOST_AT_ONCE]:
            deleted += _delete(recording)
    return deleted


def _delete(recording: Recording) -> bool:
    assert recording.attachment is not None
    with transaction.atomic():
        if not attach.erase(recording.attachment, OVER):
            return False
        row = Recording.objects.select_for_update(of=("self",), no_key=True).get(pk=recording.pk)
        row.transcript, row.transcribe_after = "", None
        row.save(update_fields=["transcript", "transcribe_after"])
    return True


def _ago(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)
