"""The only writers of queue entries. One wait is one row; a conversation has at most one open."""

from datetime import datetime
from uuid import uuid4

from django.db import connection

from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent, Conversation
from hub.routing.models import QueueEntry
from hub.staff.models import User


def enter(
    conversation: Conversation,
    *,
    at: datetime,
    place_since: datetime | None = None,
    parent_id: int | None = None,
) -> bool:
    """Let the conversation wait in its department's queue, unless it waits already.

    `place_since` keeps an earlier place in line. One statement decides, so two at once make one
    wait. An urgent conversation raises the wait that is already there. Returns whether it is new.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO routing_queueentry (uuid, conversation_id, department_id, channel, "
            "priority, entered_at, place_since, parent_id, outcome) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '') "
            "ON CONFLICT (conversation_id) WHERE ended_at IS NULL DO UPDATE "
            "SET priority = EXCLUDED.priority "
            "WHERE routing_queueentry.priority < EXCLUDED.priority RETURNING id, xmax = 0",
            [
                uuid4(),
                conversation.pk,
                conversation.department_id,
                conversation.channel,
                conversation.priority,
                at,
                place_since or at,
                parent_id,
            ],
        )
        # No row: it waits already, and is no more urgent than it was.
        queue_entry_id, is_new = cursor.fetchone() or (None, False)
    if is_new:
        log_events(
            conversation,
            Happened(ContactEvent.Kind.QUEUE_ENTERED, at, queue_entry_id=queue_entry_id),
        )
    return bool(is_new)


def accept(conversation: Conversation, user: User, *, at: datetime) -> None:
    """End the conversation's wait, if it has one: `user` took it."""
    _end(
        conversation,
        QueueEntry.Outcome.ACCEPTED,
        ContactEvent.Kind.QUEUE_ACCEPTED,
        at=at,
        user_id=user.pk,
    )


def withdraw(conversation: Conversation, *, at: datetime) -> QueueEntry | None:
    """End the conversation's wait, if it has one: nobody needs to take it any more."""
    return _end(
        conversation, QueueEntry.Outcome.WITHDRAWN, ContactEvent.Kind.QUEUE_WITHDRAWN, at=at
    )


def abandon(conversation: Conversation, *, at: datetime) -> bool:
    """End the conversation's wait as abandoned: who waited has left before anybody came.

    What they wrote must still be read, so a follow-up (a wait with `parent`, at the old place)
    takes its stead; it is not another contact that was offered. Returns whether anybody waited.
    """
    left = _end(
        conversation, QueueEntry.Outcome.ABANDONED, ContactEvent.Kind.QUEUE_ABANDONED, at=at
    )
    if left is None:
        return False
    enter(conversation, at=at, place_since=left.place_since, parent_id=left.pk)
    return True


def move(conversation: Conversation, *, at: datetime) -> None:
    """Let the conversation wait in its new department's queue, at the place it had.

    What is put aside waits nowhere until it wakes.
    """
    left = withdraw(conversation, at=at)
    if conversation.status == Conversation.Status.SNOOZED:
        return
    enter(
        conversation,
        at=at,
        place_since=left.place_since if left else None,
        parent_id=left.pk if left else None,
    )


def _end(
    conversation: Conversation,
    outcome: str,
    event: str,
    *,
    at: datetime,
    user_id: int | None = None,
) -> QueueEntry | None:
    entry = (
        QueueEntry.objects.select_for_update()
        .filter(conversation=conversation, ended_at__isnull=True)
        .first()
    )
    if entry is None:
        return None
    entry.ended_at = at
    entry.outcome = outcome
    entry.accepted_by_id = user_id
    entry.save(update_fields=["ended_at", "outcome", "accepted_by"])
    log_events(conversation, Happened(event, at, queue_entry_id=entry.pk, agent_id=user_id))
    return entry
