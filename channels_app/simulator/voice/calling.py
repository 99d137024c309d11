"""The life of a leg: it rings, is answered, does what it is told, and ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from . import recordings
from .engine import converse
from .exchange import Exchange
from .leg import CLIENT, Detection, HungUp, Leg, Progress, Redirected, Source
from .progress import answer, tell_progress

#: Twilio's default and longest ringing, in seconds.
RING_DEFAULT, RING_LONGEST = 60, 600
#: What Twilio puts for a number that is not shown ("ANONYMOUS" on a keypad).
ANONYMOUS = "+266696687"
#: How long the machine detection listens: to a person, to a greeting's start, to its end.
_HUMAN, _MACHINE, _BEEP = 2.0, 2.5, 6.0

#: What an answering machine says, and after how long.
GREETING = "Nobody can take your call now. Please leave a message after the tone."
_GREETS_AFTER = 1.0

Work = Callable[[], Awaitable[None]]


class NumberNotInService(Exception):
    """A phone called a number that the account does not own."""


class LineBusy(Exception):
    """The phone is in a call already."""


def split_client(address: str) -> tuple[str, dict[str, str]]:
    """Part ``client:name?a=b`` into the address and the parameters for the device."""
    if not address.startswith(CLIENT):
        return address, {}
    name, _, query = address.partition("?")
    return name, dict(parse_qsl(query))


def dial_from_phone(exchange: Exchange, phone: str, number: str, *, anonymous: bool = False) -> Leg:
    """A patient dials, perhaps without showing their number.

    Raises:
        NumberNotInService: when the account has no such number.
        LineBusy: when the phone has a call in hand.
    """
    owned = exchange.store.numbers.get(number)
    if owned is None:
        raise NumberNotInService
    current = exchange.lines.call_of(phone)
    if current is not None and not current.over:
        raise LineBusy
    exchange.store.phone(phone)
    shown = ANONYMOUS if anonymous else phone
    leg = exchange.new_leg("inbound", shown, number, phone, status="ringing")
    leg.number_sid = owned.sid
    leg.fallback_url, leg.fallback_method = owned.voice_fallback_url, owned.voice_fallback_method
    if owned.status_callback:
        leg.progress = Progress(owned.status_callback, owned.status_callback_method)
    exchange.lines.take(leg)
    source = Source(owned.voice_url, owned.voice_method, label="incoming call")

    async def work() -> None:
        await converse(exchange, leg, source)

    exchange.show(leg)
    exchange.clock.spawn(_live(exchange, leg, work), standing=True)
    return leg


def place(exchange: Exchange, leg: Leg, timeout: float, work: Work) -> None:
    """Ring the far end of a new leg, and ``work`` once it has answered; returns at once."""

    async def outgoing() -> None:
        await _ring(exchange, leg, timeout + exchange.chaos.knobs.ring_buffer)
        await _detect(exchange, leg)
        await work()

    exchange.show(leg)
    exchange.clock.spawn(_live(exchange, leg, outgoing), standing=True)


async def _live(exchange: Exchange, leg: Leg, work: Work) -> None:
    """All of a leg's life; whatever happens, it ends with a status and its last event."""
    status = "completed"
    try:
        try:
            await work()
        except Redirected as moved:
            await converse(exchange, leg, moved.source)
    except HungUp as ended:
        status = ended.status
    except Exception:
        # A fault of the simulator: the hub is told as of any failed call, and the log has it.
        _end(exchange, leg, "failed")
        raise
    _end(exchange, leg, status)


def _end(exchange: Exchange, leg: Leg, status: str) -> None:
    if leg.answered is None and status == "completed":
        # Somebody gave up before it was answered: the caller, or the hub.
        status = "no-answer" if leg.direction == "inbound" else "canceled"
    if leg.answered is not None and status == "canceled":
        status = "completed"
    leg.set_music(False)
    recordings.stop_all(exchange, leg)
    leg.status, leg.ended, leg.room = status, exchange.clock.now(), None
    exchange.devices.over(leg)
    exchange.show(leg)
    tell_progress(exchange, leg, "completed")
    for tell in leg.at_end:
        tell()
    if leg.parent is not None:
        leg.parent.bell.ring()


async def _ring(exchange: Exchange, leg: Leg, seconds: float) -> None:
    """Let the far end ring; returns when it has answered.

    Raises:
        HungUp: with what became of the call instead.
    """
    tell_progress(exchange, leg, "initiated")
    await leg.wait(exchange.chaos.knobs.dial_delay)
    if leg.identity:
        if not exchange.devices.ring(leg):
            raise HungUp("no-answer")
        _start_ringing(exchange, leg)
        await leg.wait(seconds, until=lambda: bool(leg.verdict))
    else:
        await _ring_phone(exchange, leg, seconds)
    if leg.verdict != "answered":
        raise HungUp(leg.verdict or "no-answer")
    answer(exchange, leg)


async def _ring_phone(exchange: Exchange, leg: Leg, seconds: float) -> None:
    exchange.store.phone(leg.outside)
    plan = exchange.lines.plan(leg)
    if plan.verdict != "busy":
        exchange.lines.take(leg)
    if plan.rings:
        _start_ringing(exchange, leg)
    if plan.verdict and plan.after <= seconds:
        await leg.wait(plan.after, until=lambda: bool(leg.verdict))
        leg.machine = plan.machine and not leg.verdict
        leg.decide(plan.verdict)
        return
    await leg.wait(seconds, until=lambda: bool(leg.verdict))


def _start_ringing(exchange: Exchange, leg: Leg) -> None:
    leg.status = "ringing"
    exchange.show(leg)
    tell_progress(exchange, leg, "ringing")


async def _detect(exchange: Exchange, leg: Leg) -> None:
    """Find out whether a machine answered, before anything else or beside it."""
    if leg.machine:
        exchange.clock.spawn(_greet(exchange, leg))
    detection = leg.detection
    if detection is None:
        return
    if leg.machine:
        seconds = _BEEP if detection.wait_for_end else _MACHINE
        found = "machine_end_beep" if detection.wait_for_end else "machine_start"
    else:
        seconds, found = _HUMAN, "human"
    if detection.synchronous:
        await leg.wait(seconds)
        leg.answered_by = found
        return
    exchange.clock.spawn(_detect_beside(exchange, leg, detection, seconds, found))


async def _greet(exchange: Exchange, leg: Leg) -> None:
    await exchange.clock.sleep(_GREETS_AFTER)
    if leg.live:
        leg.speak(GREETING)


async def _detect_beside(
    exchange: Exchange, leg: Leg, detection: Detection, seconds: float, found: str
) -> None:
    await exchange.clock.sleep(seconds)
    if leg.over:
        return
    leg.answered_by = found
    fields = [
        ("CallSid", leg.sid),
        ("AccountSid", exchange.account_sid),
        ("AnsweredBy", found),
        ("MachineDetectionDuration", str(round(seconds * 1000))),
    ]
    if detection.callback:
        exchange.tell(
            "amd",
            "machine detection",
            leg,
            fields,
            detection.callback,
            method=detection.method,
        )
