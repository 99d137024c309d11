"""The only writers of queue entries. One wait is one row; a conversation has at most one open.

A wait that nobody else gave rise to (no `parent`) is one contact offered to the clinic. It ends
exactly once: accepted, abandoned, to be called back, overflowed or withdrawn; each end is one row
of the event log. All run in their caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import connection

from hub.conversations.append import Happened, Line, append, log_events
from hub.conversations.models import Assignment, Channel, ContactEvent, Conversation, Entry, Leg
from hub.routing import nudges, signals
from hub.routing.ending import end_offers_of
from hub.routing.errors import WaitOver
from hub.routing.locks import lock_wait
from hub.routing.models import QueueEntry
from hub.staff.models import Department, User

Kind = QueueEntry.Kind

_INSERT = (
    "INSERT INTO routing_queueentry (uuid, conversation_id, department_id, channel, kind, "
    "priority, skills, language, prefer_id, not_before, entered_at, place_since, parent_id, "
    "outcome) VALUES (%s, %s, %s, %s, %s, %s, %s::varchar[], %s, %s, %s, %s, %s, %s, '') "
    "ON CONFLICT (conversation_id) WHERE ended_at IS NULL DO UPDATE "
    "SET priority = EXCLUDED.priority "
    "WHERE routing_queueentry.priority < EXCLUDED.priority RETURNING id, xmax = 0"
)


def enter(
    conversation: Conversation,
    *,
    at: datetime,
    place_since: datetime | None = None,
    parent_id: int | None = None,
    channel: str | None = None,
    kind: str = Kind.LIVE,
    skills: Sequence[str] = (),
    language: str = "",
    not_before: datetime | None = None,
    prefer: int | None = None,
) -> QueueEntry | None:
    """Let the conversation wait in its department's queue, unless it waits already.

    One statement decides, so two at once make one wait. An urgent conversation raises the wait that
    is there. Who calls or opens a chat while a less pressing wait of theirs is open (a text, a
    callback, a follow-up) waits live from now on, at the place that they had; the other is
    withdrawn.

    Args:
        conversation: who waits; holder and department as they are now.
        at: when.
        place_since: keeps an earlier place in line.
        parent_id: the wait that this one continues; it is then no other contact that was offered.
        channel: by what the patient waits, if not the conversation's channel.
        kind: who waits for what (QueueEntry.Kind).
        skills: what this wait asks of a person, besides what the department asks.
        language: in which the patient is to be spoken with, if not in their own.
        not_before: nobody is offered it before.
        prefer: the id of the person who is to be asked first.

    Returns:
        The new wait; None where it waits already.
    """
    channel = channel or conversation.channel
    kind = str(kind)
    wait = QueueEntry(
        uuid=uuid4(),
        conversation=conversation,
        department_id=conversation.department_id,
        channel=channel,
        kind=kind,
        priority=conversation.priority,
        skills=list(skills),
        language=language,
        prefer_id=prefer,
        not_before=not_before,
        entered_at=at,
        place_since=place_since or at,
        parent_id=parent_id,
    )
    if not _insert(wait):
        less = lock_wait(conversation.pk) if _pressing(kind, channel) > 1 else None
        if less is None or not _supersedes(wait, less):
            return None
        _finish(conversation, less, QueueEntry.Outcome.WITHDRAWN, at=at)
        wait.place_since = min(wait.place_since, less.place_since)
        if not _insert(wait):
            return None
    _log(conversation, wait, ContactEvent.Kind.QUEUE_ENTERED, at=at)
    nudges.dispatch_on_commit(conversation.department_id)
    return wait


def accept(conversation: Conversation, user: User, *, at: datetime) -> QueueEntry | None:
    """End the conversation's wait, if it has one: `user` took it."""
    return _end(conversation, QueueEntry.Outcome.ACCEPTED, at=at, user_id=user.pk)


def withdraw(conversation: Conversation, *, at: datetime) -> QueueEntry | None:
    """End the conversation's wait, if it has one: nobody needs to take it any more."""
    return _end(conversation, QueueEntry.Outcome.WITHDRAWN, at=at)


