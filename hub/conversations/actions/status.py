"""Resolve, snooze, wake and reopen."""

from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.audit.record import AuditAction, record
from hub.conversations import access, errors, signals
from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.models import Channel, ContactEvent, Conversation, Entry, Leg
from hub.staff.models import User
from patients.models import ContactPoint


class Resolution(models.TextChoices):
    """Why a conversation is over."""

    ANSWERED = "answered", _("Answered")
    DONE_ELSEWHERE = "done_elsewhere", _("Dealt with elsewhere")
    NO_REPLY = "no_reply", _("No reply from the patient")
    NOT_FOR_US = "not_for_us", _("Not for us")
    SPAM = "spam", _("Unwanted")


def resolve(conversation: Conversation, resolution: str, *, by: User) -> Conversation:
    """End the conversation: its legs end, nobody holds it, nothing waits.

    Raises HeldByAnother unless `by` holds it, it is nobody's, or `by` supervises; NotAllowed;
    CallRunning.
    """
    access.require_answer(by, conversation)
    resolution = Resolution(resolution).value
    now = timezone.now()
    with transaction.atomic():
        # Contact points first, as an inbound message does: so none slips between (MODEL.md, Locks).
        list(
            ContactPoint.objects.select_for_update(no_key=True)
            .filter(legs__conversation=conversation, legs__ended_at__isnull=True)
            .order_by("pk")
            .values_list("pk")
        )
        [conversation] = lock([conversation.pk])
        if conversation.status == Conversation.Status.RESOLVED:
            return conversation
        if conversation.holder_id not in (None, by.pk) and not by.is_supervisor:
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
        legs = list(Leg.objects.filter(conversation=conversation, ended_at__isnull=True))
        if any(leg.channel == Channel.VOICE for leg in legs):
            raise errors.CallRunning
        Leg.objects.filter(pk__in=[leg.pk for leg in legs]).update(ended_at=now)
        holder_id = conversation.holder_id
        Conversation.objects.filter(pk=conversation.pk).update(
            holder=None,
            status=Conversation.Status.RESOLVED,
            resolved_at=now,
            resolution=resolution,
            snoozed_until=None,
            waiting_since=None,
            priority=Conversation.Priority.NORMAL,
        )
        append(conversation, _line("resolved", by, now, reason=resolution))
        conversation.refresh_from_db()
        events = [Happened(ContactEvent.Kind.LEG_ENDED, now, leg) for leg in legs]
        if holder_id is not None:
            events.append(Happened(ContactEvent.Kind.UNASSIGNED, now, agent_id=holder_id))
        events.append(Happened(ContactEvent.Kind.RESOLVED, now, agent_id=by.pk, reason=resolution))
        log_events(conversation, *events)
        record(AuditAction.RESOLVE, actor=by, conversation=conversation)
        signals.holder_not_needed.send(sender=Conversation, conversation=conversation, at=now)
    return conversation


def reopen(conversation: Conversation, *, by: User) -> Conversation:
    """Take a resolved conversation up again; `by` holds it, and its last leg is open again."""
    access.require_answer(by, conversation)
    now = timezone.now()
    with transaction.atomic():
        # A call is over when it is over; what can be open again is what one writes to.
        last = conversation.legs.exclude(channel=Channel.VOICE).order_by("-id").first()
        if last is not None:
            ContactPoint.objects.select_for_update(no_key=True).get(pk=last.contact_point_id)
        [conversation] = lock([conversation.pk])
        if conversation.status != Conversation.Status.RESOLVED:
            return conversation
        events = [Happened(ContactEvent.Kind.REOPENED, now, last, agent_id=by.pk)]
        if last is not None and not _another_is_open(last):
            Leg.objects.filter(pk=last.pk).update(ended_at=None)
            events.append(Happened(ContactEvent.Kind.LEG_CONNECTED, now, last))
        Conversation.objects.filter(pk=conversation.pk).update(
            status=Conversation.Status.OPEN,
            resolved_at=None,
            resolution="",
            holder=by,
            **_owed(conversation),
        )
        append(conversation, _line("reopened", by, now))
        conversation.refresh_from_db()
        events.append(Happened(ContactEvent.Kind.ASSIGNED, now, agent_id=by.pk, reason="reopened"))
        log_events(conversation, *events)
        record(AuditAction.REOPEN, actor=by, conversation=conversation)
    return conversation


def snooze(conversation: Conversation, until: datetime, *, by: User) -> Conversation:
    """Put the conversation aside until `until`; a message of the patient wakes it before."""
    access.require_answer(by, conversation)
    now = timezone.now()
    if until <= now:
        raise errors.WaitUntilLater
    with transaction.atomic():
        [conversation] = lock([conversation.pk])
        if conversation.status == Conversation.Status.RESOLVED:
            raise errors.AlreadyResolved
        if conversation.holder_id not in (None, by.pk) and not by.is_supervisor:
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
        append(
            conversation,
            _line("snoozed", by, now, until=until.isoformat()),
            status=Conversation.Status.SNOOZED,
            snoozed_until=until,
        )
        record(AuditAction.SNOOZE, actor=by, conversation=conversation)
        signals.holder_not_needed.send(sender=Conversation, conversation=conversation, at=now)
    return conversation


def wake(conversation_id: int, *, by: User | None = None) -> bool:
    """Bring a snoozed conversation back; return whether it was still asleep."""
    now = timezone.now()
    with transaction.atomic():
        [conversation] = lock([conversation_id])
        if conversation.status != Conversation.Status.SNOOZED:
            return False
        if by is not None:
            access.require_answer(by, conversation)
        append(
            conversation,
            _line("woken", by, now),
            status=Conversation.Status.OPEN,
            snoozed_until=None,
            waiting_from=now,
        )
        if conversation.holder_id is None:
            signals.needs_holder.send(
                sender=Conversation, conversation=conversation, at=now, place_since=None
            )
    return True


def _owed(conversation: Conversation) -> dict[str, Any]:
    """Return what a resolve had laid aside: since when the patient waits, and how urgently.

    Whoever resolves by mistake and takes it back must not have made a patient wait from anew.
    """
    answered = (
        conversation.entries.filter(
            kind=Entry.Kind.MESSAGE, author_kind=Entry.Author.STAFF
        ).aggregate(number=models.Max("number"))["number"]
        or 0
    )
    since = conversation.entries.filter(number__gt=answered)
    asked = since.filter(author_kind=Entry.Author.PATIENT).order_by("number").first()
    urgent = since.filter(kind=Entry.Kind.URGENCY, detail__raised=True).exists()
    return {
        "waiting_since": asked.at if asked else None,
        "priority": Conversation.Priority.URGENT if urgent else Conversation.Priority.NORMAL,
    }


def _another_is_open(leg: Leg) -> bool:
    return Leg.objects.filter(
        contact_point_id=leg.contact_point_id,
        hub_address_id=leg.hub_address_id,
        ended_at__isnull=True,
    ).exists()


def _line(what: str, by: User | None, at: datetime, **detail: str) -> Line:
    return Line(
        kind=Entry.Kind.STATUS,
        author_kind=Entry.Author.STAFF if by else Entry.Author.SYSTEM,
        author_id=by.pk if by else None,
        at=at,
        detail={"what": what, **detail},
    )
