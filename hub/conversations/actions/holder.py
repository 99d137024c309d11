"""Who holds a conversation: claim, assign, give back, move to another department (invariant 5)."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from hub.audit.record import AuditAction, record
from hub.conversations import access, errors, signals
from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.models import Assignment, ContactEvent, Conversation, Entry
from hub.staff.models import Department, User

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Locks of a mass reassignment are kept short (MODEL.md, Locks).
BATCH = 20


def claim(conversation: Conversation, user: User) -> Conversation:
    """Give the conversation to `user` if nobody has it; claiming one's own again changes nothing.

    Raises errors.HeldByAnother (who won is in it), errors.AlreadyResolved, errors.NotAllowed.
    """
    access.require_answer(user, conversation)
    with transaction.atomic():
        if not switch_holder(conversation, None, user.pk):
            conversation.refresh_from_db()
            if conversation.holder_id == user.pk:
                return conversation
            if conversation.status == Conversation.Status.RESOLVED:
                raise errors.AlreadyResolved
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
        _note_switch(conversation, user, by=user, reason="claimed", now=timezone.now())
    return conversation


def assign(
    conversation: Conversation,
    to: User | None,
    *,
    by: User,
    expected_holder_id: int | None,
    reason: str = "assigned",
) -> Conversation:
    """Move the conversation from `expected_holder_id` to `to` (None: back to the queue).

    The holder may hand on what they hold; a supervisor anything of their departments. Raises
    errors.HeldByAnother when it meanwhile went to somebody else, errors.NotAllowed otherwise.
    """
    access.require_answer(by, conversation)
    if expected_holder_id != by.pk and not by.is_supervisor and to != by:
        raise errors.NotAllowed
    if to is not None and not access.may_hold(to, conversation):
        raise errors.NotAllowed
    with transaction.atomic():
        if not switch_holder(conversation, expected_holder_id, to.pk if to else None):
            conversation.refresh_from_db()
            if conversation.status == Conversation.Status.RESOLVED:
                raise errors.AlreadyResolved
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
        _note_switch(conversation, to, by=by, reason=reason, now=timezone.now())
    return conversation


@dataclass(frozen=True, slots=True)
class Planned:
    """One row of a preview: this conversation, and who held it when the preview was made."""

    conversation_id: int
    expected_holder_id: int | None


@dataclass(frozen=True, slots=True)
class Reassigned:
    """What a mass reassignment did: ids moved, and ids that had changed since the preview."""

    moved: tuple[int, ...]
    changed: tuple[int, ...]


def reassign_many(planned: "Sequence[Planned]", to: User | None, *, by: User) -> Reassigned:
    """Move many, in short transactions; what changed since the preview is listed, not lost."""
    moved: list[int] = []
    changed: list[int] = []
    ordered = sorted(planned, key=lambda one: one.conversation_id)
    for start in range(0, len(ordered), BATCH):
        batch = {one.conversation_id: one for one in ordered[start : start + BATCH]}
        with transaction.atomic():
            locked = {one.pk: one for one in lock(list(batch))}
            for pk, plan in batch.items():
                conversation = locked.get(pk)
                if conversation is None or conversation.holder_id != plan.expected_holder_id:
                    changed.append(pk)
                    continue
                try:
                    assign(
                        conversation,
                        to,
                        by=by,
                        expected_holder_id=plan.expected_holder_id,
                        reason="reassigned",
                    )
                except errors.ConversationError:
                    changed.append(pk)
                else:
                    moved.append(pk)
    return Reassigned(tuple(moved), tuple(changed))


def move_to_department(
    conversation: Conversation, department: Department, *, by: User, reason: str
) -> Conversation:
    """Hand the conversation to another department's queue. Raises errors.NotAllowed and others."""
    access.require_answer(by, conversation)
    now = timezone.now()
    with transaction.atomic():
        [conversation] = lock([conversation.pk])
        if conversation.status == Conversation.Status.RESOLVED:
            raise errors.AlreadyResolved
        if conversation.holder_id not in (None, by.pk) and not by.is_supervisor:
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
        left = conversation.holder_id
        if left is not None:
            switch_holder(conversation, left, None)
            log_events(conversation, Happened(ContactEvent.Kind.UNASSIGNED, now, agent_id=left))
        old = conversation.department_id
        head: dict[str, Any] = {"department_id": department.pk}
        if department.restricted:
            head["restricted_by_id"] = department.pk
        append(
            conversation,
            Line(
                kind=Entry.Kind.ASSIGNED,
                author_kind=Entry.Author.STAFF,
                author_id=by.pk,
                at=now,
                detail={"from_department": old, "to_department": department.pk, "reason": reason},
            ),
            **head,
        )
        Assignment.objects.create(
            conversation=conversation,
            holder=None,
            department=department,
            by=by,
            reason=reason[:32],
            at=now,
        )
        record(AuditAction.ASSIGN, actor=by, conversation=conversation)
        signals.department_changed.send(sender=Conversation, conversation=conversation, at=now)
    return conversation


def switch_holder(
    conversation: Conversation, expected_holder_id: int | None, holder_id: int | None
) -> bool:
    """Change the holder by one conditional update; return whether it still was as expected."""
    rows = (
        Conversation.objects.filter(pk=conversation.pk, holder_id=expected_holder_id)
        .exclude(status=Conversation.Status.RESOLVED)
        .update(holder_id=holder_id)
    )
    if rows:
        conversation.holder_id = holder_id
    return bool(rows)


def _note_switch(
    conversation: Conversation, to: User | None, *, by: User, reason: str, now: datetime
) -> None:
    """Write all that follows a switch of the holder, in its transaction."""
    append(
        conversation,
        Line(
            kind=Entry.Kind.ASSIGNED,
            author_kind=Entry.Author.STAFF,
            author_id=by.pk,
            at=now,
            detail={"to": to.pk if to else None, "reason": reason},
        ),
    )
    Assignment.objects.create(
        conversation=conversation,
        holder=to,
        department_id=conversation.department_id,
        by=by,
        reason=reason,
        at=now,
    )
    kind = ContactEvent.Kind.ASSIGNED if to else ContactEvent.Kind.UNASSIGNED
    log_events(conversation, Happened(kind, now, agent_id=to.pk if to else by.pk, reason=reason))
    record(AuditAction.ASSIGN, actor=by, conversation=conversation)
    if to is not None:
        signals.holder_taken.send(sender=Conversation, conversation=conversation, user=to, at=now)
    else:
        signals.needs_holder.send(
            sender=Conversation, conversation=conversation, at=now, place_since=None
        )
