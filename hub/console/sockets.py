"""One open console as the live half knows it: what it shows, how far it has read, what goes out."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from hub.audit.origin import Origin

SLOW_AFTER = 200
"""A socket with more frames than this waiting is closed; its browser comes back and catches up."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Watch:
    """A conversation that stands open in a console.

    Attributes:
        revision: the client has everything up to it.
        number: the highest entry number that the person was shown.
        level: what they may do there, as last checked ("own", "read", "masked").
        is_ready: its catch-up is done; until then events only set `again`.
        again: something happened during the catch-up.
    """

    conversation_id: int
    conversation: UUID
    revision: int
    patient_id: int | None = None
    number: int = 0
    level: str = ""
    is_ready: bool = False
    again: bool = False


@dataclass(slots=True, eq=False)
class Socket:
    """One console tab's websocket, already let in.

    Frames are queued and written by a task of the socket's own: one browser that reads slowly
    delays nobody else.
    """

    user_id: int
    session_key: str
    language: str
    origin: Origin
    send: Send
    tab: UUID | None = None
    is_locked: bool = False
    watches: dict[UUID, Watch] = field(default_factory=dict)
    counts: str = ""
    interval: tuple[int, UUID] | None = None
    _waiting: deque[str] = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _close_code: int | None = None

    def push(self, text: str) -> None:
        """Queue a frame of content; a locked screen gets none, and catches up when unlocked."""
        if not self.is_locked:
            self.tell(text)

    def tell(self, text: str) -> None:
        """Queue a frame that a locked screen may have too."""
        if self._close_code is not None:
            return
        if len(self._waiting) >= SLOW_AFTER:
            self.close(1013)
            return
        self._waiting.append(text)
        self._wake.set()

    def close(self, code: int) -> None:
        """Write what is queued no more, and close with `code`."""
        if self._close_code is None:
            self._close_code = code
            self._waiting.clear()
            self._wake.set()

    @property
    def is_closing(self) -> bool:
        """Whether it was told to close."""
        return self._close_code is not None

    async def write(self) -> None:
        """Write frames as they come, until `close`."""
        while True:
            while self._waiting:
                await self.send({"type": "websocket.send", "text": self._waiting.popleft()})
            if self._close_code is not None:
                await self.send({"type": "websocket.close", "code": self._close_code})
                return
            self._wake.clear()
            await self._wake.wait()


def frame(kind: str, **fields: Any) -> str:
    """Return a frame as text. It is made once and the same text goes to everybody."""
    return json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
