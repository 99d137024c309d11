"""Who is in a call's room, and who joins and leaves it: the actions of its parties.

Each is one transaction; calls and their contact points are locked first (MODEL.md, Locks). Signals
of the provider come repeated, late and in any order, so each step asks what is so already.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels_app.voice import commands, ending, recordings
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import agents_in, leave, patient_joined, set_hold, tell
from channels_app.voice.questions import locked_by_id
from hub.conversations.actions import calls
from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent
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
        if party.kind == Kind.AGENT:
            _agent_joined(call, party, now)
        call.save()
        _tell_staff(call)


def left(party_id: int, why: str) -> None:
    """A party's line is over, or never came to be: `why` is the provider's word for it."""
    with transaction.atomic():
        party = _locked(party_id)
        if party.left_at is not None:
            return
        call = party.call
        now = timezone.now()
        was_in = party.state == State.JOINED
        leave(party, why, at=now)
        if party.kind == Kind.AGENT and call.state != Call.State.ENDED:
            if was_in:
                _agent_left(call, party, now)
            else:
                ending.agent_did_not_come(call, party, why, at=now)
        call.heard_at = now
        call.save()
        _tell_staff(call)


def patient_left(call_id: int) -> None:
    """The patient's line is out of the room; where it went, its own status or question tells.

    When a patient hangs up, the room ends and with it the agents' lines: none of them is lost.
    """
    with transaction.atomic():
        call = locked_by_id(call_id)
        if call.state == Call.State.ROOM:
            call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).update(leaving=True)


def _tell_staff(call: Call) -> None:
    staff = call.parties.filter(user__isnull=False, left_at__isnull=True)
    for user_id in staff.values_list("user_id", flat=True):
        tell(user_id)


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
    capacity.occupy(party.user.pk, until=None)
    log_events(
        call.conversation,
        Happened(
            ContactEvent.Kind.TALK_STARTED,
            now,
            call.leg,
            agent_id=party.user_id,
            interval=party.uuid,
        ),
    )
    if call.state == Call.State.QUEUED:
        if not calls.answered(call.conversation, party.user, call.leg, at=now):
            # Somebody else has the conversation: this line is not needed.
            party.leaving = True
            party.save()
            commands.set_party(party)
            return
        call.state, call.answered_at = Call.State.ROOM, now
        patient_joined(call, at=now)
        commands.move(call)
        recordings.begin_if_due(call, at=now)
    elif call.state == Call.State.DIALLING and not call.sid:
        commands.ring_patient(call, until=now + timedelta(seconds=30))
    elif call.state == Call.State.ROOM and call.alone_since is not None:
        call.alone_since = None
        patient = call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).first()
        if patient is not None:
            patient.call = call
            set_hold(patient, False, at=now, by=party.user)
        calls.note(call.conversation, "agent_returned", at=now, leg=call.leg, by=party.user)


def _agent_left(call: Call, party: Party, now: datetime) -> None:
    """See what becomes of the patient when an agent goes."""
    if agents_in(call):
        # Another one is there: whoever was alone with the patient's call before goes on with it.
        ending.start_wrap_up(call, party, at=now)
        return
    if party.leaving or call.state != Call.State.ROOM:
        ending.end(call, "agent_hung_up", at=now)
        return
    patient = call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).first()
    if patient is None or patient.leaving:
        # The patient hung up; the end of their line is on its way to us.
        ending.start_wrap_up(call, party, at=now)
        return
    # Their line was lost: a reload, a flat battery. Music for the patient, and they may come back.
    call.alone_since = now
    assert party.user_id is not None
    capacity.occupy(party.user_id, until=now + RETURN_GRACE)
    patient.call = call
    set_hold(patient, True, at=now, by=party.user)
