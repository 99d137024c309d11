"""A running call goes to somebody else: cold, by the queue, or warm, with an introduction.

The patient has music or a person at every moment (requeueing.py, taking_over.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from channels_app.voice import commands, ending, errors, on_call, requeueing, rooms
from channels_app.voice.guests import GuestRole, add_guest, remove
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import consulted_in, patient_in, set_hold, tell_all, want_agent
from channels_app.voice.taking_over import home_of
from hub.audit.record import AuditAction, record
from hub.conversations.actions import calls
from hub.conversations.errors import HeldByAnother, NotAllowed
from hub.routing import capacity, hours
from hub.routing.rules import rules_of
from hub.staff.models import Department, Presence, Role, User
from hub.staff.presence import on_duty, presence_of

__all__ = [
    "Colleague",
    "GuestRole",
    "add_guest",
    "complete",
    "consult",
    "give_up",
    "people",
    "remove",
    "to_department",
    "to_person",
]

#: How long a colleague's phone rings who is asked to take a call.
RING = timedelta(seconds=45)
HANDED_OVER = "handed_over"


# --- Cold -----------------------------------------------------------------------------------------


def to_department(call: UUID, department: Department, *, by: User) -> None:
    """Send the patient to the front of a department's queue; the line of `by` ends.

    Having done so already changes nothing. Raises NotOnThisCall, CallOver, NotConnected,
    DepartmentClosed.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        if _handed_over(locked, by):
            return
        on_call.require_lead(locked, by)
        on_call.require_patient(locked)
        now = timezone.now()
        if not hours.is_open(department, now) or not on_duty(department.pk):
            raise errors.DepartmentClosed(department.name)
        _send(locked, department, None, by, now)


def to_person(call: UUID, user: User, *, by: User) -> None:
    """Send the patient to a colleague; do they not answer, to the others of their department.

    Having done so already changes nothing. Raises NotOnThisCall, CallOver, NotConnected,
    OnThePhone, CannotTakeCalls, NotAllowed.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        if _handed_over(locked, by):
            return
        on_call.require_lead(locked, by)
        on_call.require_patient(locked)
        department = _require_colleague(locked, user, by, there=(Presence.AVAILABLE,))
        offered = user.role == Role.AGENT or rules_of(department.pk).row.offer_to_supervisors
        if not offered:
            raise errors.CannotTakeCalls(user.name)
        _send(locked, department, user, by, timezone.now())


def _handed_over(call: Call, by: User) -> bool:
    """Whether `by` has just done so: the second press of a button, or of another tab's."""
    return on_call.last_party(call, by).why_left == HANDED_OVER


def _send(call: Call, department: Department, to: User | None, by: User, at: datetime) -> None:
    requeueing.queue_again(call, department, at=at, why=HANDED_OVER, by=by, prefer=to)
    call.save()
    to_whom = {"department": department.pk, "to": to.pk if to else None}
    record(AuditAction.HAND_OVER, actor=by, conversation=call.conversation_id, detail=to_whom)


# --- Warm -----------------------------------------------------------------------------------------


def consult(call: UUID, user: User, *, by: User) -> None:
    """Put the patient on hold, and ring a colleague into the room to ask them to take the call.

    Asking the same one again changes nothing. Raises NotOnThisCall, CallOver, NotConnected,
    OnThePhone, BeingAsked, CannotTakeCalls, NotAllowed.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_lead(locked, by)
        patient = on_call.require_patient(locked)
        asked = consulted_in(locked)
        if asked is not None and asked.user is not None:
            if asked.user_id == user.pk:
                return
            raise errors.BeingAsked(asked.user.name)
        _require_colleague(locked, user, by, there=(Presence.AVAILABLE, Presence.BUSY))
        now = timezone.now()
        set_hold(patient, True, at=now, by=by)
        want_agent(locked, user, until=now + RING, is_consulted=True)
        capacity.occupy(user.pk, until=now + 2 * RING)
        calls.note(locked.conversation, "consulted", at=now, leg=locked.leg, by=by, to=user.pk)
        tell_all(locked)


def complete(call: UUID, *, by: User) -> None:
    """Give the call to the colleague who is in the room, and leave it.

    Having done so already changes nothing. Raises NotOnThisCall, CallOver, NobodyAnswered,
    HeldByAnother (a supervisor gave the conversation to somebody else meanwhile).
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        if _handed_over(locked, by):
            return
        party = on_call.require_lead(locked, by)
        colleague = consulted_in(locked)
        if colleague is None or colleague.state != Party.State.JOINED:
            raise errors.NobodyAnswered
        holder = locked.conversation.holder
        if holder is not None and holder != by:
            raise HeldByAnother(holder.name)
        # Who leaves while a colleague is there leaves the patient to them.
        rooms.gone(party, HANDED_OVER, at=timezone.now())
        commands.set_party(party)
        locked.save()
        record(
            AuditAction.HAND_OVER,
            actor=by,
            conversation=locked.conversation_id,
            detail={"to": colleague.user_id},
        )


def give_up(call: UUID, *, by: User) -> None:
    """Take the colleague out again, and the patient off hold: `by` goes on with them.

    Raises NotOnThisCall, CallOver.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_lead(locked, by)
        now = timezone.now()
        colleague = consulted_in(locked)
        if colleague is not None:
            ending.out(colleague, "given_up", at=now)
            commands.set_party(colleague)
            to = colleague.user_id
            calls.note(
                locked.conversation, "handover_given_up", at=now, leg=locked.leg, by=by, to=to
            )
        patient = patient_in(locked)
        if patient is not None:
            set_hold(patient, False, at=now, by=by)
        tell_all(locked)


def _require_colleague(
    call: Call, user: User, by: User, *, there: tuple[Presence, ...]
) -> Department:
    """Return in which department `user` would take the call.

    Raises NotAllowed, CannotTakeCalls, OnThePhone.
    """
    if user == by:
        raise NotAllowed
    department = home_of(user, call.conversation.department)
    if department is None or not user.is_active or user.is_administrator:
        raise errors.CannotTakeCalls(user.name)
    if Party.objects.filter(user=user, left_at__isnull=True).exists():
        raise errors.OnThePhone(user.name)
    if presence_of([user.pk])[user.pk] not in there:
        raise errors.CannotTakeCalls(user.name)
    return department


# --- To whom --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody to whom a call may be handed."""

    id: int
    uuid: UUID
    name: str
    departments: tuple[str, ...]
    presence: Presence
    is_on_the_phone: bool


def people(user: User) -> list[Colleague]:
    """Return the colleagues of `user`, those who can take a call first. Four queries."""
    found = list(
        User.objects.filter(is_active=True, memberships__isnull=False)
        .exclude(role=Role.ADMINISTRATOR)
        .exclude(pk=user.pk)
        .distinct()
        .prefetch_related("departments")
        .order_by("name", "pk")
    )
    presence = presence_of(one.pk for one in found)
    phoning = set(
        Party.objects.filter(user__isnull=False, left_at__isnull=True).values_list(
            "user_id", flat=True
        )
    )
    colleagues = [
        Colleague(
            id=one.pk,
            uuid=one.uuid,
            name=one.name,
            departments=tuple(department.name for department in one.departments.all()),
            presence=presence[one.pk],
            is_on_the_phone=one.pk in phoning,
        )
        for one in found
    ]
    return sorted(
        colleagues, key=lambda one: (one.presence != Presence.AVAILABLE, one.is_on_the_phone)
    )
