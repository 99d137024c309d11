"""What a person has begun to write, how far they have read, and their active intervals."""

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent, Conversation, Draft
from hub.staff.models import User


def save_draft(
    conversation: Conversation,
    body: str,
    *,
    is_note: bool,
    channel: str,
    seen_number: int,
    by: User,
) -> None:
    """Keep what `by` has written so far; an empty body forgets it."""
    if not body.strip():
        Draft.objects.filter(user=by, conversation=conversation).delete()
        return
    with transaction.atomic():
        draft = (
            Draft.objects.select_for_update(of=("self",))
            .filter(user=by, conversation=conversation)
            .first()
        ) or Draft(user=by, conversation=conversation, seen_number=seen_number)
        draft.body = body
        draft.is_note = is_note
        draft.channel = channel
        draft.save()


def mark_read(conversation_id: int, number: int, *, by_id: int) -> None:
    """Note that a person has read up to `number`; it never goes back. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO conversations_readmark (user_id, conversation_id, number) "
            "VALUES (%s, %s, %s) ON CONFLICT (user_id, conversation_id) DO UPDATE "
            "SET number = GREATEST(conversations_readmark.number, EXCLUDED.number)",
            [by_id, conversation_id, number],
        )


def active_started(conversation: Conversation, *, interval: UUID, by: User) -> None:
    """The holder turned to the conversation (its page is open and in front)."""
    _interval(ContactEvent.Kind.ACTIVE_STARTED, conversation, interval, by)


def active_ended(conversation: Conversation, *, interval: UUID, by: User) -> None:
    """The holder turned away, or their tab is gone."""
    _interval(ContactEvent.Kind.ACTIVE_ENDED, conversation, interval, by)


def _interval(kind: str, conversation: Conversation, interval: UUID, by: User) -> None:
    log_events(conversation, Happened(kind, timezone.now(), agent_id=by.pk, interval=interval))
