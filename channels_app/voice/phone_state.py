"""What somebody's phone shows now: the one call that rings, runs or waits for its notes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.voice import parties, recordings, rooms
from channels_app.voice.commands import Do
from channels_app.voice.models import Call, Party, WrapUp
from hub.conversations import access
from hub.conversations.models import Delivery
from hub.staff.models import User
from patients.normal_form import display
from patients.survivors import survivor_of

Kind, State = Party.Kind, Party.State


@dataclass(frozen=True, slots=True)
class Line:
    """One line in the call, as the others on it see it."""

    party: UUID
    kind: str
    name: str
    state: str
    mode: str
    is_held: bool
    is_me: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class PhoneState:
    """The phone of one person.

    Attributes:
        stage: "ringing", "dialling" (the patient's phone rings), "talking", "alone" (their own line
            was lost, and the patient hears music until it is back) or "wrap_up".
        who: the patient's name or number; not said to somebody who may not know of the patient.
        reason: why it rings: "call", "callback", "consult", or "own" (by their own wish).
        until: when ringing, coming back or the wrap-up ends by itself.
        since: since when it is in this stage.
        recording: "", "running", "paused" or "refused".
        may: what they may do now: "hold", "keypad", "hang_up", "hand_over", "add_guest",
            "pause_recording", "refuse_recording", "complete_handover", "give_up_handover",
            "whisper", "join", "listen".
        as_: "agent" or "supervisor".
    """

    call: UUID
    conversation: UUID
    conversation_id: int
    stage: str
    direction: str
    who: str
    department: str
    language: str
    reason: str
    until: datetime | None
    since: datetime
    started_at: datetime
    answered_at: datetime | None
    answers_itself: bool
    is_held: bool
    held_since: datetime | None
    recording: str
    parties: tuple[Line, ...]
    may: frozenset[str]
    as_: str


def state_of(user: User) -> PhoneState | None:
    """Return what the phone of `user` shows; None while it is idle. Few queries."""
    party = (
        Party.objects.filter(user=user, left_at__isnull=True, leaving=False)
        .select_related(*_with("call__"))
        .first()
    )
    if party is not None:
        return _on_a_call(user, party)
    lost = _lost_call(user)
    if lost is not None:
        return _alone(user, lost)
    wrap_up = (
        WrapUp.objects.filter(user=user, done_at=None).select_related(*_with("call__")).first()
    )
    return _wrap_up(user, wrap_up) if wrap_up is not None else None


def caller_of(call: Call) -> str:
    """Return who is on the patient's end: a name, else the number."""
    patient = call.conversation.patient
    return survivor_of(patient).name if patient else display(call.contact_point)


def _with(prefix: str) -> list[str]:
    return [
        f"{prefix}{name}"
        for name in ("conversation__patient", "conversation__department", "contact_point")
    ]


def _on_a_call(user: User, party: Party) -> PhoneState:
    call = party.call
    lines = list(call.parties.filter(left_at__isnull=True).select_related("user").order_by("pk"))
    recording = _recording(call)
    rings = party.state in (State.WANTED, State.RINGING)
    until = None
    if rings:
        stage, (since, until) = "ringing", _rings_since(party)
    elif call.state == Call.State.DIALLING:
        stage, since = "dialling", party.joined_at or call.started_at
    else:
        stage = "talking"
        since = max(party.joined_at or call.started_at, call.answered_at or call.started_at)
    return _state(
        user,
        call,
        stage,
        since,
        until=until,
        reason=_reason(party) if rings else "",
        answers_itself=party.answers_itself,
        recording=recording,
        lines=lines,
        may=_may(party, lines, recording, stage),
        as_="supervisor" if party.kind == Kind.SUPERVISOR else "agent",
    )


def _alone(user: User, call: Call) -> PhoneState:
    since = call.alone_since or timezone.now()
    lines = list(call.parties.filter(left_at__isnull=True).select_related("user").order_by("pk"))
    return _state(
        user,
        call,
        "alone",
        since,
        until=since + rooms.RETURN_GRACE,
        recording=_recording(call),
        lines=lines,
        may=frozenset({"hang_up"}),
    )


def _wrap_up(user: User, wrap_up: WrapUp) -> PhoneState:
    return _state(user, wrap_up.call, "wrap_up", wrap_up.started_at, until=wrap_up.until)


