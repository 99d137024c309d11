"""Many phones and devices in one process, on asyncio: for load runs and journeys.

All phones share one socket for what they hear and one HTTP client for what they do.

>>> async with PhoneBank("http://127.0.0.1:8001") as bank:
...     ana = bank.phone("+15550101001")
...     await ana.dial("+15550100100")
...     await ana.until_heard("press 1")
...     await ana.press("1")
...     await ana.until("bridged", seconds=60)
...     await ana.hang_up()
>>> async with AsyncDevice(url, token, origin) as agent:
...     sid = await agent.accept(seconds=60)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .headless import ControlRefused, NothingArrived
from .headless_voice import DeviceRefused

#: HTTP connections at once; a load of phones speaks in short sentences.
CONNECTIONS = 50


class ConnectionLost(Exception):
    """The socket of the simulator broke while phones were in calls."""


class News:
    """What one phone or device waits on, so that the news of others does not wake it."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        self.over = False

    def tell(self) -> None:
        """Something changed: those who wait look again."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)

    def end(self) -> None:
        """Nothing will change any more."""
        self.over = True
        self.tell()

    async def until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Wait until ``condition()`` gives something; returns it.

        Raises:
            NothingArrived: after so many real seconds.
            ConnectionLost: when nothing can come any more.
        """
        try:
            async with asyncio.timeout(seconds):
                while not (found := condition()):
                    if self.over:
                        raise ConnectionLost
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiting.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiting.discard(waiter)
                return found
        except TimeoutError:
            raise NothingArrived(f"{what}: not within {seconds:g} s") from None


class Follower:
    """Takes in what a socket brings."""

    def __init__(self, address: str, origin: str | None = None) -> None:
        self._connect = connect(address, origin=origin, proxy=None, max_size=None)  # type: ignore[arg-type]
        self._listener: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and listen."""
        self._socket = await self._connect.__aenter__()
        self._listener = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Close the connection."""
        await self._connect.__aexit__(None, None, None)
        if self._listener is not None:
            await self._listener

    async def send(self, **content: Any) -> None:
        """Send a message."""
        await self._socket.send(json.dumps(content))

    def take(self, message: dict[str, Any]) -> None:
        """Take a message in; each kind of follower does so in its own way."""
        raise NotImplementedError

    def end(self) -> None:
        """The connection is gone: tell those who wait."""
        raise NotImplementedError

    async def _listen(self) -> None:
        try:
            async for text in self._socket:
                self.take(json.loads(text))
        except ConnectionClosed:
            # Those who wait are told below.
            pass
        finally:
            self.end()


class PhoneBank(Follower):
    """All phones of one simulator."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        super().__init__(f"{self.url.replace('http', 'ws', 1)}/simulator/socket")
        limits = httpx.Limits(max_connections=CONNECTIONS)
        self._client = httpx.AsyncClient(
            base_url=self.url, trust_env=False, timeout=90, limits=limits
        )
        self._phones: dict[str, AsyncPhone] = {}

    async def __aenter__(self) -> PhoneBank:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
        await self._client.aclose()

    def phone(self, e164: str) -> AsyncPhone:
        """One phone."""
        return self._phones.setdefault(e164, AsyncPhone(self, e164))

    async def ask(self, path: str, **fields: Any) -> Any:
        """Post to the control API below ``/simulator``.

        Raises:
            ControlRefused: for any answer but 2xx.
        """
        answer = await self._client.post(f"/simulator{path}", json=fields)
        if answer.is_error:
            raise ControlRefused(f"{answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    async def state(self, *, live: bool = False) -> dict[str, Any]:
        """``GET /simulator/voice/state``; `live`: only the calls and rooms that are not over."""
        picked = {"live": "yes"} if live else {}
        found = await self._client.get("/simulator/voice/state", params=picked)
        state: dict[str, Any] = found.json()
        return state

    async def questions(self, after: int) -> list[dict[str, Any]]:
        """The questions that were asked of the hub after number `after`, oldest first."""
        picked = {"kind": "question", "after": str(after)}
        found = await self._client.get("/simulator/webhooks", params=picked)
        questions: list[dict[str, Any]] = found.json()["webhooks"]
        return questions

    def take(self, message: dict[str, Any]) -> None:
        """Pass a call's news on to its phone."""
        if message["kind"] == "call":
            phone = self._phones.get(message["call"]["phone"])
            if phone is not None:
                phone.call = message["call"]
                phone.news.tell()
        elif message["kind"] == "heard":
            phone = self._phones.get(message["phone"])
            if phone is not None:
                phone.lines.append({**message["line"], "sid": message["sid"]})
                phone.news.tell()

    def end(self) -> None:
        """The connection is gone: tell all phones."""
        for phone in self._phones.values():
            phone.news.end()


