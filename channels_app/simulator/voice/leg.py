"""One leg of a call: its state, what is said on it, and the one place where it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import Bell, Clock

if TYPE_CHECKING:
    from .recordings import Recording

#: States that a call never leaves.
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
#: Twilio ends a call after four hours.
LONGEST_CALL = 4 * 3600
#: Lines of a transcript kept for one call.
HEARD_KEPT = 500
CLIENT = "client:"


class Interrupted(Exception):
    """Somebody outside changed what a leg does; raised where the leg waits."""


class HungUp(Interrupted):
    """The call is to end; ``status`` is what becomes of it, ``by_api`` who wants it."""

    def __init__(self, status: str = "completed", *, by_api: bool = False) -> None:
        super().__init__(status)
        self.status = status
        self.by_api = by_api


@dataclass(frozen=True)
class Source:
    """Where the next TwiML comes from: a URL to ask with more fields, or a text given outright."""

    url: str = ""
    method: str = "POST"
    fields: tuple[tuple[str, str], ...] = ()
    twiml: str = ""
    label: str = "question"
    #: A question that follows an input may come at once, even while waiting in a queue.
    prompt: bool = False


class Redirected(Interrupted):
    """The call goes on with other instructions."""

    def __init__(self, source: Source) -> None:
        super().__init__("redirected")
        self.source = source


class _Stopped(Exception):
    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__("stopped")
        self.condition = condition


class Room(Protocol):
    """Where several legs hear one another."""

    def listeners(self, speaker: Leg) -> list[Leg]:
        """The legs that hear what ``speaker`` says now."""


@dataclass(frozen=True)
class Progress:
    """Where a call's events are told: ``StatusCallback`` and which events it wants."""

    url: str
    method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})


@dataclass(frozen=True)
class Detection:
    """Answering machine detection: whether to wait for the beep, and whom to tell."""

    wait_for_end: bool = False
    callback: str = ""
    method: str = "POST"
    synchronous: bool = False


@dataclass
class Heard:
    """One line of a leg's transcript: what its far end hears, presses and says.

    ``kind`` is ``say``, ``play``, ``music``, ``beep`` or ``heard``; ``pressed`` or ``said``.
    """

    number: int
    at: datetime
    kind: str
    text: str
    who: str = ""


