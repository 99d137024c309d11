"""The net under the phone: the provider is asked about calls of which nobody has told us anything.

Events get lost: a status callback is tried a few times only. What the provider says of a line now
is taken as if it had told us then.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from channels_app.twilio.client import client
from channels_app.twilio.failures import FAILURES
from channels_app.voice import ending, parties, requeueing, rooms
from channels_app.voice.models import Answer, Call, Party
from channels_app.voice.provider import OVER
from channels_app.voice.questions import locked_by_id
from hub.conversations.actions import calls

#: How long a call may say nothing before it is asked about, and until it is asked again.
SILENT = timedelta(seconds=15)
MOST_AT_ONCE = 200
ANSWERS_KEPT = timedelta(days=2)

log = structlog.get_logger(__name__)


def ask_about_silent_calls(now: datetime | None = None) -> int:
    """Ask about lines that fell silent; return how many were found to be over or in the room."""
    now = now or timezone.now()
    due = list(
        Call.objects.filter(ended_at__isnull=True, heard_at__lt=now - SILENT).order_by("heard_at")[
            :MOST_AT_ONCE
        ]
    )
    mended = 0
    for call in due:
        try:
            mended += _ask_about(call, now)
        except FAILURES:
            log.warning("provider_not_asked", call_id=call.pk, exc_info=True)
            return mended
        Call.objects.filter(pk=call.pk).update(heard_at=now)
    return mended


def return_to_queue(now: datetime | None = None) -> int:
    """Queue those callers again whose agent was lost and did not come back; return how many."""
    now = now or timezone.now()
    lost = Call.objects.filter(
        state=Call.State.ROOM, alone_since__lt=now - rooms.RETURN_GRACE
    ).values_list("pk", flat=True)[:MOST_AT_ONCE]
    returned = 0
    for pk in list(lost):
        with transaction.atomic():
            returned += _return(pk, now)
    return returned


def forget_answers(now: datetime | None = None) -> int:
    """Delete documents that no provider will ask for again; return how many."""
    old = Answer.objects.filter(at__lt=(now or timezone.now()) - ANSWERS_KEPT)
    return old.delete()[0]


def _return(call_id: int, now: datetime) -> bool:
    call = locked_by_id(call_id)
    if call.state != Call.State.ROOM or call.alone_since is None:
        return False
    calls.note(call.conversation, "agent_lost", at=now, leg=call.leg)
    lost = parties.lost_agent(call)
    requeueing.queue_again(call, call.conversation.department, at=now, why="returned_to_queue")
    call.save()
    if lost is not None and lost.user_id is not None:
        ending.free(lost.user_id, at=now)
    return True


def _ask_about(call: Call, now: datetime) -> int:
    mended = 0
    if call.sid and _status(call.sid) in OVER:
        ending.line_ended(call.pk, "silent")
        return 1
    for party in call.parties.filter(left_at__isnull=True).exclude(kind=Party.Kind.PATIENT):
        if not party.sid:
            continue
        status = _status(party.sid)
        if status in OVER:
            rooms.left(party.pk, status)
            mended += 1
        elif status == "in-progress" and party.state != Party.State.JOINED:
            rooms.joined(party.pk, party.sid)
            mended += 1
    if not call.sid and call.started_at < now - 4 * SILENT:
        # A call out that never came to be, and whose orders are over.
        open_ones = call.parties.filter(left_at__isnull=True)
        if not open_ones.exists():
            ending.line_ended(call.pk, "never_rung")
            mended += 1
    return mended


def _status(sid: str) -> str:
    """Return what the provider says of a line; one that it does not know is over."""
    try:
        return str(client().calls(sid).fetch().status)
    except FAILURES as error:
        if getattr(error, "status", None) == 404:
            return "completed"
        raise
