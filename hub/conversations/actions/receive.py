"""A patient's message arrives."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.conversations import signals
from hub.conversations.actions.attach import stored
from hub.conversations.actions.keywords import obey
from hub.conversations.actions.outbox import write_command
from hub.conversations.append import Happened, Line, append
from hub.conversations.inbound import Inbound
from hub.conversations.joining import Joined, join
from hub.conversations.models import (
    Attachment,
    ContactEvent,
    Conversation,
    Delivery,
    Entry,
)
from patients import consent, contact_points, emergency_words
from patients.models import ContactPoint


@dataclass(frozen=True, slots=True)
class Received:
    """What became of an inbound message."""

    conversation: Conversation
    entry: Entry
    is_new_conversation: bool
    is_repeat: bool = False


def receive(inbound: Inbound) -> Received:
    """Append `inbound` to the conversation it belongs to, opening one where there is none.

    Safe against two at once (the contact point is locked), and against the same press of "send"
    twice (`inbound.intent`). Repeats of a provider's event are stopped before, by the inbox.
    """
    now = timezone.now()
    # Within the inbox's transaction it succeeds or fails with it: a savepoint would serve nobody.
    with transaction.atomic(savepoint=False):
        point = contact_points.hold(inbound.contact_system, inbound.contact_value)
        if inbound.intent and (repeat := _repeat(point, inbound)):
            return Received(repeat.conversation, repeat, False, is_repeat=True)
        joined = join(inbound, point, now)
        if inbound.historical:
            entry = _keep(inbound, point, joined)
            _files(inbound, joined, entry)
            return Received(joined.conversation, entry, joined.is_new)
        obeyed = obey(inbound, point, joined, now)
        needs_person = obeyed.needs_person and inbound.needs_person
        entry = _append(inbound, point, joined, now, needs_person=needs_person)
        _files(inbound, joined, entry)
        obeyed.follow(joined, now)
        return Received(joined.conversation, entry, joined.is_new)


def _repeat(point: ContactPoint, inbound: Inbound) -> Entry | None:
    """Return the entry of the same press of "send", looked for before anything is opened for it."""
    return (
        Entry.objects.select_related("conversation", "leg")
        .filter(
            intent=inbound.intent,
            leg__contact_point=point,
            leg__hub_address_id=inbound.hub_address_id,
        )
        .first()
    )


def _append(
    inbound: Inbound, point: ContactPoint, joined: Joined, now: datetime, *, needs_person: bool
) -> Entry:
    conversation, leg = joined.conversation, joined.leg
    urgent = needs_person and emergency_words.sounds_urgent(inbound.text)
    head: dict[str, Any] = {"channel": leg.channel, "contact_point_id": point.pk}
    lines = []
    if needs_person:
        head |= {
            "status": Conversation.Status.OPEN,
            "snoozed_until": None,
            "resolved_at": None,
            "resolution": "",
            "waiting_from": now,
        }
        if joined.was_resolved:
            lines.append(_status_line("reopened", now))
            joined.events.append(Happened(ContactEvent.Kind.REOPENED, now, leg))
        if urgent:
            head["at_least"] = Conversation.Priority.URGENT
    elif joined.is_new:
        # A bare STOP from nowhere, or an automatic mail, needs nobody, but is on record.
        head |= {
            "status": Conversation.Status.RESOLVED,
            "resolved_at": now,
            "resolution": "keyword" if inbound.needs_person else "automatic",
        }
    if not needs_person and (joined.is_new or joined.was_resolved):
        # What stays resolved has no open leg: the next message finds its way by itself.
        leg.ended_at = now
        leg.save(update_fields=["ended_at"])
        joined.events.append(Happened(ContactEvent.Kind.LEG_ENDED, now, leg))
    lines.append(
        Line(
            kind=Entry.Kind.MESSAGE,
            author_kind=Entry.Author.PATIENT,
            at=inbound.at,
            audience=Entry.Audience.PATIENT,
            leg=leg,
            body=inbound.text,
            detail=inbound.detail | ({"secure": True} if inbound.is_secure else {}),
            intent=inbound.intent,
            is_news=inbound.needs_person,
        )
    )
    if urgent:
        lines.append(
            Line(
                kind=Entry.Kind.URGENCY,
                author_kind=Entry.Author.SYSTEM,
                at=now,
                detail={
                    "raised": True,
                    "why": "emergency_words",
                    # No text may answer somebody who opted out: a person must call.
                    "call_instead": consent.is_stopped(point.pk, leg.channel),
                },
            )
        )
    head["last_entry_at"] = now
    if inbound.needs_person:
        joined.events.append(Happened(ContactEvent.Kind.PATIENT_MESSAGE, now, leg))
    entries = append(conversation, *lines, events=joined.events, **head)
    entry = next(e for e in entries if e.kind == Entry.Kind.MESSAGE)
    if needs_person:
        signals.patient_wrote.send(
            sender=Conversation,
            conversation=conversation,
            leg=leg,
            entry=entry,
            at=now,
            urgent=urgent,
            language=inbound.language,
        )
    return entry


def _keep(inbound: Inbound, point: ContactPoint, joined: Joined) -> Entry:
    """Append what happened before the hub was there: no wait, no event, no mark, no reopening.

    A new conversation of it is over since then; one that goes on stays as it is.
    """
    at = inbound.at
    head: dict[str, Any] = {"last_entry_at": joined.conversation.last_entry_at}
    if joined.is_new:
        head |= {
            "status": Conversation.Status.RESOLVED,
            "resolved_at": at,
            "resolution": "imported",
        }
    [entry] = append(
        joined.conversation,
        Line(
            kind=Entry.Kind.MESSAGE,
            author_kind=Entry.Author.PATIENT,
            at=at,
            audience=Entry.Audience.PATIENT,
            leg=joined.leg,
            body=inbound.text,
            detail=inbound.detail or None,
            is_news=False,
        ),
        **head,
    )
    return entry


def _status_line(what: str, at: datetime) -> Line:
    return Line(
        kind=Entry.Kind.STATUS,
        author_kind=Entry.Author.SYSTEM,
        at=at,
        detail={"what": what},
    )


def _files(inbound: Inbound, joined: Joined, entry: Entry) -> None:
    """Note the files: those still with the provider are fetched by a command of the outbox."""
    if not (inbound.files or inbound.received_files or inbound.refused_files):
        return
    attachments = Attachment.objects.bulk_create(
        [stored(file, entry, position) for position, file in enumerate(inbound.received_files)]
        + [
            Attachment(
                entry=entry,
                position=position,
                state=Attachment.State.PENDING,
                content_type=file.content_type,
                source=file.source,
            )
            for position, file in enumerate(inbound.files, len(inbound.received_files))
        ]
        + [
            Attachment(
                entry=entry,
                position=position,
                state=Attachment.State.REFUSED,
                reason=file.reason,
                content_type=file.content_type,
                file_name=file.file_name,
            )
            for position, file in enumerate(
                inbound.refused_files, len(inbound.received_files) + len(inbound.files)
            )
        ]
    )
    pending = [one for one in attachments if one.state == Attachment.State.PENDING]
    write_command(Delivery.Kind.FETCH, joined.leg, pending)
