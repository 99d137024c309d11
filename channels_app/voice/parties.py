"""One line in a call's room: rung, held, heard, gone. The call is locked by whoever calls this."""

from datetime import datetime
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from channels_app.voice import commands
from channels_app.voice.errors import OnThePhone
from channels_app.voice.models import Call, Party
from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent
from hub.realtime.events import PhoneChanged
from hub.realtime.publish import publish_on_commit
from hub.staff.models import User

Kind, State = Party.Kind, Party.State


def want_agent(call: Call, user: User, *, until: datetime, **more: object) -> Party:
    """Have an agent's phone rung for the call. Runs in the caller's transaction.

    Raises OnThePhone: another call has them, perhaps since a moment ago.
    """
    return want(call, user, Kind.AGENT, until=until, **more)


def want(call: Call, user: User, kind: str, *, until: datetime, **more: object) -> Party:
    """Have the phone of somebody who works here rung into the call's room, as `kind`.

    Raises OnThePhone.
    """
    try:
        with transaction.atomic():
            party = Party.objects.create(call=call, kind=kind, user=user, **more)
    except IntegrityError:  # one_open_party_a_person: two calls wanted them at once
        raise OnThePhone(user.name) from None
    commands.ring(party, until=until)
    tell(user.pk)
    return party


def leave(party: Party, why: str, *, at: datetime) -> None:
    """Write down that the party is out; its call is locked by the caller."""
    was_in = party.state == State.JOINED
    party.state, party.left_at, party.why_left = State.LEFT, at, why[:24]
    _end_hold(party, at)
    if party.kind == Kind.PATIENT:
        # The line goes on elsewhere, and may come back as another party: an order to this one that
        # is still under way must not find it.
        party.sid = ""
    party.save()
    if party.kind == Kind.AGENT and was_in and not party.is_consulted:
        _talk_event(ContactEvent.Kind.TALK_ENDED, party, at)
    if party.user_id:
        tell(party.user_id)


def talk_started(party: Party, *, at: datetime) -> None:
    """Note in the event log that the agent has the patient from now on.

    A colleague who is only asked has not: their time begins when they take the call over.
    """
    _talk_event(ContactEvent.Kind.TALK_STARTED, party, at)


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
        call.parties.filter(kind=Kind.AGENT, state=State.JOINED, leaving=False)
        .select_related("user")
        .order_by("joined_at", "pk")
    )


def patient_in(call: Call) -> Party | None:
    """Return the patient's party, if their line is in the room."""
    return call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).first()


def consulted_in(call: Call) -> Party | None:
    """Return the colleague who is asked to take the call over, or whose phone rings for that."""
    asked = call.parties.filter(kind=Kind.AGENT, is_consulted=True, left_at__isnull=True)
    return asked.select_related("user").first()


def lost_agent(call: Call) -> Party | None:
    """Return the agent whose line was lost, if the patient has been left alone by that."""
    if call.alone_since is None:
        return None
    had_it = call.parties.filter(
        kind=Kind.AGENT, is_consulted=False, joined_at__isnull=False, left_at__isnull=False
    )
    return had_it.select_related("user").order_by("-left_at", "-pk").first()


def left_alone_by(user_id: int) -> QuerySet[Call]:
    """Return the calls whose patient is alone, and who had this person on them as an agent.

    Whether it is for them that the patient waits, `lost_agent` tells.
    """
    return Call.objects.filter(
        ended_at__isnull=True,
        alone_since__isnull=False,
        parties__user_id=user_id,
        parties__kind=Kind.AGENT,
    ).distinct()


def is_awaited(user_id: int) -> bool:
    """Whether a patient hears music until this person's line is back."""
    lost = map(lost_agent, left_alone_by(user_id))
    return any(agent is not None and agent.user_id == user_id for agent in lost)


def coach_anew(call: Call) -> None:
    """Have those who whisper heard by whoever leads the call now."""
    whispering = call.parties.filter(
        kind=Kind.SUPERVISOR, mode=Party.Mode.WHISPER, left_at__isnull=True
    )
    for party in whispering:
        commands.set_party(party)


def tell_all(call: Call) -> None:
    """Have the consoles of everybody on the call look at it again."""
    staff = call.parties.filter(user__isnull=False, left_at__isnull=True)
    for user_id in staff.values_list("user_id", flat=True):
        tell(user_id)


def tell(user_id: int) -> None:
    """Have a person's open consoles look at their phone again, once this is committed."""
    publish_on_commit(PhoneChanged(user_id))


def _talk_event(kind: str, party: Party, at: datetime) -> None:
    log_events(
        party.call.conversation,
        Happened(kind, at, party.call.leg, agent_id=party.user_id, interval=party.uuid),
    )


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