def abandon(conversation: Conversation, *, at: datetime, follow_up: bool = True) -> bool:
    """End the conversation's wait as abandoned: who waited has left before anybody came.

    What they wrote or said must still be seen to, so a follow-up (a wait with `parent`, at the old
    place) takes its stead; without `follow_up` the caller sees to the conversation itself. Returns
    whether anybody waited.
    """
    left = _end(conversation, QueueEntry.Outcome.ABANDONED, at=at)
    if left is None:
        return False
    if follow_up:
        _continue(conversation, left, at=at, kind=Kind.FOLLOW_UP)
    return True


def call_back(
    conversation: Conversation, *, at: datetime, not_before: datetime | None = None
) -> QueueEntry:
    """End the live wait: they hung up, and are rung in their turn, at the place they had.

    Raises:
        WaitOver: the conversation does not wait.
    """
    left = _end(conversation, QueueEntry.Outcome.CALLED_BACK, at=at)
    if left is None:
        raise WaitOver
    return _continue(
        conversation,
        left,
        at=at,
        kind=Kind.CALLBACK,
        channel=Channel.VOICE.value,
        not_before=not_before,
    )


def overflow(conversation: Conversation, *, at: datetime, to_department: Department) -> QueueEntry:
    """Let the conversation wait in another department's queue instead, at the place it had.

    Raises:
        WaitOver: the conversation does not wait.
    """
    left = _end(conversation, QueueEntry.Outcome.OVERFLOWED, at=at)
    if left is None:
        raise WaitOver
    head: dict[str, Any] = {"department_id": to_department.pk}
    if to_department.restricted:
        head["restricted_by_id"] = to_department.pk
    detail = {
        "from_department": conversation.department_id,
        "to_department": to_department.pk,
        "reason": "overflow",
    }
    line = Line(kind=Entry.Kind.ASSIGNED, author_kind=Entry.Author.SYSTEM, at=at, detail=detail)
    append(conversation, line, **head)
    Assignment.objects.create(
        conversation=conversation,
        holder=None,
        department=to_department,
        by=None,
        reason="overflow",
        at=at,
    )
    return _continue(conversation, left, at=at, kind=left.kind)


def go_elsewhere(conversation: Conversation, *, at: datetime) -> QueueEntry | None:
    """End the wait as overflowed: who waited leaves a message instead, say. Nobody waits any more.

    What the message asks of the clinic is a wait of its own, with this one as its parent.
    """
    return _end(conversation, QueueEntry.Outcome.OVERFLOWED, at=at)


def move(conversation: Conversation, *, at: datetime) -> None:
    """Let the conversation wait in its new department's queue, at the place it had.

    What is put aside waits nowhere until it wakes.
    """
    left = withdraw(conversation, at=at)
    if conversation.status == Conversation.Status.SNOOZED:
        return
    if left is None:
        enter_again(conversation, at=at)
    else:
        _continue(conversation, left, at=at, kind=left.kind)


def enter_again(
    conversation: Conversation, *, at: datetime, place_since: datetime | None = None
) -> QueueEntry | None:
    """Let a conversation that waited before wait again: given back, woken, or forgotten.

    It is no other contact than before. While a call runs nothing is entered: the phone knows whom
    its patient waits for, and enters what is left to do when the call is over. Then nobody waits on
    the line any more: a promise to call that was not tried since is kept, and anything else is a
    follow-up.
    """
    calls = Leg.objects.filter(conversation=conversation, channel=Channel.VOICE)
    if calls.filter(ended_at__isnull=True).exists():
        return None
    before = last_wait(conversation)
    kind = Kind.LIVE
    if conversation.channel == Channel.VOICE:
        promised = before if before and before.kind == Kind.CALLBACK else None
        tried = promised and calls.filter(opened_at__gt=promised.entered_at).exists()
        kind = Kind.CALLBACK if promised and not tried else Kind.FOLLOW_UP
    return enter(
        conversation,
        at=at,
        place_since=place_since,
        parent_id=before.pk if before else None,
        kind=kind,
        skills=before.skills if before else (),
        language=before.language if before else "",
        not_before=before.not_before if before and kind == Kind.CALLBACK else None,
    )


