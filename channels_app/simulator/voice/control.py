"""The voice part of the control API: what phones do in calls, and the state of everything.

Below ``/simulator``:

==========================================  =====================================================
``GET  /voice/state``                       calls, conferences, queues, recordings, devices
``POST /phones/{e164}/dial`` ``to``         call a number of the account (``anonymous``: true)
``POST /phones/{e164}/answer``              pick up
``POST /phones/{e164}/reject``              turn the ringing call down (busy)
``POST /phones/{e164}/hang-up``             end the call
``POST /phones/{e164}/press`` ``digits``    press keys
``POST /phones/{e164}/say`` ``text``        speak: for a Gather, a recording, or to the room
``POST /phones/{e164}/line`` ``behaviour``  what it does when called, and ``after`` how long
``GET  /phones/{e164}/call``                the latest call, or that of ``?sid=``, with its
                                            transcript (``?after=n``: the lines behind that one)
``GET  /phones/{e164}/calls``               all its calls, oldest first, without transcripts
==========================================  =====================================================
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..requests import Refused, e164_of, fields_of
from . import calling
from .leg import HungUp, Leg
from .lines import UnknownBehaviour
from .views import show_all, show_leg, show_line

if TYPE_CHECKING:
    from ..simulator import Simulator

KEYS = frozenset("0123456789*#")
LONGEST_TEXT = 2_000

Answer = Callable[[Request], Awaitable[Response]]


class VoiceControl:
    """What the control API can do with calls."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def listed(self) -> list[tuple[str, str, Answer]]:
        """Method, path and answer of each of its entries."""
        return [
            ("GET", "/voice/state", self.state),
            ("POST", "/phones/{e164}/dial", self.dial),
            ("POST", "/phones/{e164}/answer", self.answer),
            ("POST", "/phones/{e164}/reject", self.reject),
            ("POST", "/phones/{e164}/hang-up", self.hang_up),
            ("POST", "/phones/{e164}/press", self.press),
            ("POST", "/phones/{e164}/say", self.say),
            ("POST", "/phones/{e164}/line", self.line),
            ("GET", "/phones/{e164}/call", self.call),
            ("GET", "/phones/{e164}/calls", self.calls),
        ]

    async def state(self, request: Request) -> Response:
        """Everything at once; with ``?live=yes`` only the calls and rooms that are not over."""
        live = request.query_params.get("live") == "yes"
        return JSONResponse(show_all(self.simulator.exchange, live=live))

    async def dial(self, request: Request) -> Response:
        """A phone calls ``to``, by default the account's first number."""
        fields = await fields_of(request)
        to = str(fields.get("to") or next(iter(self.simulator.store.numbers)))
        try:
            leg = calling.dial_from_phone(
                self.simulator.exchange,
                self._phone(request),
                to,
                anonymous=fields.get("anonymous") is True,
            )
        except calling.NumberNotInService:
            raise Refused("the number is not in service", 404) from None
        except calling.LineBusy:
            raise Refused("the phone is in a call", 409) from None
        return JSONResponse(show_leg(leg), 201)

    async def answer(self, request: Request) -> Response:
        """Pick up."""
        leg = self._leg(request)
        if leg.status not in {"queued", "ringing"} or leg.direction == "inbound":
            raise Refused("nothing rings", 409)
        leg.decide("answered")
        return JSONResponse(show_leg(leg))

    async def reject(self, request: Request) -> Response:
        """Turn a ringing call down."""
        leg = self._leg(request)
        if leg.live or leg.direction == "inbound":
            raise Refused("nothing rings", 409)
        leg.decide("busy")
        return JSONResponse(show_leg(leg))

    async def hang_up(self, request: Request) -> Response:
        """End the call."""
        leg = self._leg(request)
        if leg.live or leg.direction == "inbound":
            leg.interrupt(HungUp())
        else:
            leg.decide("busy")
        return JSONResponse(show_leg(leg))

    async def press(self, request: Request) -> Response:
        """Press keys."""
        digits = str((await fields_of(request)).get("digits", ""))
        if not digits or set(digits) - KEYS:
            raise Refused("digits are 0 to 9, * and #")
        leg = self._live(request)
        leg.press(digits)
        return JSONResponse(show_leg(leg))

    async def say(self, request: Request) -> Response:
        """Speak."""
        text = (await fields_of(request)).get("text")
        if not isinstance(text, str) or not text or len(text) > LONGEST_TEXT:
            raise Refused("text is what is said, 2,000 characters at most")
        leg = self._live(request)
        leg.speak(text)
        return JSONResponse(show_leg(leg))

    async def line(self, request: Request) -> Response:
        """What a phone does when it is called."""
        fields, e164 = await fields_of(request), self._phone(request)
        lines = self.simulator.exchange.lines
        try:
            after = float(fields.get("after", 1))
            lines.behave(e164, str(fields.get("behaviour")), after)
        except (UnknownBehaviour, ValueError, TypeError) as error:
            raise Refused(str(error)) from None
        self.simulator.events.publish("line", phone=e164, line=lines.show(e164))
        return JSONResponse(lines.show(e164))

    async def call(self, request: Request) -> Response:
        """A phone's latest call, or that of ``sid``, and its transcript after line ``after``."""
        e164, exchange = self._phone(request), self.simulator.exchange
        leg, line = exchange.lines.call_of(e164), exchange.lines.show(e164)
        if sid := request.query_params.get("sid"):
            leg = exchange.legs.get(sid)
            if leg is None or leg.outside != e164:
                raise Refused("the phone had no such call", 404)
        if leg is None:
            return JSONResponse({"call": None, "state": "idle", "heard": [], "line": line})
        after = request.query_params.get("after", "0")
        first = int(after) if after.isdecimal() else 0
        heard = [show_line(h) for h in leg.heard if h.number > first]
        shown: dict[str, Any] = show_leg(leg)
        return JSONResponse({"call": shown, "state": shown["state"], "heard": heard, "line": line})

    async def calls(self, request: Request) -> Response:
        """The calls that a phone made, got or missed."""
        e164, legs = self._phone(request), self.simulator.exchange.legs.values()
        return JSONResponse({"calls": [show_leg(leg) for leg in legs if leg.outside == e164]})

    def _phone(self, request: Request) -> str:
        return e164_of(request.path_params["e164"])

    def _leg(self, request: Request) -> Leg:
        leg = self.simulator.exchange.lines.call_of(self._phone(request))
        if leg is None or leg.hanging_up:
            raise Refused("the phone is in no call", 409)
        return leg

    def _live(self, request: Request) -> Leg:
        leg = self._leg(request)
        if not leg.live:
            raise Refused("the call is not connected", 409)
        return leg
