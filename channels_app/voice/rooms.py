"""Who is in a call's room, and who joins and leaves it: the actions of its parties.

Each is one transaction; calls and their contact points are locked first (MODEL.md, Locks). Signals
of the provider come repeated, late and in any order, so each step asks what is so already.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels_app.voice import callbacks, calling_back, commands, ending, recordings
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import (
    agents_in,
    coach_anew,
    leave,
    lost_agent,
    patient_in,
    patient_joined,
    set_hold,
    talk_started,
    tell,
    tell_all,
)
from channels_app.voice.questions import locked_by_id
from channels_app.voice.taking_over import take_over
from hub.conversations.actions import calls
from hub.routing import capacity

#: How long a patient hears music whose agent's line was lost, before they are queued again.
RETURN_GRACE = timedelta(seconds=30)

Kind, State = Party.Kind, Party.State


def rings(party_id: int, sid: str) -> None:
    """Note the provider's id of a party's line, and that it rings."""
    with transaction.atomic():
        party = _locked(party_id)
        changed = _note_sid(party, sid)
        if party.state == State.WANTED:
            party.state, party.rung_at = State.RINGING, timezone.now()
            changed = True
        if changed:
            party.save()
            if party.user_id:
                tell(party.user_id)
        if changed and (party.leaving or party.left_at is not None):
            # It was taken back before we knew by which id to hang up.
            commands.set_party(party)


def joined(party_id: int, sid: str) -> None:
    """A party answered: their line is in the room."""
    with transaction.atomic():
        party = _locked(party_id)
        call = party.call
        now = timezone.now()
        call.heard_at = now
        _note_sid(party, sid)
        if party.left_at is not None or call.state == Call.State.ENDED or party.leaving:
            party.save()
            commands.set_party(party)
            call.save(update_fields=["heard_at"])
            return
        if party.state == State.JOINED:
            party.save()
            call.save(update_fields=["heard_at"])
            return
        party.state, party.joined_at = State.JOINED, now
        party.save()
        match party.kind:
            case Kind.AGENT:
                _agent_joined(call, party, now)
            case Kind.GUEST:
                _guest_joined(call, party, now)
            case Kind.SUPERVISOR:
                _supervisor_joined(party)
        call.save()
        tell_all(call)


def patient_came(call_id: int) -> None:
    """The patient's line is in the room: they have heard the notice, so a recording may begin.

    It is held, if that was ordered before it was there.
    """
    with transaction.atomic():
        call = locked_by_id(call_id)
        patient = patient_in(call)
        if patient is not None and patient.held:
            commands.set_party(patient)
        if call.state == Call.State.ROOM:
            recordings.begin_if_due(call, at=timezone.now())


def left(party_id: int, why: str) -> None:
    """A party's line is over, or never came to be: `why` is the provider's word for it."""
    with transaction.atomic():
        party = _locked(party_id)
        if party.left_at is not None:
            return
        now = timezone.now()
        gone(party, why, at=now)
        party.call.heard_at = now
        party.call.save()


def patient_left(call_id: int) -> None:
    """The patient's line is out of the room; where it went, its own status or question tells.

    When a patient hangs up, the room ends and with it the agents' lines: none of them is lost.
    """
    with transaction.atomic():
        call = locked_by_id(call_id)
        if call.state == Call.State.ROOM:
            call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).update(leaving=True)


def gone(party: Party, why: str, *, at: datetime) -> None:
    """Take a party out, whose call is locked, and see what that means for the others.

    The caller saves the call; and orders the line to be ended, if it is not over.
    """
    call = party.call
    came = party.state == State.JOINED
    match party.kind:
        case Kind.AGENT if came:
            _agent_left(call, party, why, at)
        case Kind.AGENT:
            leave(party, why, at=at)
            if call.state != Call.State.ENDED:
                ending.agent_did_not_come(call, party, why, at=at)
        case Kind.GUEST:
            leave(party, why, at=at)
            _note_guest(call, party, "guest_left" if came else "guest_did_not_come", at)
        case _:
            ending.out(party, why, at=at)
    tell_all(call)


def _locked(party_id: int) -> Party:
    """Return the party with its call, all locked in the house's order."""
    call_id = Party.objects.values_list("call_id", flat=True).get(pk=party_id)
    call = locked_by_id(call_id)
    party = Party.objects.select_for_update(of=("self",), no_key=True).get(pk=party_id)
    party.call = call
    return party