class AsyncPhone:
    """One phone of a bank.

    Attributes:
        call: its latest call, as the socket of the phone page shows it.
        lines: everything heard so far, in all its calls.
    """

    def __init__(self, bank: PhoneBank, e164: str) -> None:
        self.bank = bank
        self.e164 = e164
        self.call: dict[str, Any] = {}
        self.lines: list[dict[str, Any]] = []
        self.news = News()

    async def dial(self, to: str) -> str:
        """Call a number of the clinic; returns the CallSid at once."""
        sid: str = (await self._do("dial", to=to))["sid"]
        return sid

    async def answer(self) -> None:
        """Pick up."""
        await self._do("answer")

    async def hang_up(self) -> None:
        """End the call."""
        await self._do("hang-up")

    async def press(self, digits: str) -> None:
        """Press keys."""
        await self._do("press", digits=digits)

    async def say(self, text: str) -> None:
        """Speak."""
        await self._do("say", text=text)

    async def line(self, behaviour: str, after: float = 1.0) -> None:
        """What it does when called."""
        await self._do("line", behaviour=behaviour, after=after)

    async def until(self, state: str, seconds: float = 10) -> dict[str, Any]:
        """Wait for a state of its call, ``bridged`` among them; returns the call.

        Raises:
            NothingArrived: after so many real seconds.
        """

        def reached() -> bool:
            bridged = state == "bridged" and bool(self.call.get("bridged"))
            return self.call.get("state") == state or bridged

        await self.news.until(reached, seconds, f"phone {state}")
        return self.call

    async def until_heard(self, words: str, seconds: float = 10) -> str:
        """Wait for words in the latest call; returns the whole line.

        Raises:
            NothingArrived: after so many real seconds.
        """

        def found() -> str | None:
            sid = self.call.get("sid")
            return next(
                (x["text"] for x in self.lines if x["sid"] == sid and words in x["text"]), None
            )

        line: str = await self.news.until(found, seconds, "words")
        return line

    async def _do(self, what: str, **fields: Any) -> Any:
        return await self.bank.ask(f"/phones/{self.e164}/{what}", **fields)


class AsyncDevice(Follower):
    """An agent's device."""

    def __init__(self, url: str, token: str, origin: str | None = None) -> None:
        address = f"{url.replace('http', 'ws', 1).rstrip('/')}/simulator/device?token="
        super().__init__(address + quote(token), origin)
        self.messages: list[dict[str, Any]] = []
        self.current = ""
        self._turned_down: set[str] = set()
        self._news = News()

    async def __aenter__(self) -> AsyncDevice:
        await self.start()
        first = await self.until(lambda: self.messages[:1], 10, "ready")
        if first[0]["type"] == "error":
            await self.stop()
            raise DeviceRefused(f"{first[0]['code']}: {first[0]['message']}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def take(self, message: dict[str, Any]) -> None:
        """Keep everything."""
        self.messages.append(message)
        self._news.tell()

    def end(self) -> None:
        """The connection is gone."""
        self._news.end()

    async def until(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Wait until ``condition()`` gives something, looking again at each message.

        Raises:
            NothingArrived: after so many real seconds.
            ConnectionLost: when nothing can come any more.
        """
        return await self._news.until(condition, seconds, what)

    async def accept(self, seconds: float = 10) -> str:
        """Wait for a call that rings, take it, and return its SID once it is connected.

        Raises:
            NothingArrived: after so many real seconds.
        """
        sid: str = await self.until(self._ringing, seconds, "incoming")
        await self.send(type="accept", sid=sid)
        done = {"accepted", "cancel", "disconnect"}
        last = await self.until(lambda: self._about(sid, done), seconds, "accepted")
        if last["type"] != "accepted":
            raise NothingArrived("the call was gone")
        self.current = sid
        return sid

    async def ringing(self, seconds: float = 10) -> str:
        """Wait for a call that rings; returns its SID.

        Raises:
            NothingArrived: after so many real seconds.
        """
        sid: str = await self.until(self._ringing, seconds, "incoming")
        return sid

    async def reject(self, sid: str) -> None:
        """Turn a call down."""
        self._turned_down.add(sid)
        await self.send(type="reject", sid=sid)

    async def take_and_hear_out(self, sid: str, seconds: float) -> None:
        """Take a call that rings, and return when it is over, or was before it was taken.

        Raises:
            NothingArrived: after so many real seconds.
        """
        await self.send(type="accept", sid=sid)
        over = {"cancel", "disconnect"}
        await self.until(lambda: self._about(sid, over), seconds, "its end")

    async def wait_for(self, kind: str, sid: str = "", seconds: float = 10) -> dict[str, Any]:
        """Wait for a message of a type about a call, the one in hand by default.

        Raises:
            NothingArrived: after so many real seconds.
        """
        wanted = sid or self.current
        message: dict[str, Any] = await self.until(
            lambda: self._about(wanted, {kind}), seconds, kind
        )
        return message

    async def hang_up(self) -> None:
        """End the call in hand."""
        await self.send(type="hangup", sid=self.current)

    async def say(self, text: str) -> None:
        """Speak to the room."""
        await self.send(type="say", sid=self.current, text=text)

    def _ringing(self) -> str | None:
        """The newest call that rings and was neither taken nor called off."""
        done = {"cancel", "accepted", "disconnect"}
        over = {m.get("sid") for m in self.messages if m["type"] in done} | self._turned_down
        ringing = [m["call"]["sid"] for m in self.messages if m["type"] == "incoming"]
        return next((sid for sid in reversed(ringing) if sid not in over), None)

    def _about(self, sid: str, kinds: set[str]) -> dict[str, Any] | None:
        return next((m for m in self.messages if m["type"] in kinds and m.get("sid") == sid), None)