def last_wait(conversation: Conversation) -> QueueEntry | None:
    """Return the wait that the conversation had last, if it had one."""
    return QueueEntry.objects.filter(conversation=conversation).order_by("-id").first()


def _continue(
    conversation: Conversation,
    left: QueueEntry,
    *,
    at: datetime,
    kind: str,
    channel: str | None = None,
    not_before: datetime | None = None,
) -> QueueEntry:
    """Enter a wait that goes on where `left` ended, with what was asked for."""
    wait = enter(
        conversation,
        at=at,
        place_since=left.place_since,
        parent_id=left.pk,
        channel=channel or left.channel,
        kind=kind,
        skills=left.skills,
        language=left.language,
        not_before=not_before or (left.not_before if kind == left.kind else None),
        prefer=left.prefer_id,
    )
    if wait is None:  # the conversation is locked, and its wait has just ended
        raise WaitOver
    return wait


def _insert(wait: QueueEntry) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            [
                wait.uuid,
                wait.conversation_id,
                wait.department_id,
                wait.channel,
                wait.kind,
                wait.priority,
                wait.skills,
                wait.language,
                wait.prefer_id,
                wait.not_before,
                wait.entered_at,
                wait.place_since,
                wait.parent_id,
            ],
        )
        # No row: it waits already, and is no more urgent than it was.
        wait_id, is_new = cursor.fetchone() or (None, False)
    if is_new:
        wait.pk = wait_id
        wait._state.adding = False
    return bool(is_new)


def _pressing(kind: str, channel: str) -> int:
    """Return how much somebody waits: on the line, in a chat, for a call, for words, not at all."""
    if kind == Kind.FOLLOW_UP:
        return 0
    if kind == Kind.CALLBACK:
        return 2
    return {Channel.VOICE.value: 3, Channel.CHAT.value: 2}.get(channel, 1)


def _supersedes(wait: QueueEntry, there: QueueEntry) -> bool:
    more = _pressing(wait.kind, wait.channel) - _pressing(there.kind, there.channel)
    return more > 0 or (more == 0 and wait.department_id != there.department_id)


_EVENTS = {
    QueueEntry.Outcome.ACCEPTED.value: ContactEvent.Kind.QUEUE_ACCEPTED,
    QueueEntry.Outcome.ABANDONED.value: ContactEvent.Kind.QUEUE_ABANDONED,
    QueueEntry.Outcome.CALLED_BACK.value: ContactEvent.Kind.QUEUE_CALLED_BACK,
    QueueEntry.Outcome.OVERFLOWED.value: ContactEvent.Kind.QUEUE_OVERFLOWED,
    QueueEntry.Outcome.WITHDRAWN.value: ContactEvent.Kind.QUEUE_WITHDRAWN,
}


def _end(
    conversation: Conversation, outcome: str, *, at: datetime, user_id: int | None = None
) -> QueueEntry | None:
    wait = lock_wait(conversation.pk)
    if wait is not None:
        _finish(conversation, wait, outcome, at=at, user_id=user_id)
    return wait


def _finish(
    conversation: Conversation,
    wait: QueueEntry,
    outcome: str,
    *,
    at: datetime,
    user_id: int | None = None,
) -> None:
    """End a wait that is locked, and the offer of it that is open."""
    wait.ended_at = at
    wait.outcome = outcome
    wait.accepted_by_id = user_id
    wait.save(update_fields=["ended_at", "outcome", "accepted_by"])
    _log(conversation, wait, _EVENTS[outcome], at=at, user_id=user_id)
    end_offers_of(conversation, wait, at=at, taken_by=user_id)
    signals.entry_ended.send(sender=QueueEntry, queue_entry=wait)


def _log(
    conversation: Conversation,
    wait: QueueEntry,
    event: str,
    *,
    at: datetime,
    user_id: int | None = None,
) -> None:
    log_events(
        conversation,
        Happened(
            event,
            at,
            agent_id=user_id,
            queue_entry_id=wait.pk,
            department_id=wait.department_id,
            channel=wait.channel,
        ),
    )
