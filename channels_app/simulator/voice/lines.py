"""What a called phone does: ring, answer by itself, be busy, be a machine, be out of reach."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .. import magic_numbers
from ..clock import Clock
from .leg import Leg

#: What a phone can be told to do when it is called.
BEHAVIOURS = ("rings", "answers", "machine", "busy", "no-answer", "fails", "off")
#: Endings of +1555 numbers that always behave the same way.
_MAGIC = {"0101": "busy", "0102": "no-answer", "0103": "machine", "0104": "fails"}


class UnknownBehaviour(Exception):
    """A phone cannot do that."""


@dataclass(frozen=True)
class Line:
    """How one phone behaves when it is called.

    ``answers`` and ``machine`` pick up after so many seconds; ``rings`` waits for its owner.
    """

    behaviour: str = "rings"
    after: float = 1.0


@dataclass(frozen=True)
class Plan:
    """What becomes of one ringing: a verdict, after how long, and whether it rings at all."""

    verdict: str = ""
    after: float = 0
    rings: bool = True
    machine: bool = False


class Lines:
    """How each phone behaves, and which call it has in hand."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._set: dict[str, Line] = {}
        #: The latest call of each phone.
        self._calls: dict[str, Leg] = {}

    def behave(self, e164: str, behaviour: str, after: float = 1.0) -> Line:
        """Tell a phone what to do from now on.

        Raises:
            UnknownBehaviour: for another word, or a time outside 0 to 600 seconds.
        """
        if behaviour not in BEHAVIOURS:
            raise UnknownBehaviour("behaviour is one of " + ", ".join(BEHAVIOURS))
        if not 0 <= after <= 600:
            raise UnknownBehaviour("after is between 0 and 600 seconds")
        self._set[e164] = Line(behaviour, after)
        return self._set[e164]

    def line(self, e164: str) -> Line:
        """How a phone behaves now; some numbers always behave the same."""
        magic = _MAGIC.get(magic_numbers.ending(e164))
        return self._set.get(e164) or Line(magic or "rings")

    def show(self, e164: str) -> dict[str, Any]:
        """How a phone behaves, for the control API."""
        return asdict(self.line(e164))

    def call_of(self, e164: str) -> Leg | None:
        """The phone's latest call, over or not."""
        return self._calls.get(e164)

    def take(self, leg: Leg) -> None:
        """The phone has this call in hand."""
        self._calls[leg.outside] = leg

    def plan(self, leg: Leg) -> Plan:
        """What this phone makes of being called now."""
        current = self.call_of(leg.outside)
        line = self.line(leg.outside)
        if line.behaviour in {"off", "fails"}:
            return Plan("failed", rings=False)
        if line.behaviour == "busy" or (current and current is not leg and not current.over):
            return Plan("busy", after=0.5)
        if line.behaviour in {"answers", "machine"}:
            return Plan("answered", line.after, machine=line.behaviour == "machine")
        return Plan()
