"""The net under the promises: none is forgotten, whatever became of its wait.

Each writer keeps promise and wait together in one transaction. But a wait also ends by other hands:
somebody takes the conversation from the list and is called away; a patient rings in themself, and
gives up before anybody answers.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from channels_app.voice import callbacks
from channels_app.voice.models import Call, Callback
from hub.conversations.actions import calls
from hub.conversations.append import lock
from hub.conversations.models import Assignment, Channel, Conversation
from hub.routing import queue
from hub.routing.models import QueueEntry
from patients import consent, contact_points

#: A row this young may be between two transactions of one request.
SETTLED = timedelta(seconds=30)
#: How long whoever took the conversation themself is left to call, once it is time.
LEFT_TO_HOLDER = timedelta(minutes=15)
MOST_AT_ONCE = 200

log = structlog.get_logger(__name__)


def mend(now: datetime | None = None) -> int:
    """Let forgotten promises wait again, and end those that are not needed; return how many."""
    now = now or timezone.now()
    found = list(
        Callback.objects.filter(
            ~Exists(_waits()),
            ~Exists(_calls()),
            ended_at__isnull=True,
            requested_at__lt=now - SETTLED,
        )
        .order_by("pk")
        .values_list("pk", "contact_point_id", "conversation_id")[:MOST_AT_ONCE]
    )
    mended = 0
    for pk, contact_point_id, conversation_id in found:
        with transaction.atomic():
            contact_points.lock(contact_point_id)
            [conversation] = lock([conversation_id])
            mended += _mend(pk, conversation, now)
    return mended


def _waits() -> QuerySet[QueueEntry]:
    return QueueEntry.objects.filter(
        conversation=OuterRef("conversation"),
        ended_at__isnull=True,
        kind=QueueEntry.Kind.CALLBACK,
    )


def _calls() -> QuerySet[Call]:
    """Return the calls that run in the conversation: what comes of them decides."""
    return Call.objects.filter(conversation=OuterRef("conversation"), ended_at__isnull=True)


def _mend(pk: int, conversation: Conversation, now: datetime) -> bool:
    callback = (
        Callback.objects.select_for_update(of=("self",), no_key=True)
        .filter(~Exists(_waits()), ~Exists(_calls()), pk=pk, ended_at__isnull=True)
        .first()
    )
    if callback is None:
        return False
    callback.conversation = conversation
    if conversation.status == Conversation.Status.RESOLVED:
        callbacks.cancel(callback, "resolved", at=now)
        return True
    if consent.is_stopped(callback.contact_point_id, Channel.VOICE):
        callbacks.cancel(callback, "stopped", at=now)
        return True
    if conversation.status == Conversation.Status.SNOOZED:
        return False
    if conversation.holder_id is not None and now < _left_to_holder_until(callback):
        return False
    log.info("callback_waits_again", callback_id=callback.pk)
    callback.state = Callback.State.WAITING
    callback.save(update_fields=["state"])
    before = queue.last_wait(conversation)
    held_by = calls.waits_for_call(conversation, at=now, since=callback.requested_at)
    callbacks.wait(callback, at=now, parent=before, prefer=held_by)
    return True


def _left_to_holder_until(callback: Callback) -> datetime:
    """Return how long the call is the holder's to make, who took the conversation for it.

    Who promised it while they had it (on the phone, say) only held it to the end of that.
    """
    due = callback.next_try_at or callback.requested_at
    taken = (
        Assignment.objects.filter(conversation=callback.conversation)
        .order_by("-at")
        .values_list("at", flat=True)
        .first()
    )
    if taken is None or taken <= callback.requested_at:
        return callback.requested_at
    return max(due, taken) + LEFT_TO_HOLDER
