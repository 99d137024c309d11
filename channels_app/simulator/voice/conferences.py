"""Conferences: joining and leaving, hold, mute and coaching, and the events that tell of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from . import recordings
from .engine import ApplicationError, Stage
from .exchange import Exchange, Fields
from .leg import HungUp, Interrupted, Leg, Redirected, Source
from .model import Conference, Participant, Wishes
from .recordings import Recording
from .twiml_voice import Place

#: Event → the word for it in ``statusCallbackEvent``.
_WORDS = {
    "conference-start": "start",
    "conference-end": "end",
    "participant-join": "join",
    "participant-leave": "leave",
    "participant-mute": "mute",
    "participant-unmute": "mute",
    "participant-hold": "hold",
    "participant-unhold": "hold",
    "participant-modify": "modify",
    "announcement-end": "announcement",
    "announcement-fail": "announcement",
}
#: Why the others leave when a room ends, by why it ended.
_ENDED = {
    "conference-ended-via-api": "conference_ended_via_api",
    "participant-with-end-conference-on-exit-left": "moderator_ended_conference",
    "participant-with-end-conference-on-exit-kicked": "moderator_ended_conference",
}
HUNG_UP, UPDATED = "participant_hung_up", "participant_updated_via_api"
ADD_FAILED = "participant_add_failed"


def find_or_make(exchange: Exchange, name: str, wishes: Wishes) -> Conference:
    """The running conference of this name, or a new one with these wishes."""
    room = exchange.open_rooms.get(name)
    if room is None:
        now = exchange.clock.now()
        room = Conference(
            exchange.store.new_sid("CF"), name, created=now, updated=now, wishes=wishes
        )
        exchange.keep_conference(room)
    return room


async def attend(exchange: Exchange, room: Conference, participant: Participant) -> None:
    """Be in a conference until it ends, or the participant leaves or is sent away.

    Raises:
        Interrupted: when the call ended or was sent elsewhere; the room knows by then.
    """
    leg = participant.leg
    _join(exchange, room, participant)
    try:
        while not participant.left:
            await _one_mood(exchange, room, participant)
    except Interrupted as reason:
        by_api = isinstance(reason, Redirected) or (isinstance(reason, HungUp) and reason.by_api)
        leave(exchange, room, participant, UPDATED if by_api else HUNG_UP)
        raise
    finally:
        leg.set_music(False)
        if leg.room is room:
            leg.room = None
        if not leg.hanging_up:
            exchange.show(leg)


async def _one_mood(exchange: Exchange, room: Conference, participant: Participant) -> None:
    """Wait for the start, be on hold, listen to an announcement, or talk, until that changes."""
    leg = participant.leg
    if participant.announcement is not None:
        announcement, participant.announcement = participant.announcement, None
        work = Stage(exchange, leg, Place.HOLD).perform(announcement)
        await _run(exchange, leg, lambda: bool(participant.left), work, announcement)
        if not participant.left:
            tell(exchange, room, "announcement-end", participant)
        return
    held, started = participant.hold, room.status == "in-progress"

    def changed() -> bool:
        return (
            bool(participant.left)
            or participant.hold != held
            or (room.status == "in-progress") != started
            or participant.announcement is not None
        )

    source = participant.hold_source if held else participant.wait_source
    if not held and started:
        await leg.wait(until=changed)
    elif source is None:
        # Twilio's own music, for want of another.
        leg.set_music(True)
        await leg.wait(until=changed)
        leg.set_music(False)
    elif not source.url:
        await leg.wait(until=changed)
    else:
        await _run(exchange, leg, changed, _over_and_over(exchange, leg, source), source)


async def _over_and_over(exchange: Exchange, leg: Leg, source: Source) -> None:
    stage = Stage(exchange, leg, Place.HOLD)
    while True:
        await stage.perform(source)


async def _run(
    exchange: Exchange,
    leg: Leg,
    condition: Callable[[], bool],
    work: Awaitable[Any],
    source: Source,
) -> None:
    """Carry out a document beside the room; a faulty one leaves silence."""
    try:
        await leg.run_until(condition, work)
    except ApplicationError:
        exchange.warn(leg, source.url, "error 11200: nothing to play")
        await leg.wait(until=condition)


def _join(exchange: Exchange, room: Conference, participant: Participant) -> None:
    leg = participant.leg
    if participant not in room.participants:
        room.participants.append(participant)
    participant.status = "connected"
    leg.room = room
    tell(exchange, room, "participant-join", participant)
    if participant.beeps in {"true", "onEnter"}:
        for other in room.connected:
            if other is not participant and room.status == "in-progress" and not other.hold:
                other.leg.hear("beep")
    present = room.connected
    if room.status == "init" and len(present) > 1 and any(p.starts for p in present):
        room.status, room.updated = "in-progress", exchange.clock.now()
        tell(exchange, room, "conference-start", participant)
        if room.wishes.record:
            _record(exchange, room, room.wishes)
        _wake(room)
    _show(exchange, room)


def leave(exchange: Exchange, room: Conference, participant: Participant, reason: str) -> None:
    """Take a participant out; the room may end with it. Nothing happens when they had left."""
    if participant.left:
        return
    was_in = participant.status == "connected"
    participant.left, participant.status = reason, "complete"
    room.participants.remove(participant)
    tell(exchange, room, "participant-leave", participant)
    participant.leg.bell.ring()
    # Who is left alone sees that nobody is at the other end any more.
    _show(exchange, room)
    kicked = reason == "kicked"
    if participant.ends and was_in:
        ending = "kicked" if kicked else "left"
        end(exchange, room, f"participant-with-end-conference-on-exit-{ending}", participant)
    elif not room.participants:
        end(
            exchange,
            room,
            "last-participant-kicked" if kicked else "last-participant-left",
            participant,
        )


def end(exchange: Exchange, room: Conference, reason: str, by: Participant | None = None) -> None:
    """End a conference for everybody in it."""
    if room.over:
        return
    room.status, room.reason, room.ended_by = "completed", reason, by
    room.updated = exchange.clock.now()
    del exchange.open_rooms[room.name]
    for participant in list(room.participants):
        if participant.status != "connected":
            # Still ringing: there is nothing left to join.
            participant.leg.interrupt(HungUp())
        leave_with_room(exchange, room, participant, _ENDED.get(reason, HUNG_UP))
    for recording in exchange.recordings.values():
        if recording.conference is room:
            recordings.stop(exchange, recording)
    tell(exchange, room, "conference-end", by)


def leave_with_room(
    exchange: Exchange, room: Conference, participant: Participant, reason: str
) -> None:
    """Take one out of a room that ends anyway."""
    participant.left, participant.status = reason, "complete"
    room.participants.remove(participant)
    tell(exchange, room, "participant-leave", participant)
    participant.leg.bell.ring()


def set_muted(exchange: Exchange, room: Conference, participant: Participant, on: bool) -> None:
    """Mute or unmute."""
    if participant.muted != on:
        participant.muted = on
        tell(exchange, room, "participant-mute" if on else "participant-unmute", participant)


def set_hold(
    exchange: Exchange, room: Conference, participant: Participant, on: bool, source: Source | None
) -> None:
    """Put on hold, with something to listen to, or take off again."""
    participant.hold_source = source if on else None
    if participant.hold != on:
        participant.hold = on
        tell(exchange, room, "participant-hold" if on else "participant-unhold", participant)
        _wake(room)
        _show(exchange, room)


def _show(exchange: Exchange, room: Conference) -> None:
    for participant in room.connected:
        exchange.show(participant.leg)


def _wake(room: Conference) -> None:
    for participant in room.connected:
        participant.leg.bell.ring()


def _record(exchange: Exchange, room: Conference, wishes: Wishes) -> None:
    now = exchange.clock.now()
    recordings.start(
        exchange,
        Recording(
            sid=exchange.store.new_sid("RE"),
            source="Conference",
            created=now,
            updated=now,
            conference=room,
            callback=wishes.recording_callback,
            callback_method=wishes.recording_method,
            callback_events=wishes.recording_events,
        ),
    )


def tell(exchange: Exchange, room: Conference, event: str, participant: Participant | None) -> None:
    """Tell the hub of an event of a conference, if the first participant asked for it."""
    if not room.wishes.callback or _WORDS[event] not in room.wishes.events:
        return
    fields: Fields = [
        ("ConferenceSid", room.sid),
        ("FriendlyName", room.name),
        ("AccountSid", exchange.account_sid),
        ("SequenceNumber", str(room.events_told)),
        ("Timestamp", exchange.timestamp()),
        ("StatusCallbackEvent", event),
    ]
    room.events_told += 1
    if event == "conference-end":
        fields += _end_fields(room)
    elif participant is not None:
        fields += _participant_fields(participant)
        if event == "participant-leave":
            reason = UPDATED if participant.left == "kicked" else participant.left
            status = participant.leg.status if reason != HUNG_UP else "completed"
            fields += [("ParticipantCallStatus", status), ("ReasonParticipantLeft", reason)]
    exchange.tell(
        "conference",
        event,
        participant.leg if participant is not None else None,
        fields,
        room.wishes.callback,
        method=room.wishes.method,
        after=room.sid,
    )


def _participant_fields(participant: Participant) -> Fields:
    def word(value: bool) -> str:
        return "true" if value else "false"

    fields = [
        ("CallSid", participant.leg.sid),
        ("Muted", word(participant.muted)),
        ("Hold", word(participant.hold)),
        ("Coaching", word(participant.coaching)),
        ("EndConferenceOnExit", word(participant.ends)),
        ("StartConferenceOnEnter", word(participant.starts)),
    ]
    if participant.coaches:
        fields.append(("CallSidToCoach", participant.coaches))
    if participant.label:
        fields.append(("ParticipantLabel", participant.label))
    return fields


def _end_fields(room: Conference) -> Fields:
    fields = [("ReasonConferenceEnded", room.reason), ("Reason", _in_words(room.reason))]
    if room.ended_by is not None:
        fields.append(("CallSidEndingConference", room.ended_by.leg.sid))
        if room.ended_by.label:
            fields.append(("ParticipantLabelEndingConference", room.ended_by.label))
    return fields


def _in_words(reason: str) -> str:
    return {
        "conference-ended-via-api": "Conference ended via API",
        "last-participant-kicked": "Last participant was kicked",
        "last-participant-left": "Last participant left",
        "participant-with-end-conference-on-exit-kicked": (
            "Participant with endConferenceOnExit was kicked"
        ),
        "participant-with-end-conference-on-exit-left": (
            "Participant with endConferenceOnExit left"
        ),
    }[reason]