def _note_sid(party: Party, sid: str) -> bool:
    if not sid or party.sid:
        return False
    party.sid = sid
    return True


def _agent_joined(call: Call, party: Party, now: datetime) -> None:
    assert party.user is not None
    ending.put_notes_aside(party.user.pk, at=now)
    capacity.occupy(party.user.pk, until=None)
    lost = lost_agent(call)
    if party.is_consulted:
        if lost is not None:
            take_over(call, party, lost, at=now)
        else:
            to = party.user_id
            calls.note(call.conversation, "colleague_joined", at=now, leg=call.leg, to=to)
        return
    if call.state == Call.State.QUEUED:
        if not calls.answered(call.conversation, party.user, call.leg, at=now):
            # Somebody else was given the conversation: this line is not needed, and never was.
            party.state, party.joined_at = State.RINGING, None
            ending.out(party, "not_needed", at=now)
            commands.set_party(party)
            ending.wait_on(call, party, at=now)
            return
        call.state, call.answered_at = Call.State.ROOM, call.answered_at or now
        callbacks.cancel_open(call.conversation, "called_themselves", at=now)
        patient_joined(call, at=now)
        commands.move(call)
    elif call.state == Call.State.DIALLING and not call.sid:
        if not calling_back.agent_joined(call, party, at=now):
            return
    elif call.state == Call.State.ROOM and lost is not None:
        call.alone_since = None
        patient = patient_in(call)
        if patient is not None:
            set_hold(patient, False, at=now, by=party.user)
        calls.note(call.conversation, "agent_returned", at=now, leg=call.leg, by=party.user)
    talk_started(party, at=now)
    coach_anew(call)


def _guest_joined(call: Call, party: Party, now: datetime) -> None:
    _note_guest(call, party, "guest_joined", now)
    if recordings.running(call) is not None:
        # Whoever is recorded is told so before they speak (notes on compliance, section 2).
        commands.announce(party)


def _note_guest(call: Call, party: Party, what: str, at: datetime) -> None:
    who = str(party.uuid)
    calls.note(call.conversation, what, at=at, leg=call.leg, party=who, role=party.role)


def _supervisor_joined(party: Party) -> None:
    assert party.user_id is not None
    capacity.occupy(party.user_id, until=None)
    # While their phone rang, they may have chosen another mode, or another agent leads now.
    commands.set_party(party)


def _agent_left(call: Call, party: Party, why: str, now: datetime) -> None:
    """See what becomes of the patient when an agent goes."""
    others = [one for one in agents_in(call) if one.pk != party.pk]
    patient = patient_in(call)
    if call.state == Call.State.ROOM and not party.leaving and (not patient or patient.leaving):
        # The patient hung up; the end of their line is on its way to us.
        ending.out(party, why, at=now)
    elif party.is_consulted:
        ending.out(party, why, at=now)
        calls.note(call.conversation, "colleague_left", at=now, leg=call.leg, to=party.user_id)
    elif others:
        ending.out(party, why, at=now)
        if all(one.is_consulted for one in others):
            take_over(call, others[0], party, at=now)
        coach_anew(call)
    elif party.leaving or call.state != Call.State.ROOM:
        ending.out(party, why, at=now)
        ending.end(call, "agent_hung_up", at=now)
    else:
        _leave_alone(call, party, why, now)


def _leave_alone(call: Call, party: Party, why: str, now: datetime) -> None:
    """Their line was lost: a reload, a flat battery. Music for the patient, and they may return."""
    assert party.user_id is not None
    leave(party, why, at=now)
    call.alone_since = now
    capacity.occupy(party.user_id, until=now + RETURN_GRACE)
    patient = patient_in(call)
    if patient is not None:
        set_hold(patient, True, at=now, by=party.user)
