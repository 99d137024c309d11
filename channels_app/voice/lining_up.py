"""Which wait is a caller's, and how they wait again at the place that their call had first.

One caller at a time is on the line in a conversation, and one wait of it is open at most: so the
two find each other by it, wherever the wait has moved since the caller entered it (into another
department, by a supervisor or by the overflow). `Call.queue_entry` is the last one that the phone
entered.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from channels_app.voice.models import Call, Party
from hub.conversations.models import Channel
from hub.routing import queue
from hub.routing.models import QueueEntry
from hub.staff.models import Department


def has_caller(conversation_id: int) -> bool:
    """Whether the patient is on the line in a conversation, or their phone rings."""
    return on_the_line(conversation_id).exists()


def on_the_line(conversation_id: int) -> QuerySet[Call]:
    """Return the calls of a conversation that have their patient, or ring them.

    A call out whose agent has not come yet is none: it is let go, should the patient call.
    """
    agent = Party.objects.filter(
        call=OuterRef("pk"), kind=Party.Kind.AGENT, state=Party.State.JOINED
    )
    running = Call.objects.filter(conversation_id=conversation_id, ended_at__isnull=True)
    return running.filter(~Q(state=Call.State.DIALLING) | Exists(agent))


def wait_of(call: Call) -> QueueEntry | None:
    """Return the wait in which the caller stands now; None where it is over."""
    return QueueEntry.objects.filter(
        conversation_id=call.conversation_id,
        channel=Channel.VOICE,
        kind=QueueEntry.Kind.LIVE,
        ended_at__isnull=True,
    ).first()


def caller_of(entry: QueueEntry) -> Call | None:
    """Return the call whose caller stands, or stood until now, in a wait."""
    if entry.channel != Channel.VOICE or entry.kind != QueueEntry.Kind.LIVE:
        return None
    waiting = Call.objects.filter(conversation_id=entry.conversation_id, state=Call.State.QUEUED)
    return waiting.order_by("-pk").first()


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
