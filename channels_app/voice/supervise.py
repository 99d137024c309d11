"""Supervisors on a running call of their departments: they listen, whisper or talk."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from channels_app.voice import commands, errors, on_call, rooms
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import agents_in, tell_all, want
from channels_app.voice.phone_state import caller_of
from hub.audit.record import AuditAction, record
from hub.conversations.errors import NotAllowed
from hub.routing import capacity
from hub.staff.models import Membership, User

#: How long a supervisor's own phone rings, which answers itself.
RING = timedelta(seconds=20)

Mode = Party.Mode


def begin(call: UUID, mode: str, *, by: User) -> Party:
    """Ring the phone of a supervisor into a call of their department, which answers itself.

    Whoever is in it already only changes the mode. Raises NotAllowed, CallOver, NotConnected (no
    agent is on the call), OnThePhone; ValueError for an unknown mode.
    """
    mode = Mode(mode).value
    with transaction.atomic():
        locked = on_call.locked(call)
        _require_supervisor(locked, by)
        if locked.state == Call.State.ENDED:
            raise errors.CallOver
        there = on_call.own_party(locked, by)
        if there is not None and there.kind == Party.Kind.SUPERVISOR:
            _change(locked, there, mode, by)
            return there
        if not agents_in(locked):
            raise errors.NotConnected
        if Party.objects.filter(user=by, left_at__isnull=True).exists():
            raise errors.OnThePhone
        now = timezone.now()
        kind = Party.Kind.SUPERVISOR
        party = want(locked, by, kind, until=now + RING, mode=mode, answers_itself=True)
        capacity.occupy(by.pk, until=now + 2 * RING)
        _audit(locked, mode, by)
        tell_all(locked)
    return party


def set_mode(call: UUID, mode: str, *, by: User) -> None:
    """Change how a supervisor is there. Raises NotOnThisCall, CallOver, NotAllowed, ValueError."""
    mode = Mode(mode).value
    with transaction.atomic():
        locked = on_call.locked(call)
        party = on_call.own_party(locked, by)
        if party is None or party.kind != Party.Kind.SUPERVISOR:
            on_call.last_party(locked, by)
            raise errors.CallOver if locked.state == Call.State.ENDED else errors.NotOnThisCall
        # The call may be another department's by now.
        _require_supervisor(locked, by)
        _change(locked, party, mode, by)


def leave(call: UUID, *, by: User) -> None:
    """Take the supervisor's line out; having left already changes nothing. Raises NotOnThisCall."""
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.last_party(locked, by)
        party = on_call.own_party(locked, by)
        if party is None:
            return
        if party.kind != Party.Kind.SUPERVISOR:
            raise errors.NotOnThisCall
        rooms.gone(party, "hung_up", at=timezone.now())
        commands.set_party(party)
        locked.save()


@dataclass(frozen=True, slots=True)
class Running:
    """A call that a supervisor may look into.

    Attributes:
        stage: "waiting", "dialling" or "talking".
        agents: who is on it, the one who leads it first.
        since: since when it is in its stage.
        supervisors: who of the supervisors is on it.
    """

    call: UUID
    conversation: UUID
    conversation_id: int
    who: str
    department: str
    direction: str
    stage: str
    since: datetime
    agents: tuple[str, ...]
    supervisors: tuple[str, ...]


_STAGES = {
    Call.State.QUEUED.value: "waiting",
    Call.State.DIALLING.value: "dialling",
    Call.State.ROOM.value: "talking",
}


def running(user: User) -> list[Running]:
    """Return the calls of a supervisor's departments that wait or run. Two queries."""
    if not (user.is_active and user.is_supervisor):
        return []
    own = Membership.objects.filter(user=user).values("department_id")
    on_it = Party.objects.filter(left_at__isnull=True, user__isnull=False).select_related("user")
    found = (
        Call.objects.filter(
            ended_at__isnull=True, state__in=_STAGES, conversation__department_id__in=own
        )
        .select_related("conversation__patient", "conversation__department", "contact_point")
        .prefetch_related(Prefetch("parties", queryset=on_it.order_by("is_consulted", "pk")))
        .order_by("started_at", "pk")
    )
    return [_running(call) for call in found]


def _running(call: Call) -> Running:
    staff = list(call.parties.all())
    times = {
        Call.State.QUEUED.value: call.queued_at,
        Call.State.ROOM.value: call.answered_at,
    }
    return Running(
        call=call.uuid,
        conversation=call.conversation.uuid,
        conversation_id=call.conversation_id,
        who=caller_of(call),
        department=call.conversation.department.name,
        direction=call.direction,
        stage=_STAGES[call.state],
        since=times.get(call.state) or call.started_at,
        agents=_names(staff, Party.Kind.AGENT),
        supervisors=_names(staff, Party.Kind.SUPERVISOR),
    )


def _names(staff: Iterable[Party], kind: str) -> tuple[str, ...]:
    joined = Party.State.JOINED
    return tuple(
        one.user.name for one in staff if one.user and one.kind == kind and one.state == joined
    )


def _require_supervisor(call: Call, by: User) -> None:
    """Raise NotAllowed unless `by` runs the floor of the department that has the call now."""
    member = Membership.objects.filter(user=by, department_id=call.conversation.department_id)
    if not (by.is_active and by.is_supervisor and member.exists()):
        raise NotAllowed


def _change(call: Call, party: Party, mode: str, by: User) -> None:
    if party.mode == mode:
        return
    party.mode = mode
    party.save(update_fields=["mode"])
    commands.set_party(party)
    _audit(call, mode, by)
    tell_all(call)


def _audit(call: Call, mode: str, by: User) -> None:
    record(
        AuditAction.LISTEN_IN,
        actor=by,
        conversation=call.conversation_id,
        patient=call.conversation.patient_id,
        detail={"mode": mode},
    )