@dataclass
class Leg:
    """One leg of a call (Twilio's Call resource).

    ``outside`` is the far end: a number in E.164 form, or ``client:`` and an agent's identity.
    """

    sid: str
    clock: Clock
    direction: str
    from_: str
    to: str
    outside: str
    created: datetime
    tell: Callable[[Leg, str, dict[str, Any]], None]
    status: str = "queued"
    parent: Leg | None = None
    #: Parameters for the device, written behind the identity: ``client:name?a=b``.
    custom: dict[str, str] = field(default_factory=dict)
    number_sid: str | None = None
    fallback_url: str = ""
    fallback_method: str = "POST"
    progress: Progress | None = None
    detection: Detection | None = None
    #: A machine picked up; nobody knows before the detection says so (``answered_by``).
    machine: bool = False
    answered_by: str | None = None
    updated: datetime | None = None
    answered: datetime | None = None
    ended: datetime | None = None
    time_limit: float = LONGEST_CALL
    queue_time: int = 0
    events_told: int = 0
    #: What the far end made of the ringing: ``answered``, ``busy``, ``no-answer`` or ``failed``.
    verdict: str = ""
    #: How the far end shows the call where it differs from its status (``queued``).
    parked: str = ""
    #: Keys pressed while somebody collects them.
    keys: list[str] = field(default_factory=list)
    collecting: bool = False
    #: Words spoken while nobody but the provider listens.
    speech: list[str] = field(default_factory=list)
    spoke_at: datetime | None = None
    heard: list[Heard] = field(default_factory=list)
    music: bool = False
    #: The far end switched its own microphone off.
    microphone_off: bool = False
    room: Room | None = None
    recordings: list[Recording] = field(default_factory=list)
    #: Called once when it has ended.
    at_end: list[Callable[[], None]] = field(default_factory=list)
    bell: Bell = field(default_factory=Bell)
    deleted: bool = False
    #: Grows with each change that pages are told of; they can tell news from what overtook it.
    revision: int = 0
    _lines: int = 0
    _interruption: Interrupted | None = None
    _stops: list[Callable[[], bool]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """True when the call has ended, however."""
        return self.status in OVER

    @property
    def live(self) -> bool:
        """True between answer and end."""
        return self.status == "in-progress"

    @property
    def identity(self) -> str:
        """The agent's identity when the far end is a device, else empty."""
        return self.outside.removeprefix(CLIENT) if self.outside.startswith(CLIENT) else ""

    @property
    def seconds(self) -> int:
        """How long the two ends have been, or were, connected."""
        if self.answered is None:
            return 0
        return round(((self.ended or self.clock.now()) - self.answered).total_seconds())

    # What others do to it -----------------------------------------------------------------------

    def interrupt(self, reason: Interrupted) -> None:
        """End the call or send it elsewhere, at the next moment that it waits."""
        if self.over or isinstance(self._interruption, HungUp):
            return
        self._interruption = reason
        self.bell.ring()

    @property
    def hanging_up(self) -> bool:
        """True from the moment that somebody hung up."""
        return self.over or isinstance(self._interruption, HungUp)

    def decide(self, verdict: str) -> None:
        """The far end answers, is busy, and so on; the first word counts."""
        if not self.verdict:
            self.verdict = verdict
            self.bell.ring()

    def press(self, keys: str) -> None:
        """The far end presses keys; nobody keeps those that nobody waits for."""
        self.note("pressed", keys)
        if self.collecting:
            self.keys.extend(keys)
            self.bell.ring()

    def speak(self, text: str) -> None:
        """The far end says something, to the room that it is in or to the provider."""
        if self.microphone_off:
            return
        self.note("said", text)
        self.spoke_at = self.clock.now()
        if self.room is not None:
            for other in self.room.listeners(self):
                other.hear("heard", text, who=self.outside)
        else:
            self.speech.append(text)
        self.bell.ring()

    def hear(self, kind: str, text: str = "", who: str = "") -> None:
        """The far end hears something."""
        self.note(kind, text, who)

    def note(self, kind: str, text: str = "", who: str = "") -> None:
        """Put a line into the transcript, and tell pages."""
        self._lines += 1
        line = Heard(self._lines, self.clock.now(), kind, text, who)
        self.heard.append(line)
        del self.heard[:-HEARD_KEPT]
        self.tell(self, "heard", {"line": line})

    def set_music(self, on: bool) -> None:
        """Music starts or stops; said once for each change."""
        if self.music != on:
            self.music = on
            self.hear("music", "on" if on else "off")

    # Where it waits -------------------------------------------------------------------------------

    async def wait(
        self, seconds: float | None = None, until: Callable[[], bool] | None = None
    ) -> bool:
        """Wait for simulated ``seconds``, or until ``until()`` holds; False when time ran out.

        Raises:
            Interrupted: when the call was ended or sent elsewhere.
        """
        now = self.clock.now()
        deadline = None if seconds is None else now + timedelta(seconds=seconds)
        while True:
            if self._interruption is not None:
                reason = self._interruption
                if isinstance(reason, Redirected):
                    self._interruption = None
                raise reason
            for condition in self._stops:
                if condition():
                    raise _Stopped(condition)
            if until is not None and until():
                return True
            limits = [deadline, self._latest_end()]
            nearest = min((limit for limit in limits if limit is not None), default=None)
            left = None if nearest is None else (nearest - self.clock.now()).total_seconds()
            if left is not None and left <= 1e-6:
                if nearest == deadline:
                    return False
                raise HungUp
            await self.clock.wait(self.bell, left)

    async def run_until(self, condition: Callable[[], bool], work: Awaitable[Any]) -> bool:
        """Carry out ``work`` until ``condition()`` holds; True when it was broken off."""
        self._stops.append(condition)
        try:
            await work
            return False
        except _Stopped as stopped:
            if stopped.condition is not condition:
                raise
            return True
        finally:
            self._stops.remove(condition)

    def _latest_end(self) -> datetime | None:
        if self.answered is None:
            return None
        return self.answered + timedelta(seconds=self.time_limit)
