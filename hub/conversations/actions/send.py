"""A person of the staff answers, or writes a note."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from hub.audit.record import AuditAction, record
from hub.conversations import access, errors, privacy, signals, window
from hub.conversations.actions.attach import stored
from hub.conversations.actions.holder import switch_holder
from hub.conversations.actions.outbox import write_message
from hub.conversations.append import Happened, Line, append, log_events
from hub.conversations.inbound import ReceivedFile
from hub.conversations.models import (
    META,
    Assignment,
    Attachment,
    Channel,
    ContactEvent,
    Conversation,
    Delivery,
    Draft,
    Entry,
    HubAddress,
    Leg,
)
from hub.staff.models import User
from patients import consent, contact_points

#: The channels that one writes to, each with the most characters of a message (Twilio: 1,600;
#: Messenger itself: 2,000).
LIMITS = {
    Channel.SMS: 1600,
    Channel.WHATSAPP: 1600,
    Channel.MESSENGER: 1900,
    Channel.CHAT: 4000,
    Channel.EMAIL: 20_000,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person wants to say."""

    body: str
    leg_id: int
    intent: UUID  # one press of "send"
    files: Sequence[ReceivedFile] = ()
    # The last entry that the writer had seen; None: they were asked and send all the same.
    seen_number: int | None = None
    # The hub's own words, which tell nothing of anybody's health: they go out as they are.
    is_plain: bool = False


def send(conversation: Conversation, answer: Answer, *, by: User) -> Entry:
    """Append the answer and its delivery in one transaction; an unheld conversation is claimed.

    Raises HeldByAnother, AlreadyResolved, OptedOut, AnswerLanded, NothingToSend, TooLong,
    ChannelClosed, SwitchedOff, WindowClosed, OneFileAlone or NotAllowed
    (hub.conversations.errors). The same `intent` twice is one message.
    """
    if not answer.body.strip() and not answer.files:
        raise errors.NothingToSend

    def fits(leg: Leg, now: datetime) -> None:
        if len(answer.body) > LIMITS[Channel(leg.channel)]:
            raise errors.TooLong(LIMITS[Channel(leg.channel)])

    def may_write(leg: Leg, now: datetime, secure: bool) -> None:
        if leg.channel in META and not secure:
            _fits_meta(answer)
        # A notice with a link is made of free words, too.
        if not window.is_open(leg, now):
            raise errors.WindowClosed

    def along(entry: Entry) -> None:
        _store_files(entry, answer.files)
        Draft.objects.filter(user=by, conversation=conversation).delete()

    return deliver(conversation, answer, by=by, fits=fits, may_write=may_write, along=along)


def deliver(
    conversation: Conversation,
    answer: Answer,
    *,
    by: User,
    fits: Callable[[Leg, datetime], None],
    may_write: Callable[[Leg, datetime, bool], None],
    along: Callable[[Entry], None],
) -> Entry:
    """Append `answer` and its delivery, in one transaction; for this room's actions alone.

    Args:
        conversation: where.
        answer: the words as the patient gets them.
        by: who says it; takes the conversation if nobody has it.
        fits: raises where the leg's channel does not carry this.
        may_write: raises where this may not be said there now, being told whether it goes out as a
            notice with a link; not asked for a repeat.
        along: writes what belongs to the entry, before its delivery.
    """
    access.require_answer(by, conversation)
    now = timezone.now()
    with transaction.atomic():
        leg = _open_leg(conversation, answer.leg_id)
        fits(leg, now)
        # FOR SHARE: a STOP that is being obeyed now is waited for (MODEL.md, Delivery).
        contact_points.lock_for_share(leg.contact_point_id)
        if consent.is_stopped(leg.contact_point_id, leg.channel):
            raise errors.OptedOut
        took = _take(conversation, by)
        repeat = conversation.entries.filter(intent=answer.intent).first()
        if repeat is not None:
            return repeat
        secure = not answer.is_plain and privacy.goes_secure(conversation, leg)
        may_write(leg, now, secure)
        _refuse_collision(conversation, answer, by)
        lines = [_answer_line(answer, leg, by, secure=secure)]
        if took:
            lines.insert(0, _took_line(by))
        entries = append(
            conversation,
            *lines,
            status=Conversation.Status.WAITING,
            snoozed_until=None,
            waiting_since=None,
            channel=leg.channel,
            contact_point_id=leg.contact_point_id,
        )
        entry = entries[-1]
        along(entry)
        write_message(entry, leg)
        events = [Happened(ContactEvent.Kind.PERSON_ANSWERED, now, leg, agent_id=by.pk)]
        if took:
            events.insert(0, Happened(ContactEvent.Kind.ASSIGNED, now, agent_id=by.pk))
        log_events(conversation, *events)
        record(AuditAction.SEND_MESSAGE, actor=by, conversation=conversation)
        if took:
            Assignment.objects.create(
                conversation=conversation,
                holder=by,
                department_id=conversation.department_id,
                by=by,
                reason="answered",
                at=now,
            )
            signals.holder_taken.send(
                sender=Conversation, conversation=conversation, user=by, at=now
            )
    return entry


