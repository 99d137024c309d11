"""Tells the open phone pages what happened, as it happens."""

from __future__ import annotations

import asyncio
from typing import Any

#: A page that reads nothing for this many events is cut; it reloads and asks for the state anew.
QUEUE_LIMIT = 2_000


class Broadcaster:
    """One queue per open page."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def subscribe(self) -> asyncio.Queue[dict[str, Any] | None]:
        """A queue of everything published from now on; None means: too slow, come again."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(QUEUE_LIMIT)
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        """Stop filling this queue."""
        self._queues.discard(queue)

    def publish(self, kind: str, **content: Any) -> None:
        """Tell every open page."""
        for queue in list(self._queues):
            try:
                queue.put_nowait({"kind": kind, **content})
            except asyncio.QueueFull:
                self._queues.discard(queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
