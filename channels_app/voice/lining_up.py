"""A caller waits again, at the place that their call had first."""

from datetime import datetime

from channels_app.voice.models import Call
from hub.conversations.models import Channel
from hub.routing import queue
from hub.staff.models import Department


def line_up_again(call: Call, department: Department, *, at: datetime, prefer: int | None) -> None:
    """Enter a wait for `department` that continues the call's last one; the caller saves the call.

    The conversation is locked, and nobody holds it. `prefer` is asked first.
    """
    # A wait that somebody opened from the inbox, while the patient was on the line.
    queue.withdraw(call.conversation, at=at)
    before = call.queue_entry
    call.queue_entry = queue.enter(
        call.conversation,
        at=at,
        channel=Channel.VOICE,
        language=call.language,
        skills=before.skills if before and before.department_id == department.pk else (),
        place_since=before.place_since if before else call.started_at,
        parent_id=before.pk if before else None,
        prefer=prefer,
    )
    call.queued_at = at
