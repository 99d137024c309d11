"""The control API: what the phone page and the tests do with the virtual network.

JSON in, JSON out, under ``/simulator/``. It belongs to the simulator alone; the real Twilio has
nothing like it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import channels
from .carrier import NumberNotInService, TooLarge
from .chaos import UnknownKnob
from .clock import ClockNotStepped, WorkStillRunning
from .opt_out import MODES
from .requests import Refused, e164_of, fields_of
from .scenes import SCENES, UnknownScene
from .simulator import Simulator
from .views import show_message, show_phone
from .voice.control import VoiceControl
from .voice.views import show_leg
from .webhooks import describe

WEBHOOKS_SHOWN = 500

Answer = Callable[[Request], Awaitable[Response]]


class Control:
    """The control API of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def routes(self) -> list[Route]:
        """Its paths, below ``/simulator``."""
        listed: list[tuple[str, str, Answer]] = [
            ("GET", "/state", self.state),
            ("GET", "/phones", self.phones),
            ("POST", "/phones", self.open_phone),
            ("DELETE", "/phones/{e164}", self.close_phone),
            ("POST", "/phones/{e164}/send", self.send),
            ("GET", "/phones/{e164}/messages", self.thread),
            ("GET", "/messages", self.messages),
            ("GET", "/media/{sid}", self.media),
            ("GET", "/webhooks", self.webhooks),
            ("GET", "/chaos", self.chaos),
            ("POST", "/chaos", self.turn_knobs),
            ("GET", "/clock", self.clock),
            ("POST", "/clock", self.set_clock),
            ("POST", "/clock/advance", self.advance),
            ("POST", "/settle", self.settle),
            ("POST", "/hub", self.set_hub),
            ("POST", "/opt-out", self.set_opt_out),
            ("POST", "/contents", self.add_content),
            ("GET", "/scenes", self.scenes),
            ("POST", "/scenes/{name}/play", self.play),
            ("POST", "/scenes/{name}/stop", self.stop),
            ("POST", "/reset", self.reset),
            *VoiceControl(self.simulator).listed(),
        ]
        return [Route(path, _guard(answer), methods=[method]) for method, path, answer in listed]

    async def state(self, request: Request) -> Response:
        """Everything the page needs to draw itself."""
        simulator = self.simulator
        return JSONResponse(
            {
                "hub": simulator.dispatcher.hub_url,
                "numbers": list(simulator.store.numbers),
                "phones": [show_phone(simulator.store, p) for p in simulator.store.phones.values()],
                "calls": [
                    show_leg(leg) for leg in simulator.exchange.legs.values() if not leg.over
                ],
                "knobs": simulator.chaos.as_dict(),
                "clock": self._clock(),
                "opt_out": simulator.carrier.opt_out_mode,
                "scenes": [simulator.stage.show(scene) for scene in SCENES.values()],
                "webhooks": self._webhooks(12),
                "specification": simulator.specification is not None,
            }
        )

    async def phones(self, request: Request) -> Response:
        """All virtual phones."""
        store = self.simulator.store
        return JSONResponse({"phones": [show_phone(store, p) for p in store.phones.values()]})

    async def open_phone(self, request: Request) -> Response:
        """Lay a phone on the desk: ``number`` and ``label`` if given, else the next free number."""
        fields = await fields_of(request)
        e164 = fields.get("number") or self._free_number()
        phone = self.simulator.store.phone(e164_of(e164), str(fields.get("label") or ""))
        phone.on_desk = True
        shown = show_phone(self.simulator.store, phone)
        self.simulator.events.publish("phone", phone=shown)
        return JSONResponse(shown, 201)

    async def close_phone(self, request: Request) -> Response:
        """Put a phone away; its thread stays."""
        phone = self.simulator.store.phone(e164_of(request.path_params["e164"]))
        phone.on_desk = False
        self.simulator.events.publish("phone", phone=show_phone(self.simulator.store, phone))
        return Response(status_code=204)

    async def send(self, request: Request) -> Response:
        """A phone sends ``body`` and ``media`` (each ``content_type`` and ``base64``) to ``to``.

        ``channel`` is sms, whatsapp or messenger; ``to`` a number, or the id of a page.
        """
        fields = await fields_of(request)
        phone = e164_of(request.path_params["e164"])
        body = fields.get("body", "")
        if not isinstance(body, str):
            raise Refused("body is a text")
        media = [_read_media(item) for item in fields.get("media") or []]
        if not body and not media:
            raise Refused("an empty message is not sent")
        channel = fields.get("channel") or "sms"
        if channel not in channels.NAMES:
            raise Refused("channel is one of " + ", ".join(channels.NAMES))
        store = self.simulator.store
        to = fields.get("to") or next(
            iter(store.pages if channel == "messenger" else store.numbers), ""
        )
        try:
            message = self.simulator.carrier.take_from_phone(phone, str(to), body, media, channel)
        except NumberNotInService:
            raise Refused("the number is not in service", 404) from None
        except TooLarge:
            raise Refused("at most 1,600 characters, ten pictures and 5 MB") from None
        return JSONResponse(show_message(message), 201)

    async def thread(self, request: Request) -> Response:
        """What one phone has on its screen."""
        thread = self.simulator.store.thread(e164_of(request.path_params["e164"]))
        return JSONResponse({"messages": [show_message(m) for m in thread]})

    async def messages(self, request: Request) -> Response:
        """All messages, oldest first, also those that never reached a phone."""
        messages = self.simulator.store.messages.values()
        return JSONResponse({"messages": [show_message(m) for m in messages]})

    async def media(self, request: Request) -> Response:
        """A picture for the phone page."""
        media = self.simulator.store.media(request.path_params["sid"])
        if media is None:
            raise Refused("no such picture", 404)
        return media_file(media.content_type, media.content)

    async def webhooks(self, request: Request) -> Response:
        """Webhook attempts, oldest first; ``?kind=`` and ``?after=`` (a number) pick some."""
        kind = request.query_params.get("kind")
        after = request.query_params.get("after", "0")
        if not after.isdecimal():
            raise Refused("after is a number")
        return JSONResponse({"webhooks": self._webhooks(WEBHOOKS_SHOWN, kind, int(after))})

    async def chaos(self, request: Request) -> Response:
        """The knobs."""
        return JSONResponse(self.simulator.chaos.as_dict())

    async def turn_knobs(self, request: Request) -> Response:
        """Turn knobs by name; ``seed`` starts the dice again."""
        try:
            self.simulator.chaos.turn(await fields_of(request))
        except UnknownKnob as error:
            raise Refused(str(error)) from None
        knobs = self.simulator.chaos.as_dict()
        self.simulator.events.publish("knobs", knobs=knobs)
        return JSONResponse(knobs)

    async def clock(self, request: Request) -> Response:
        """The simulated time."""
        return JSONResponse(self._clock())

    async def set_clock(self, request: Request) -> Response:
        """``mode`` real (with ``factor``) or stepped."""
        fields = await fields_of(request)
        try:
            self.simulator.clock.set_mode(str(fields.get("mode")), float(fields.get("factor", 1)))
        except (ValueError, TypeError) as error:
            raise Refused(str(error)) from None
        return JSONResponse(self._clock())

    async def advance(self, request: Request) -> Response:
        """Move a stepped clock on by ``seconds``; answers when all that woke has come to rest."""
        seconds = (await fields_of(request)).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
            raise Refused("seconds is a number, 0 or more")
        try:
            await self.simulator.clock.advance(seconds)
        except (ClockNotStepped, WorkStillRunning) as error:
            raise Refused(str(error), 409) from None
        return JSONResponse(self._clock())

    async def settle(self, request: Request) -> Response:
        """Wait (at most ``seconds``) until nothing is under way any more, sleepers included."""
        seconds = float((await fields_of(request)).get("seconds", 10))
        clock = self.simulator.clock
        try:
            if clock.mode == "stepped":
                await clock.settle(seconds)
            else:
                await clock.finish(seconds)
        except WorkStillRunning as error:
            raise Refused(str(error), 409) from None
        return JSONResponse(self._clock())

    async def set_hub(self, request: Request) -> Response:
        """Turn all webhooks to the hub at ``base_url``."""
        base_url = (await fields_of(request)).get("base_url")
        if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):
            raise Refused("base_url is an http address")
        self.simulator.set_hub(base_url)
        return JSONResponse({"hub": self.simulator.dispatcher.hub_url})

    async def set_opt_out(self, request: Request) -> Response:
        """Twilio's own STOP handling: ``mode`` off, default or advanced."""
        mode = (await fields_of(request)).get("mode")
        if mode not in MODES:
            raise Refused("mode is one of " + ", ".join(MODES))
        self.simulator.carrier.opt_out_mode = mode
        return JSONResponse({"opt_out": mode})

    async def add_content(self, request: Request) -> Response:
        """Keep a content template with the words ``body``; answers its ``sid``."""
        body = (await fields_of(request)).get("body")
        if not isinstance(body, str) or not body:
            raise Refused("body is a text")
        sid = self.simulator.store.new_sid("HX")
        self.simulator.store.contents[sid] = body
        return JSONResponse({"sid": sid}, 201)

    async def scenes(self, request: Request) -> Response:
        """The scenes and how far each is."""
        stage = self.simulator.stage
        return JSONResponse({"scenes": [stage.show(scene) for scene in SCENES.values()]})

    async def play(self, request: Request) -> Response:
        """Play a scene at ``speed``, to the number ``to``."""
        fields = await fields_of(request)
        to = str(fields.get("to") or next(iter(self.simulator.store.numbers)))
        if to not in self.simulator.store.numbers:
            raise Refused("the number is not in service", 404)
        try:
            speed = float(fields.get("speed", 1))
            scene = self.simulator.stage.play(request.path_params["name"], to, speed)
        except UnknownScene:
            raise Refused("no such scene", 404) from None
        except (ValueError, TypeError) as error:
            raise Refused(str(error)) from None
        return JSONResponse(self.simulator.stage.show(scene), 201)

    async def stop(self, request: Request) -> Response:
        """Stop a scene."""
        try:
            self.simulator.stage.stop(request.path_params["name"])
        except UnknownScene:
            raise Refused("no such scene", 404) from None
        return Response(status_code=204)

    async def reset(self, request: Request) -> Response:
        """Forget everything; ``seed`` makes SIDs and dice repeatable."""
        seed = (await fields_of(request)).get("seed")
        if seed is not None and not isinstance(seed, int):
            raise Refused("seed is a whole number")
        await self.simulator.reset(seed)
        return Response(status_code=204)

    def _clock(self) -> dict[str, Any]:
        clock = self.simulator.clock
        return {"mode": clock.mode, "factor": clock.factor, "now": clock.now().isoformat()}

    def _webhooks(self, most: int, kind: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        attempts = [
            attempt
            for attempt in self.simulator.store.attempts
            if kind in {None, attempt.kind} and attempt.number > after
        ]
        return [describe(attempt) for attempt in attempts[-most:]]

    def _free_number(self) -> str:
        store = self.simulator.store
        for ending in range(143, 10_000):
            e164 = f"+1555010{ending:04}"
            if e164 not in store.phones and e164 not in store.numbers:
                return e164
        raise Refused("all numbers are taken", 409)


def media_file(content_type: str, content: bytes) -> Response:
    """A stored file, kept from running as a page whatever its type says."""
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(content, media_type=content_type, headers=headers)


def _guard(answer: Answer) -> Answer:
    async def guarded(request: Request) -> Response:
        try:
            return await answer(request)
        except Refused as error:
            return JSONResponse({"error": str(error)}, error.status)

    return guarded


def _read_media(item: Any) -> tuple[str, bytes]:
    try:
        return str(item["content_type"]), base64.b64decode(item["base64"], validate=True)
    except (TypeError, KeyError, binascii.Error):
        raise Refused("each of media has content_type and base64") from None
