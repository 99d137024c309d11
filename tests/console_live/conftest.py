"""Consoles for tests: a websocket of a logged-in person, spoken to as uvicorn speaks to it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from hub.console.consumer import ConsoleConsumer
from hub.staff.models import User

PATIENCE = 8.0
"""Seconds after which a frame that did not come will not come."""


class Console:
    """One open console tab."""

    def __init__(self, cookie: str, origin: str | None = None) -> None:
        headers = [(b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode())]
        if origin != "":
            headers.append((b"origin", (origin or settings.PUBLIC_URL).encode()))
        self.cookie = cookie
        self.scope = {
            "type": "websocket",
            "path": "/console/socket",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "query_string": b"",
            "subprotocols": [],
        }
        self.app = ApplicationCommunicator(ConsoleConsumer.as_asgi(), self.scope)
        self.close_code: int | None = None
        self.frames: list[dict[str, Any]] = []

    async def connect(self) -> "Console":
        """Shake hands; `close_code` is set where the door stays shut."""
        await self.app.send_input({"type": "websocket.connect"})
        answer = await self.app.receive_output(PATIENCE)
        if answer["type"] == "websocket.close":
            self.close_code = answer["code"]
        else:
            assert (await self.next("hello"))["user_id"]
        return self

    async def say(self, **message: Any) -> None:
        """Send a message as socket.js would."""
        await self.raw(json.dumps(message, default=str))

    async def raw(self, text: str) -> None:
        """Send any text."""
        await self.app.send_input({"type": "websocket.receive", "text": text})

    async def any(self, patience: float = PATIENCE) -> dict[str, Any] | None:
        """Return the next frame, or None once nothing came for `patience` seconds or it closed."""
        try:
            message = await self._output(patience)
        except TimeoutError:
            return None
        if message["type"] == "websocket.close":
            self.close_code = message.get("code")
            return None
        found: dict[str, Any] = json.loads(message["text"])
        self.frames.append(found)
        return found

    async def _output(self, patience: float) -> dict[str, Any]:
        # receive_output() ends the application when the time is up; here silence is an answer.
        async with asyncio.timeout(patience):
            while self.app.output_queue.empty():
                if self.app.future.done():
                    self.app.future.result()
                    raise TimeoutError
                await asyncio.sleep(0.005)
        found: dict[str, Any] = self.app.output_queue.get_nowait()
        return found

    async def next(
        self, kind: str, that: Callable[[dict[str, Any]], bool] = lambda frame: True
    ) -> dict[str, Any]:
        """Return the next frame of a kind, reading over others."""
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            frame = await self.any(left)
            if frame is None:
                break
            if frame["type"] == kind and that(frame):
                return frame
        kinds = [frame["type"] for frame in self.frames]
        raise AssertionError(f"no {kind}; came: {kinds}, closed: {self.close_code}")

    async def quiet(self, *kinds: str, seconds: float = 0.7) -> list[dict[str, Any]]:
        """Return the frames of these kinds that come within `seconds`."""
        found = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            frame = await self.any(left)
            if frame is None:
                break
            if frame["type"] in kinds:
                found.append(frame)
        return found

    async def closed(self, within: float = PATIENCE) -> int:
        """Return the code with which it was closed."""
        deadline = time.monotonic() + within
        while self.close_code is None and (left := deadline - time.monotonic()) > 0:
            await self.any(left)
        assert self.close_code is not None, "still open"
        return self.close_code

    async def open(self, conversation: UUID, revision: int = 0) -> dict[str, Any]:
        """Open a conversation and return its head frame."""
        await self.say(type="open", conversation=conversation, revision=revision)
        return await self.next("head", lambda frame: frame["conversation"] == str(conversation))

    async def leave(self) -> None:
        """Close the tab."""
        if not self.app.future.done():
            await self.app.send_input({"type": "websocket.disconnect", "code": 1001})
            await asyncio.wait({self.app.future}, timeout=PATIENCE)


@pytest_asyncio.fixture
async def consoles() -> AsyncIterator[Callable[..., Any]]:
    """Give a maker of consoles: `await consoles(user)`; they are closed at the end."""
    made: list[Console] = []

    async def make(user: User, *, origin: str | None = None, cookie: str = "") -> Console:
        console = Console(cookie or await log_in(user), origin)
        made.append(console)
        return await console.connect()

    yield make
    for console in made:
        await console.leave()


async def log_in(user: User) -> str:
    """Return the cookie of a new log-in of `user`."""

    def force() -> str:
        client = Client()
        client.force_login(user)
        return str(client.cookies[settings.SESSION_COOKIE_NAME].value)

    return await sync_to_async(force)()


@pytest.fixture
def numbers() -> Callable[[list[dict[str, Any]]], list[int]]:
    """Give a reader of the entry numbers in frames."""
    return lambda frames: [entry["number"] for frame in frames for entry in frame["entries"]]
