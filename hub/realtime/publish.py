"""Publishing: after commit, without waiting, from any thread of any process.

The channel layer is asynchronous and its connections belong to one event loop. Each process keeps
one such loop on a thread of its own; publishing hands the event over and goes on. A lost event is
no lost data: sockets catch up by revision (invariant 3).
"""

import asyncio
import threading
from concurrent.futures import Future

import structlog
from channels.layers import channel_layers
from django.db import transaction

from hub.realtime.events import Event

GROUP = "events"
log = structlog.get_logger(__name__)

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def publish_on_commit(event: Event) -> None:
    """Publish `event` once the running transaction is committed (at once, if there is none)."""
    transaction.on_commit(lambda: publish(event), robust=True)


def publish(event: Event) -> "Future[None]":
    """Hand `event` to every process's subscription; returns at once."""
    return asyncio.run_coroutine_threadsafe(_send(event), publishing_loop())


def publishing_loop() -> asyncio.AbstractEventLoop:
    """Return this process's publishing loop, started on first use (never before a fork)."""
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="publish", daemon=True).start()
        return _loop


async def _send(event: Event) -> None:
    layer = channel_layers["default"]
    try:
        await layer.group_send(GROUP, event.to_message())
    except Exception:
        # Redis is away: the database has it, and sockets catch up when the subscription is back.
        log.warning("publish_failed", kind=event.name, exc_info=True)
