"""Sends signed texts at a rate and times when their frame reaches a websocket."""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import websockets
from twilio.request_validator import RequestValidator

#: Each text carries its number as a word that a frame can be searched for.
MARK = re.compile(r"bench-(\d+)-")
PATIENTS = 400
#: Seconds for a frame that is late; after them it is lost.
LATE = 10.0
#: Seconds that a run may take beyond its own, so that a server that hangs ends the bench.
LIMIT = 120.0


@dataclass(frozen=True)
class Target:
    """A server under test."""

    url: str
    path: str
    socket: str
    account: str
    token: str
    number: str
    cookies: Sequence[str] = ("",)


@dataclass(frozen=True)
class Percentiles:
    """Of the times of one run, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    lost: int

    @classmethod
    def of(cls, seconds: list[float], lost: int) -> "Percentiles":
        """Return the percentiles of `seconds`; `lost` frames never came.

        Raises:
            RuntimeError: none came at all.
        """
        if not seconds:
            raise RuntimeError("not one frame came")
        ordered = sorted(seconds)

        def at(share: float) -> float:
            return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 2)

        return cls(at(0.50), at(0.95), at(0.99), lost)


class Listeners:
    """Open websockets; remembers when each marked text came to the last of them."""

    def __init__(self, target: Target, count: int) -> None:
        self.target = target
        self.count = count
        self.arrived: list[dict[int, float]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: list[websockets.ClientConnection] = []

    async def __aenter__(self) -> "Listeners":
        for start in range(0, self.count, 50):
            opened = await asyncio.gather(
                *(self._open(i) for i in range(start, min(start + 50, self.count)))
            )
            self._sockets += opened
        for socket in self._sockets:
            seen: dict[int, float] = {}
            self.arrived.append(seen)
            self._tasks.append(asyncio.create_task(self._listen(socket, seen)))
        # What opening so many sets off (who is present, counts) is over by then.
        await asyncio.sleep(1.5 + self.count / 500)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(s.close() for s in self._sockets), return_exceptions=True)

    async def _open(self, index: int) -> websockets.ClientConnection:
        target = self.target
        cookie = target.cookies[index % len(target.cookies)]
        headers = {"Cookie": cookie} if cookie else {}
        return await websockets.connect(
            target.url.replace("http", "ws", 1) + target.socket,
            additional_headers=headers,
            origin=target.url,  # type: ignore[arg-type]
            compression=None,
            max_queue=None,
            ping_interval=None,
        )

    async def _listen(self, socket: websockets.ClientConnection, seen: dict[int, float]) -> None:
        async for frame in socket:
            now = time.perf_counter()
            for mark in MARK.findall(str(frame)):
                seen.setdefault(int(mark), now)


class Sender:
    """A few kept connections that post signed forms."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.validator = RequestValidator(target.token)
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )
        self._host = urlsplit(target.url).netloc

    async def open(self, connections: int = 16) -> None:
        """Open the connections."""
        host, _, port = self._host.partition(":")
        for _n in range(connections):
            self._free.put_nowait(await asyncio.open_connection(host, int(port)))

    def close(self) -> None:
        """Close them."""
        while not self._free.empty():
            self._free.get_nowait()[1].close()

    def request(self, number: int) -> bytes:
        """Return the bytes of the text with this number."""
        target = self.target
        fields = {
            "MessageSid": f"SM{number:032x}",
            "AccountSid": target.account,
            "From": f"+1555017{number % PATIENTS:04d}",
            "To": target.number,
            "Body": f"bench-{number}- I ran out of my tablets",
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        body = urlencode(fields).encode()
        signature = self.validator.compute_signature(target.url + target.path, fields)
        head = (
            f"POST {target.path} HTTP/1.1\r\nHost: {self._host}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"X-Twilio-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def post(self, request: bytes) -> float:
        """Send one request; return when it was sent. Raises for any answer but 2xx."""
        reader, writer = await self._free.get()
        sent = time.perf_counter()
        writer.write(request)
        status = await reader.readline()
        length = 0
        while (line := await reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        await reader.readexactly(length)
        self._free.put_nowait((reader, writer))
        if not status.split()[1].startswith(b"2"):
            raise RuntimeError(f"answered {status!r}")
        return sent


async def run(
    target: Target, *, rate: int, seconds: float, listeners: int, first: int
) -> Percentiles:
    """Send `rate` texts a second; return the times until the last listener had their frame.

    Raises:
        RuntimeError: a text was not answered 2xx.
        TimeoutError: the server hangs.
    """
    async with asyncio.timeout(seconds + LIMIT):
        return await _run(target, rate, seconds, listeners, first)


async def _run(
    target: Target, rate: int, seconds: float, listeners: int, first: int
) -> Percentiles:
    sender = Sender(target)
    await sender.open()
    count = int(rate * seconds)
    requests = [sender.request(first + i) for i in range(count)]
    sent: dict[int, float] = {}

    async def post(i: int) -> None:
        sent[first + i] = await sender.post(requests[i])

    async with Listeners(target, listeners) as heard:
        start = time.perf_counter()
        posts = []
        for i in range(count):
            await asyncio.sleep(max(0.0, start + i / rate - time.perf_counter()))
            posts.append(asyncio.create_task(post(i)))
        await asyncio.gather(*posts)
        watched = heard.arrived[-1]
        for _look in range(int(LATE / 0.05)):
            if sent.keys() <= watched.keys():
                break
            await asyncio.sleep(0.05)
    sender.close()
    times = [watched[n] - at for n, at in sent.items() if n in watched]
    return Percentiles.of(times, count - len(times))


async def fan_out(target: Target, *, listeners: int, events: int, first: int) -> float:
    """Return the median time, in milliseconds, until the last of `listeners` had an event.

    Raises:
        RuntimeError: a text was not answered 2xx, or a frame was lost.
        TimeoutError: the server hangs.
    """
    async with asyncio.timeout(events * LATE + LIMIT):
        return await _fan_out(target, listeners, events, first)


async def _fan_out(target: Target, listeners: int, events: int, first: int) -> float:
    lasts = []
    async with Listeners(target, listeners) as heard:
        for i in range(events):
            number = first + i
            sender = Sender(target)
            await sender.open(1)  # anew: the server hangs up on whoever says nothing for long
            sent = await sender.post(sender.request(number))
            sender.close()
            deadline = time.perf_counter() + LATE
            while time.perf_counter() < deadline:
                if all(number in seen for seen in heard.arrived):
                    break
                await asyncio.sleep(0.005)
            arrived = [seen[number] for seen in heard.arrived if number in seen]
            if len(arrived) < listeners:
                raise RuntimeError(f"{listeners - len(arrived)} sockets never had the event")
            lasts.append((max(arrived) - sent) * 1000)
            await asyncio.sleep(0.6)
    return round(sorted(lasts)[len(lasts) // 2], 1)