def _state(
    user: User,
    call: Call,
    stage: str,
    since: datetime,
    *,
    until: datetime | None = None,
    reason: str = "",
    answers_itself: bool = False,
    recording: str = "",
    lines: list[Party] | None = None,
    may: frozenset[str] = frozenset(),
    as_: str = "agent",
) -> PhoneState:
    who = caller_of(call) if _may_know(user, call) else _("Patient")
    shown = lines or []
    patient = next((one for one in shown if one.kind == Kind.PATIENT), None)
    return PhoneState(
        call=call.uuid,
        conversation=call.conversation.uuid,
        conversation_id=call.conversation_id,
        stage=stage,
        direction=call.direction,
        who=who,
        department=call.conversation.department.name,
        language=call.language,
        reason=reason,
        until=until,
        since=since,
        started_at=call.started_at,
        answered_at=call.answered_at,
        answers_itself=answers_itself,
        is_held=patient is not None and patient.held,
        held_since=patient.held_since if patient else None,
        recording=recording,
        parties=tuple(_line(one, user, who) for one in shown),
        may=may,
        as_=as_,
    )


def _may_know(user: User, call: Call) -> bool:
    """Whether `user` may know whose call it is: whoever is asked may be of another department."""
    return access.viewers(call.conversation, [user.pk]).level(user.pk) in ("own", "read")


def _line(party: Party, user: User, who: str) -> Line:
    match party.kind:
        case Kind.PATIENT:
            name = who
        case Kind.GUEST:
            name = party.number
        case _:
            name = party.user.name if party.user else ""
    return Line(
        party=party.uuid,
        kind=party.kind,
        name=name,
        state=party.state,
        mode=party.mode,
        is_held=party.held,
        is_me=party.user_id == user.pk,
        since=party.joined_at or party.rung_at or party.call.heard_at,
    )


def _recording(call: Call) -> str:
    if call.recording_refused:
        return "refused"
    recording = recordings.running(call)
    return recording.wanted if recording is not None else ""


def _reason(party: Party) -> str:
    if party.is_consulted:
        return "consult"
    if party.answers_itself:
        return "own"
    return "callback" if party.call.callback_id is not None else "call"


def _rings_since(party: Party) -> tuple[datetime, datetime | None]:
    """Return since when a phone rings and when it stops: its order says so."""
    order = (
        Delivery.objects.filter(
            leg_id=party.call.leg_id,
            kind=Delivery.Kind.CALL,
            detail__do=Do.RING.value,
            detail__party=party.pk,
        )
        .order_by("-pk")
        .values_list("created_at", "not_after")
        .first()
    )
    if order is None:
        return party.rung_at or party.call.heard_at, None
    return party.rung_at or order[0], order[1]


def _may(party: Party, lines: list[Party], recording: str, stage: str) -> frozenset[str]:
    """Return what the person of `party` may do; each action asks again (on_call.py)."""
    may = {"hang_up"}
    if party.kind == Kind.SUPERVISOR:
        modes = {
            Party.Mode.WHISPER: "whisper",
            Party.Mode.TALK: "join",
            Party.Mode.LISTEN: "listen",
        }
        return frozenset(may | {name for mode, name in modes.items() if mode != party.mode})
    if stage == "ringing":
        return frozenset(may)
    may.add("keypad")
    if stage != "talking" or all(one.kind != Kind.PATIENT for one in lines):
        return frozenset(may)
    may |= {"hold", "add_guest"}
    if recording != "refused":
        may.add("refuse_recording")
    if party.is_consulted:
        return frozenset(may)
    if recording in ("running", "paused"):
        may.add("pause_recording")
    asked = next((one for one in lines if one.is_consulted), None)
    if asked is None:
        may.add("hand_over")
    else:
        may.add("give_up_handover")
        if asked.state == State.JOINED:
            may.add("complete_handover")
    return frozenset(may)


def _lost_call(user: User) -> Call | None:
    """Return the call whose patient waits for `user`, who led it and lost their line."""
    for call in parties.left_alone_by(user.pk).select_related(*_with("")):
        lost = parties.lost_agent(call)
        if lost is not None and lost.user_id == user.pk:
            return call
    return None
