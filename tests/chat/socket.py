"""A visitor's end of the websocket, in the test's own process."""

import asyncio
import json
from contextlib import suppress
from typing import Any, Self

from asgiref.testing import ApplicationCommunicator

from channels_app.chat.consumer import ChatConsumer
from tests.chat.conftest import OWN_ORIGIN, Visitor


class Closed(Exception):
    """The hub closed the socket."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Socket:
    """Speaks to /chat/socket; `async with` it, so that it is closed."""

    def __init__(self, origin: str | None = OWN_ORIGIN, host: str = "testserver") -> None:
        headers = [(b"host", host.encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        self.ends = ApplicationCommunicator(
            ChatConsumer.as_asgi(),
            {
                "type": "websocket",
                "path": "/chat/socket",
                "headers": headers,
                "client": ("192.0.2.7", 5000),
                "query_string": b"",
            },
        )

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self) -> None:
        await self.ends.send_input({"type": "websocket.connect"})
        answer = await self.ends.receive_output(5)
        if answer["type"] != "websocket.accept":
            raise Closed(answer.get("code", 403))

    async def close(self) -> None:
        await self.ends.send_input({"type": "websocket.disconnect", "code": 1001})
        with suppress(TimeoutError, asyncio.CancelledError):
            await self.ends.wait(5)

    async def hello(self, visitor: Visitor, after: int = 0) -> dict[str, Any]:
        await self.send(type="hello", token=visitor.token, site=visitor.site, after=after)
        return await self.next("lines")

    async def send(self, **frame: Any) -> None:
        await self.raw(json.dumps(frame))

    async def raw(self, text: str) -> None:
        await self.ends.send_input({"type": "websocket.receive", "text": text})

    async def frame(self, seconds: float = 5) -> dict[str, Any]:
        answer = await self.ends.receive_output(seconds)
        if answer["type"] == "websocket.close":
            raise Closed(answer.get("code", 1000))
        frame: dict[str, Any] = json.loads(answer["text"])
        return frame

    async def next(self, kind: str) -> dict[str, Any]:
        """Return the next frame of that type, whatever comes before it."""
        while True:
            frame = await self.frame()
            if frame["type"] == kind:
                return frame

    async def line(self, text: str) -> dict[str, Any]:
        """Return the line that says `text`, once it is pushed."""
        while True:
            for line in (await self.next("lines"))["lines"]:
                if line["text"] == text:
                    return line

    async def is_silent(self, seconds: float = 0.3) -> bool:
        return await self.ends.receive_nothing(seconds)
