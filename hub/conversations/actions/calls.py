"""What a phone call writes into its conversation. The call itself is the phone channel's.

Every function runs in its caller's transaction, which has locked the contact point before.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from hub.conversations import signals
from hub.conversations.actions.holder import switch_holder
from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.joining import Joined, join_call
from hub.conversations.models import (
    Assignment,
    ContactEvent,
    Conversation,
    Entry,
    Leg,
)
from hub.staff.models import Department, User
from patients.models import ContactPoint

HUNG_UP = "hung_up"
"""How a conversation ends that a call opened and in which nothing was asked of anybody."""


def arrive(
    point: ContactPoint,
    hub_address_id: int,
    *,
    at: datetime,
    what: str,
    is_taken: Callable[[int], bool] = lambda _: False,
) -> Joined:
    """Join or open the conversation of a call; `point` is locked.

    A conversation that is open or resolved stays as it is until the caller asks for something
    (`needs_person`); a new one waits for the patient.

    Args:
        point: whose number rings here, or is rung.
        hub_address_id: our number.
        at: when.
        what: what the timeline says of it: "arrived", "calling".
        is_taken: whether another caller is on the line in a conversation, by its id.
    """
    joined = join_call(point, hub_address_id, at, is_taken=is_taken)
    append(
        joined.conversation,
        _line(what, at, leg=joined.leg),
        channel=joined.leg.channel,
        contact_point_id=point.pk,
    )
    log_events(joined.conversation, *joined.events)
    return joined


def note(
    conversation: Conversation,
    what: str,
    *,
    at: datetime,
    leg: Leg | None = None,
    by: User | None = None,
    kind: str = Entry.Kind.CALL,
    audience: str = Entry.Audience.STAFF,
    **detail: Any,
) -> Entry:
    """Append a line about the call: `what` happened, with ids and codes in `detail`."""
    [entry] = append(
        conversation, _line(what, at, leg=leg, by=by, kind=kind, audience=audience, **detail)
    )
    return entry


def needs_person(
    conversation: Conversation,
    department: Department,
    leg: Leg,
    *,
    at: datetime,
    by: User | None = None,
) -> int | None:
    """The caller wants somebody of `department` now; nobody holds the conversation any more.

    Whoever held it is returned (they are asked first); the caller of this puts it into the queue.
    With `by` it is not the caller's wish: they, who speak with the caller, hand them over.
    """
    [locked] = lock([conversation.pk])
    what = "sent_to_department" if by else "chose_department"
    return _wait_for_person(
        conversation,
        locked,
        department,
        leg,
        reason="handed_over" if by else "patient_calls",
        since=at,
        at=at,
        by=by,
        lines=[_line(what, at, leg=leg, by=by, department=department.pk)],
    )


def waits_for_call(
    conversation: Conversation,
    *,
    at: datetime,
    since: datetime | None = None,
    leg: Leg | None = None,
    department: Department | None = None,
) -> int | None:
    """The patient is to be called; nobody holds the conversation until the call is made.

    Whoever held it is returned, as by `needs_person`; the caller of this puts it into the queue.

    Args:
        conversation: whose patient it is.
        at: when.
        since: since when the patient waits, unless they wait already; default `at`.
        leg: the way by which they asked, if the conversation goes on there.
        department: who is to call; default is whose it is.
    """
    [locked] = lock([conversation.pk])
    return _wait_for_person(
        conversation,
        locked,
        department or locked.department,
        leg,
        reason="callback",
        since=since or at,
        at=at,
    )


def is_work(conversation: Conversation, *, at: datetime, since: datetime) -> bool:
    """Leave the conversation to its holder as open work; False where nobody holds it."""
    [locked] = lock([conversation.pk])
    if locked.holder_id is None:
        return False
    append(locked, last_entry_at=at, status=Conversation.Status.OPEN, waiting_from=since)
    _follow(conversation, locked)
    return True


def reached(conversation: Conversation, leg: Leg, *, at: datetime) -> None:
    """A patient whom we rang answers: they wait for us no longer."""
    [locked] = lock([conversation.pk])
    append(
        locked,
        _line("patient_answered", at, leg=leg),
        status=Conversation.Status.OPEN,
        snoozed_until=None,
        waiting_since=None,
        channel=leg.channel,
        contact_point_id=leg.contact_point_id,
    )
    _follow(conversation, locked)


def _wait_for_person(
    conversation: Conversation,
    locked: Conversation,
    department: Department,
    leg: Leg | None,
    *,
    reason: str,
    since: datetime,
    at: datetime,
    by: User | None = None,
    lines: Sequence[Line] = (),
) -> int | None:
    """Take the conversation from its holder, and open it for whoever comes next."""
    held_by = locked.holder_id
    events: list[Happened] = []
    if held_by is not None:
        switch_holder(locked, held_by, None)
        events.append(Happened(ContactEvent.Kind.UNASSIGNED, at, agent_id=held_by, reason=reason))
        _assignment(locked, None, by=by, reason=reason, at=at)
    head: dict[str, Any] = {
        "status": Conversation.Status.OPEN,
        "snoozed_until": None,
        "resolved_at": None,
        "resolution": "",
        "waiting_from": since,
    }
    if leg is not None:
        head |= {"channel": leg.channel, "contact_point_id": leg.contact_point_id}
    if department.pk != locked.department_id:
        head["department_id"] = department.pk
        if department.restricted:
            head["restricted_by_id"] = department.pk
    if locked.status == Conversation.Status.RESOLVED:
        reopened = Line(
            kind=Entry.Kind.STATUS,
            author_kind=Entry.Author.SYSTEM,
            at=at,
            detail={"what": "reopened"},
        )
        lines = [reopened, *lines]
        events.append(Happened(ContactEvent.Kind.REOPENED, at, leg))
    append(locked, *lines, **head)
    if events:
        log_events(locked, *events)
    _follow(conversation, locked)
    return held_by


def belongs_to(
    conversation: Conversation, department: Department, leg: Leg, *, at: datetime
) -> None:
    """Move the conversation to the department that the caller chose; nobody is asked for yet."""
    [locked] = lock([conversation.pk])
    head: dict[str, Any] = {"department_id": department.pk}
    if department.restricted:
        head["restricted_by_id"] = department.pk
    append(locked, _line("chose_department", at, leg=leg, department=department.pk), **head)
    _follow(conversation, locked)


def answered(conversation: Conversation, user: User, leg: Leg, *, at: datetime) -> bool:
    """Note that `user` speaks with the patient, and holds the conversation; ends its wait.

    Returns False, and writes nothing, where somebody else holds it.
    """
    [locked] = lock([conversation.pk])
    took = locked.holder_id is None and switch_holder(locked, None, user.pk)
    if not took and locked.holder_id != user.pk:
        return False
    append(
        locked,
        _line("answered", at, leg=leg, by=user, to=user.pk),
        status=Conversation.Status.OPEN,
        snoozed_until=None,
        resolved_at=None,
        resolution="",
        waiting_since=None,
        channel=leg.channel,
        contact_point_id=leg.contact_point_id,
    )
    events = [Happened(ContactEvent.Kind.PERSON_ANSWERED, at, leg, agent_id=user.pk)]
    if took:
        events.insert(0, Happened(ContactEvent.Kind.ASSIGNED, at, agent_id=user.pk))
        _assignment(locked, user, reason="answered", at=at)
    log_events(locked, *events)
    if took:
        signals.holder_taken.send(sender=Conversation, conversation=locked, user=user, at=at)
    _follow(conversation, locked)
    return True


def hand_over(
    conversation: Conversation,
    to: User,
    leg: Leg,
    *,
    by: User,
    at: datetime,
    department: Department | None = None,
) -> bool:
    """Make `to` the holder after `by`, who has introduced them. False where somebody else holds it.

    Nobody does where it was given back while the call ran: then it is theirs as well.
    The conversation moves along to `department`, the one in which `to` can hold it, if given.
    """
    [locked] = lock([conversation.pk])
    held_by = locked.holder_id
    if held_by not in (None, by.pk) or not switch_holder(locked, held_by, to.pk):
        return False
    head: dict[str, Any] = {}
    if department is not None and department.pk != locked.department_id:
        head["department_id"] = department.pk
        if department.restricted:
            head["restricted_by_id"] = department.pk
    append(locked, _line("handed_over", at, leg=leg, by=by, to=to.pk), **head)
    _assignment(locked, to, by=by, reason="handed_over", at=at)
    events = [Happened(ContactEvent.Kind.ASSIGNED, at, leg, agent_id=to.pk, reason="handed_over")]
    if held_by is not None:
        left = Happened(ContactEvent.Kind.UNASSIGNED, at, leg, agent_id=by.pk, reason="handed_over")
        events.insert(0, left)
    log_events(locked, *events)
    _follow(conversation, locked)
    return True


def end(
    leg: Leg,
    *,
    at: datetime,
    reason: str = "",
    quiet: bool = False,
    left_something: bool = False,
    **detail: Any,
) -> bool:
    """End the call's leg; `reason` says how, for the reports. Returns whether it was open.

    `quiet`: nothing happened that the timeline should tell.

    A conversation that the call opened, and in which nobody was asked for, is over with it; unless
    the caller `left_something`, a message say, that is still on its way to us.
    """
    [conversation] = lock([leg.conversation_id])
    if not Leg.objects.filter(pk=leg.pk, ended_at__isnull=True).update(ended_at=at):
        return False
    leg.ended_at = at
    if quiet:
        return True
    head: dict[str, Any] = {}
    untouched = (
        not left_something
        and conversation.status == Conversation.Status.WAITING
        and conversation.holder_id is None
        and not conversation.legs.exclude(pk=leg.pk).exists()
        and not conversation.entries.exclude(kind=Entry.Kind.CALL).exists()
    )
    if untouched:
        head = {
            "status": Conversation.Status.RESOLVED,
            "resolved_at": at,
            "resolution": HUNG_UP,
            "waiting_since": None,
        }
    append(conversation, _line("ended", at, leg=leg, reason=reason, **detail), **head)
    log_events(conversation, Happened(ContactEvent.Kind.LEG_ENDED, at, leg, reason=reason))
    return True


def _follow(conversation: Conversation, locked: Conversation) -> None:
    """Bring the caller's copy up to date with the locked row."""
    for field in Conversation._meta.concrete_fields:
        setattr(conversation, field.attname, getattr(locked, field.attname))


def _assignment(
    conversation: Conversation,
    holder: User | None,
    *,
    reason: str,
    at: datetime,
    by: User | None = None,
) -> None:
    Assignment.objects.create(
        conversation=conversation,
        holder=holder,
        department_id=conversation.department_id,
        by=by or holder,
        reason=reason,
        at=at,
    )


def _line(
    what: str,
    at: datetime,
    *,
    leg: Leg | None = None,
    by: User | None = None,
    kind: str = Entry.Kind.CALL,
    audience: str = Entry.Audience.STAFF,
    **detail: Any,
) -> Line:
    return Line(
        kind=kind,
        author_kind=Entry.Author.STAFF if by else Entry.Author.SYSTEM,
        author_id=by.pk if by else None,
        at=at,
        audience=audience,
        leg=leg,
        detail={"what": what, **detail},
    )
