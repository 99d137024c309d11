"""One line in a call's room: rung, held, heard, gone. The call is locked by whoever calls this."""

from datetime import datetime
from uuid import uuid4

from channels_app.voice import commands
from channels_app.voice.models import Call, Party
from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent
from hub.realtime.events import PhoneChanged
from hub.realtime.publish import publish_on_commit
from hub.staff.models import User

Kind, State = Party.Kind, Party.State


def want_agent(call: Call, user: User, *, until: datetime, **more: object) -> Party:
    """Have an agent's phone rung for the call. Runs in the caller's transaction."""
    party = Party.objects.create(call=call, kind=Kind.AGENT, user=user, **more)
    commands.ring(party, until=until)
    tell(user.pk)
    return party


def leave(party: Party, why: str, *, at: datetime) -> None:
    """Write down that the party is out; its call is locked by the caller."""
    was_in = party.state == State.JOINED
    party.state, party.left_at, party.why_left = State.LEFT, at, why[:24]
    _end_hold(party, at)
    party.save()
    if party.kind == Kind.AGENT and was_in:
        log_events(
            party.call.conversation,
            Happened(
                ContactEvent.Kind.TALK_ENDED,
                at,
                party.call.leg,
                agent_id=party.user_id,
                interval=party.uuid,
            ),
        )
    if party.user_id:
        tell(party.user_id)


def patient_joined(call: Call, *, at: datetime) -> Party:
    """Return the patient's party, made if it is new; `call` is locked."""
    party = call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).first()
    if party is None:
        party = Party.objects.create(
            call=call, kind=Kind.PATIENT, state=State.JOINED, sid=call.sid, joined_at=at
        )
    return party


def set_hold(party: Party, held: bool, *, at: datetime, by: User | None = None) -> bool:
    """Put a party on hold, or take them back; returns whether that changed anything."""
    if party.held == held or party.left_at is not None:
        return False
    if held:
        party.held, party.held_since, party.hold_interval = True, at, uuid4()
        _hold_event(ContactEvent.Kind.HOLD_STARTED, party, at, by)
    else:
        _end_hold(party, at, by)
    party.save()
    commands.set_party(party)
    return True


def agents_in(call: Call) -> "list[Party]":
    """Return the agents who are in the room, in the order in which they came."""
    return list(
        call.parties.filter(kind=Kind.AGENT, state=State.JOINED)
        .select_related("user")
        .order_by("joined_at", "pk")
    )


def tell(user_id: int) -> None:
    """Have a person's open consoles look at their phone again, once this is committed."""
    publish_on_commit(PhoneChanged(user_id))


def _end_hold(party: Party, at: datetime, by: User | None = None) -> None:
    if not party.held:
        return
    _hold_event(ContactEvent.Kind.HOLD_ENDED, party, at, by)
    party.held, party.held_since, party.hold_interval = False, None, None


def _hold_event(kind: str, party: Party, at: datetime, by: User | None) -> None:
    if party.kind != Kind.PATIENT:
        return
    log_events(
        party.call.conversation,
        Happened(
            kind,
            at,
            party.call.leg,
            agent_id=by.pk if by else party.call.conversation.holder_id,
            interval=party.hold_interval,
        ),
    )
