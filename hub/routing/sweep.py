"""The net under the queue: no wait is stuck, and no chat stays with somebody who left."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from hub.conversations import signals
from hub.conversations.actions.holder import switch_holder
from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.models import Assignment, Channel, ContactEvent, Conversation, Entry, Leg
from hub.routing import queue
from hub.routing.models import QueueEntry
from hub.staff.models import TAB_GRACE, Role, Tab, User

log = structlog.get_logger(__name__)

#: A row this young may be between two transactions of one request.
SETTLED = timedelta(seconds=30)


def sweep(now: datetime | None = None) -> int:
    """Mend what a dead process left half-done; return how many waits were mended.

    Every writer keeps queue and conversation together in one transaction, so this finds nothing
    unless a rule was broken by hand; it is there so that no patient waits for ever.
    """
    now = now or timezone.now()
    waiting = QueueEntry.objects.filter(conversation=OuterRef("pk"), ended_at__isnull=True)
    # While a call runs, the phone knows whom it waits for.
    calls = Leg.objects.filter(
        conversation=OuterRef("pk"), channel=Channel.VOICE, ended_at__isnull=True
    )
    forgotten = (
        Conversation.objects.filter(
            ~Exists(waiting),
            ~Exists(calls),
            status=Conversation.Status.OPEN,
            holder__isnull=True,
            last_entry_at__lt=now - SETTLED,
        )
        .order_by("pk")
        .values_list("pk", flat=True)[:200]
    )
    mended = 0
    for pk in forgotten:
        with transaction.atomic():
            [conversation] = lock([pk])
            if conversation.holder_id is None and conversation.status == Conversation.Status.OPEN:
                wait = queue.enter_again(
                    conversation, at=now, place_since=conversation.waiting_since
                )
                mended += wait is not None
    needless = (
        QueueEntry.objects.filter(ended_at__isnull=True)
        .exclude(conversation__holder__isnull=True, conversation__status="open")
        .exclude(conversation__holder__isnull=True, conversation__status="waiting")
        .order_by("pk")
        .values_list("conversation_id", flat=True)[:200]
    )
    for pk in needless:
        with transaction.atomic():
            [conversation] = lock([pk])
            if conversation.holder_id is not None or conversation.status in (
                Conversation.Status.RESOLVED,
                Conversation.Status.SNOOZED,
            ):
                mended += queue.withdraw(conversation, at=now) is not None
    _sound_the_alarm()
    return mended


def _sound_the_alarm() -> None:
    """Say in the log which departments let somebody wait although nobody works there."""
    people = User.objects.filter(
        memberships__department=OuterRef("department"),
        is_active=True,
        role__in=(Role.AGENT, Role.SUPERVISOR),
    )
    alone = (
        QueueEntry.objects.filter(~Exists(people), ended_at__isnull=True)
        .values("department_id")
        .annotate(waiting=Count("pk"))
        .order_by("department_id")
    )
    for one in alone:
        log.error("nobody_works_there", **one)


def return_chats(now: datetime | None = None) -> int:
    """Give chats back to the queue whose agent has left; return how many.

    After the grace of their last tab a chat goes back, at the place of its wait; texts stay held
    (MODEL.md, Realtime), since nobody sits and waits before them.
    """
    now = now or timezone.now()
    # A tab's row goes some time after its lease has run out; the holder must have been away for
    # the whole grace, so the lease itself (which already includes it) is what counts.
    present = Tab.objects.filter(user=OuterRef("holder"), until__gt=now)
    left = (
        Conversation.objects.filter(
            ~Exists(present),
            holder__isnull=False,
            channel=Channel.CHAT,
            status=Conversation.Status.OPEN,
            legs__channel=Channel.CHAT,
            legs__ended_at__isnull=True,
            last_entry_at__lt=now - TAB_GRACE,
        )
        .order_by("pk")
        .values_list("pk", "holder_id")
        .distinct()[:200]
    )
    returned = 0
    for pk, holder_id in left:
        with transaction.atomic():
            [conversation] = lock([pk])
            if not switch_holder(conversation, holder_id, None):
                continue
            append(
                conversation,
                Line(
                    kind=Entry.Kind.ASSIGNED,
                    author_kind=Entry.Author.SYSTEM,
                    at=now,
                    detail={"to": None, "from": holder_id, "reason": "agent_left"},
                ),
            )
            Assignment.objects.create(
                conversation=conversation,
                holder=None,
                department_id=conversation.department_id,
                by=None,
                reason="agent_left",
                at=now,
            )
            log_events(
                conversation,
                Happened(
                    ContactEvent.Kind.UNASSIGNED, now, agent_id=holder_id, reason="agent_left"
                ),
            )
            before = queue.last_wait(conversation)
            signals.needs_holder.send(
                sender=Conversation,
                conversation=conversation,
                at=now,
                place_since=before.place_since if before else conversation.waiting_since,
            )
            returned += 1
    return returned
