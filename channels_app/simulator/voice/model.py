"""What a simulated account has of rooms and waiting lines: conferences, participants, queues."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .leg import Leg, Source

#: A queue made by ``<Enqueue>``, made over REST without a size, and the most there can be.
SIZE_ON_DEMAND = 100
SIZE_DEFAULT = 1000
SIZE_LARGEST = 5000


@dataclass(eq=False)
class Participant:
    """One leg's place in a conference."""

    leg: Leg
    created: datetime
    updated: datetime
    label: str = ""
    muted: bool = False
    hold: bool = False
    hold_source: Source | None = None
    coaching: bool = False
    coaches: str = ""
    starts: bool = True
    ends: bool = False
    beeps: str = "true"
    wait_source: Source | None = None
    announcement: Source | None = None
    #: ``queued``, ``ringing``, ``connected`` or ``complete``.
    status: str = "connected"
    #: Why it left, in Twilio's words; empty while it is in.
    left: str = ""


@dataclass(frozen=True)
class Wishes:
    """What the first participant fixes for a whole conference."""

    callback: str = ""
    method: str = "POST"
    events: frozenset[str] = frozenset()
    record: bool = False
    recording_callback: str = ""
    recording_method: str = "POST"
    recording_events: frozenset[str] = frozenset({"completed"})


@dataclass(eq=False)
class Conference:
    """A room by name; over when the last has left."""

    sid: str
    name: str
    created: datetime
    updated: datetime
    status: str = "init"
    participants: list[Participant] = field(default_factory=list)
    #: Fixed by the first participant, whatever later ones ask for.
    wishes: Wishes = field(default_factory=Wishes)
    events_told: int = 0
    reason: str = ""
    ended_by: Participant | None = None

    @property
    def over(self) -> bool:
        """True when it has ended."""
        return self.status == "completed"

    @property
    def connected(self) -> list[Participant]:
        """Those who are in, in the order in which they came."""
        return [p for p in self.participants if p.status == "connected"]

    def find(self, key: str) -> Participant | None:
        """A participant who has not left, by CallSid or label."""
        for participant in self.participants:
            if key in {participant.leg.sid, participant.label}:
                return participant
        return None

    def listeners(self, speaker: Leg) -> list[Leg]:
        """Who hears ``speaker``: all the others, unless muting, hold or coaching part them."""
        me = self.find(speaker.sid)
        if me is None or me.status != "connected" or self.status != "in-progress":
            return []
        if me.muted or me.hold:
            return []
        return [
            other.leg
            for other in self.connected
            if other is not me
            and not other.hold
            and (not me.coaching or other.leg.sid == me.coaches)
        ]


@dataclass(eq=False)
class Waiting:
    """One leg's place in a queue."""

    leg: Leg
    since: datetime
    #: Why it is no longer waiting: ``bridged``, ``leave``, ``redirected``…
    result: str = ""
    #: Who takes the call, while the two are being connected.
    taker: Leg | None = None
    #: The document that the caller hears before they are connected (``<Queue url>``).
    notice: Source | None = None
    noticed: bool = False
    #: How long the wait was, once it has ended.
    seconds: int = 0


@dataclass(eq=False)
class Queue:
    """A waiting line by name."""

    sid: str
    name: str
    max_size: int
    created: datetime
    updated: datetime
    members: list[Waiting] = field(default_factory=list)
    #: Calls that wait for somebody to take, the longest first.
    takers: list[Leg] = field(default_factory=list)
    #: Finished waits: how many, and their seconds together.
    waits: int = 0
    waited: int = 0

    def enter(self, place: Waiting) -> None:
        """Stand at the end of the line; who waits for somebody to take looks again."""
        self.members.append(place)
        for taker in self.takers:
            taker.bell.ring()

    @property
    def average(self) -> int:
        """The average of all finished waits, in seconds."""
        return round(self.waited / self.waits) if self.waits else 0


@dataclass(eq=False)
class Bridge:
    """Two legs that hear each other: ``<Dial>`` to a number, a client or a queue."""

    sides: tuple[Leg, Leg]
    open: bool = True

    def listeners(self, speaker: Leg) -> list[Leg]:
        """The other side."""
        return [leg for leg in self.sides if leg is not speaker] if self.open else []

    def close(self) -> None:
        """Part the two, and let both know."""
        self.open = False
        for leg in self.sides:
            if leg.room is self:
                leg.room = None
            leg.bell.ring()