def note(conversation: Conversation, body: str, *, intent: UUID, by: User) -> Entry:
    """Append a note, which patients never see. Raises NothingToSend, NotAllowed."""
    if not body.strip():
        raise errors.NothingToSend
    access.require_answer(by, conversation)
    with transaction.atomic():
        repeat = conversation.entries.select_for_update(of=("self",)).filter(intent=intent).first()
        if repeat is not None:
            return repeat
        [entry] = append(
            conversation,
            Line(
                kind=Entry.Kind.NOTE,
                author_kind=Entry.Author.STAFF,
                author_id=by.pk,
                at=timezone.now(),
                body=body,
                intent=intent,
            ),
        )
        Draft.objects.filter(user=by, conversation=conversation).delete()
        record(AuditAction.WRITE_NOTE, actor=by, conversation=conversation)
    return entry


def _open_leg(conversation: Conversation, leg_id: int) -> Leg:
    open_legs = conversation.legs.filter(ended_at__isnull=True, channel__in=LIMITS)
    leg = open_legs.select_related("hub_address").filter(pk=leg_id).first()
    if leg is None:
        raise errors.ChannelClosed
    if leg.hub_address.state != HubAddress.State.ON:
        raise errors.SwitchedOff
    return leg


def _fits_meta(answer: Answer) -> None:
    """One file a message; Twilio drops the words beside anything but a picture."""
    loses_words = bool(answer.body.strip()) and any(
        not file.content_type.startswith("image/") for file in answer.files
    )
    if len(answer.files) > 1 or loses_words:
        raise errors.OneFileAlone


def _take(conversation: Conversation, by: User) -> bool:
    """Make `by` the holder if nobody is; return whether that changed anything."""
    took = switch_holder(conversation, None, by.pk)
    if not took:
        conversation.refresh_from_db(fields=["holder", "status"])
        if conversation.status == Conversation.Status.RESOLVED:
            raise errors.AlreadyResolved
        if conversation.holder_id != by.pk:
            raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
    return took


def _refuse_collision(conversation: Conversation, answer: Answer, by: User) -> None:
    if answer.seen_number is None:
        return
    landed = (
        conversation.entries.filter(
            number__gt=answer.seen_number,
            kind=Entry.Kind.MESSAGE,
            author_kind=Entry.Author.STAFF,
        )
        .exclude(author=by)
        .select_related("author")
        .last()
    )
    if landed is not None and landed.author is not None:
        raise errors.AnswerLanded(landed.author.name)


def _answer_line(answer: Answer, leg: Leg, by: User, *, secure: bool) -> Line:
    return Line(
        kind=Entry.Kind.MESSAGE,
        author_kind=Entry.Author.STAFF,
        author_id=by.pk,
        at=timezone.now(),
        audience=Entry.Audience.PATIENT,
        leg=leg,
        body=answer.body,
        # The entry is where it is kept that a notice goes out: whatever is set afterwards.
        detail={"secure": True} if secure else None,
        intent=answer.intent,
        delivery_state=Delivery.State.READY,
    )


def _took_line(by: User) -> Line:
    return Line(
        kind=Entry.Kind.ASSIGNED,
        author_kind=Entry.Author.STAFF,
        author_id=by.pk,
        at=timezone.now(),
        detail={"to": by.pk, "reason": "answered"},
    )


def _store_files(entry: Entry, files: Sequence[ReceivedFile]) -> None:
    Attachment.objects.bulk_create(
        [stored(file, entry, position) for position, file in enumerate(files)]
    )
