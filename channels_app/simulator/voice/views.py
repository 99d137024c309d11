"""Calls, rooms and queues as the control API, the phone page and the devices show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .leg import Heard, Leg
from .model import Bridge, Conference, Queue

if TYPE_CHECKING:
    from .exchange import Exchange
    from .recordings import Recording


def show_line(line: Heard) -> dict[str, Any]:
    """One line of what a leg hears."""
    return {
        "number": line.number,
        "at": line.at.isoformat(),
        "kind": line.kind,
        "text": line.text,
        "who": line.who,
    }


def show_leg(leg: Leg) -> dict[str, Any]:
    """A call as its far end sees it."""
    return {
        "sid": leg.sid,
        "phone": leg.outside,
        "direction": leg.direction,
        "from": leg.from_,
        "to": leg.to,
        "parent": leg.parent.sid if leg.parent else None,
        "status": leg.status,
        "state": state_of(leg),
        "phase": phase_of(leg),
        "revision": leg.revision,
        "bridged": is_bridged(leg),
        "music": leg.music,
        "answered_by": leg.answered_by,
        "seconds": leg.seconds,
        "at": leg.created.isoformat(),
    }


def state_of(leg: Leg) -> str:
    """``calling`` or ``ringing``, ``connected``, ``queued``, ``ended``."""
    if leg.over:
        return "ended"
    if leg.status != "in-progress":
        return "ringing" if leg.direction != "inbound" and leg.status == "ringing" else "calling"
    return "queued" if leg.parked == "queued" else "connected"


def phase_of(leg: Leg) -> str:
    """What the far end's screen says of the call.

    ``calling``, ``ringing``, ``ended``; and once answered ``menu`` (the provider speaks or
    listens), ``recording`` (a message is taken down), ``waiting`` (in a queue, or for somebody to
    come into the room), ``talking`` or ``held``.
    """
    state = state_of(leg)
    if state in {"calling", "ringing", "ended"}:
        return state
    if state == "queued":
        return "waiting"
    if is_bridged(leg):
        return "talking"
    if isinstance(leg.room, Conference):
        me = leg.room.find(leg.sid)
        return "held" if me is not None and me.hold else "waiting"
    if any(one.running and one.source == "RecordVerb" for one in leg.recordings):
        return "recording"
    return "menu"


def is_bridged(leg: Leg) -> bool:
    """True while there is somebody at the other end: a person, not a recording or a queue."""
    if isinstance(leg.room, Bridge):
        return leg.room.open
    if not isinstance(leg.room, Conference):
        return False
    me = leg.room.find(leg.sid)
    return (
        me is not None
        and not me.hold
        and leg.room.status == "in-progress"
        and any(other is not me and not other.hold for other in leg.room.connected)
    )


def show_conference(conference: Conference) -> dict[str, Any]:
    """A room and who is in it."""
    return {
        "sid": conference.sid,
        "name": conference.name,
        "status": conference.status,
        "reason": conference.reason,
        "members": [
            {
                "sid": p.leg.sid,
                "outside": p.leg.outside,
                "label": p.label,
                "status": p.status,
                "muted": p.muted,
                "hold": p.hold,
                "coaching": p.coaching,
                "coaches": p.coaches,
                "ends": p.ends,
            }
            for p in conference.participants
        ],
    }


def show_queue(queue: Queue) -> dict[str, Any]:
    """A waiting line and who stands in it, the front first."""
    return {
        "sid": queue.sid,
        "name": queue.name,
        "max_size": queue.max_size,
        "average": queue.average,
        "members": [
            {"sid": w.leg.sid, "outside": w.leg.outside, "since": w.since.isoformat()}
            for w in queue.members
        ],
    }


def show_recording(recording: Recording) -> dict[str, Any]:
    """A recording and how far it is."""
    return {
        "sid": recording.sid,
        "status": recording.status,
        "source": recording.source,
        "channels": recording.channels,
        "seconds": recording.seconds,
        "call": recording.call_sid,
        "conference": recording.conference.sid if recording.conference else None,
    }


def show_all(exchange: Exchange, *, live: bool = False) -> dict[str, Any]:
    """Everything at once, for tests that look for contradictions; `live`: what is not over."""
    legs = exchange.legs.values()
    rooms = exchange.conferences.values()
    return {
        "calls": [show_leg(leg) for leg in legs if not (live and leg.over)],
        "conferences": [show_conference(room) for room in rooms if not (live and room.over)],
        "queues": [show_queue(queue) for queue in exchange.queues.values()],
        "recordings": [show_recording(r) for r in exchange.recordings.values()],
        "devices": exchange.devices.show(),
    }
