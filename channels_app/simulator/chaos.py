"""A network that misbehaves on request, the same way each time for the same seed."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from typing import Any


class UnknownKnob(Exception):
    """A knob that does not exist, or a value outside its range."""


@dataclass
class Knobs:
    """What goes wrong, how often. Chances are 0 to 1; all are off by default."""

    #: Each webhook waits this long first (ms).
    delay_ms: float = 0
    #: A webhook arrives twice, with the same idempotency token.
    duplicate_p: float = 0
    #: A webhook is held back until the next one of the same phone has gone.
    reorder_p: float = 0
    #: A status callback is never sent.
    drop_p: float = 0
    #: An inbound text never reaches the hub.
    drop_inbound_p: float = 0
    #: An attempt carries a signature made with another key.
    bad_signature_p: float = 0
    #: A REST request is carried out at once and answered so much later (ms, by the wall clock,
    #: as the caller's time-out is).
    rest_delay_ms: float = 0
    #: A REST request is answered 429 with Retry-After, and does nothing.
    rest_429_p: float = 0
    #: A REST request is answered 500 or 503, and does nothing.
    rest_5xx_p: float = 0
    #: A REST request that changes something does it, and the connection is cut unanswered.
    ambiguous_p: float = 0
    #: Seconds from accepted to sent.
    sent_delay: float = 0.15
    #: Seconds from sent to the carrier's delivery report.
    dlr_delay: float = 0.4
    #: The carrier reports undelivered (30008).
    undelivered_p: float = 0
    #: A question for TwiML is asked twice with one idempotency token, as after a lost answer; the
    #: second answer counts.
    repeat_question_p: float = 0
    #: How long speech lasts, times its usual length; 0 is at once.
    speech_factor: float = 1
    #: The same for what is played to those who wait or are on hold: where speech takes no time,
    #: music should, or they ask for more of it each second.
    music_factor: float = 1
    #: Seconds from "initiated" to "ringing".
    dial_delay: float = 0.1
    #: Seconds that Twilio adds to every ``Timeout`` of ringing.
    ring_buffer: float = 5
    #: Seconds from the end of a recording until it can be fetched and its callback leaves.
    recording_delay: float = 1.5


class Chaos:
    """The knobs, and the seeded dice that decide."""

    def __init__(self) -> None:
        self.reset()

    def reset(self, seed: int | None = None) -> None:
        """All knobs back, and the dice as new."""
        self.knobs = Knobs()
        self.seed(seed)

    def seed(self, seed: int | None) -> None:
        """Start the dice again; the same seed gives the same throws.

        Each knob has a die of its own, so that turning one does not change what another does.
        """
        base = random.Random(seed).getrandbits(64)
        self._dice = {f.name: random.Random(f"{base}:{f.name}") for f in fields(Knobs)}

    def turn(self, changes: dict[str, Any]) -> None:
        """Set knobs by name (``seed`` too); those not named stay.

        Raises:
            UnknownKnob: for a name or a value that cannot be.
        """
        known = {f.name for f in fields(Knobs)}
        for name, value in changes.items():
            if name == "seed":
                if value is not None and not isinstance(value, int):
                    raise UnknownKnob("seed is a whole number")
                continue
            if name not in known:
                raise UnknownKnob(f"there is no knob {name}")
            highest = 1.0 if name.endswith("_p") else 60_000.0
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UnknownKnob(f"{name} is a number")
            if not 0 <= value <= highest:
                raise UnknownKnob(f"{name} is between 0 and {highest:g}")
        if "seed" in changes:
            self.seed(changes["seed"])
        for name, value in changes.items():
            if name != "seed":
                setattr(self.knobs, name, value)

    def happens(self, name: str) -> bool:
        """Throw the dice of the chance called ``name``."""
        chance: float = getattr(self.knobs, name)
        return chance > 0 and self._dice[name].random() < chance

    def pick(self, name: str, choices: tuple[int, ...]) -> int:
        """Choose among values with the dice of ``name``."""
        return self._dice[name].choice(choices)

    def as_dict(self) -> dict[str, float]:
        """The knobs by name."""
        return asdict(self.knobs)
