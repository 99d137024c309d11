"""Synthetic callers of a scene: each dials, listens, and does what its part says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from .voice import calling
from .voice.exchange import Exchange
from .voice.leg import HungUp, Leg
from .voice.views import phase_of

#: How often a caller listens whether it is their turn, and how long they wait for it at most
#: before they hang up (seconds).
GLANCE, PATIENCE = 0.25, 600.0


@dataclass(frozen=True)
class Act:
    """One thing that a caller does, ``after`` so many seconds of its turn.

    ``turn``: ``asked`` (keys are collected), ``waiting`` (the same, in the waiting line),
    ``recording``, ``talking``, or ``addressed`` (somebody in the room has spoken since).
    ``press`` keys, ``say`` words, or hang up when both are empty.
    """

    turn: str
    press: str = ""
    say: str = ""
    after: float = 1.5


@dataclass(frozen=True)
class Caller:
    """Somebody who calls ``at`` so many seconds into a scene."""

    at: float
    phone: str
    acts: tuple[Act, ...]


async def play_caller(
    exchange: Exchange, caller: Caller, number: str, speed: float, done: Callable[[], None]
) -> None:
    """Play one caller's part; ``done`` is called for each act.

    Whoever is still on the phone when the part is broken off hangs up. Only work started by the
    clock's ``spawn`` may play a part.
    """
    await exchange.clock.sleep(caller.at / speed)
    try:
        leg = calling.dial_from_phone(exchange, caller.phone, number)
    except calling.LineBusy:
        return
    heard = 0
    try:
        for act in caller.acts:
            if not await _await_turn(exchange, leg, act, heard):
                leg.interrupt(HungUp())
                return
            await exchange.clock.sleep(act.after / speed)
            _do(leg, act)
            heard = len(_words(leg))
            done()
            await exchange.clock.sleep(GLANCE)
    except asyncio.CancelledError:
        leg.interrupt(HungUp())
        raise


async def _await_turn(exchange: Exchange, leg: Leg, act: Act, heard: int) -> bool:
    clock = exchange.clock
    began = clock.now()
    while not leg.hanging_up and (clock.now() - began).total_seconds() < PATIENCE:
        if _is_turn(leg, act.turn, heard):
            return True
        await clock.sleep(GLANCE)
    return False


def _is_turn(leg: Leg, turn: str, heard: int) -> bool:
    phase = phase_of(leg)
    match turn:
        case "asked":
            return leg.collecting and phase == "menu"
        case "waiting":
            return leg.collecting and phase == "waiting"
        case "addressed":
            return phase == "talking" and len(_words(leg)) > heard
        case _:
            return phase == turn


def _words(leg: Leg) -> list[str]:
    return [line.text for line in leg.heard if line.kind == "heard"]


def _do(leg: Leg, act: Act) -> None:
    if act.press:
        leg.press(act.press)
    elif act.say:
        leg.speak(act.say)
    else:
        leg.interrupt(HungUp())
