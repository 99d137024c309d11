"""Publishing: after commit, without waiting, from any thread of any process.

The channel layer is asynchronous and its connections belong to one event loop. Each process keeps
one such loop on a thread of its own; publishing hands the event over and goes on. A lost event is
no lost data: sockets catch up by revision (invariant 3).

Where the process listens itself, its own listeners get the event straight away, and what comes back
from Redis is passed over: the way there and back took 3 ms of a text's way to the screen.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future

import structlog
from channels.layers import channel_layers
from django.db import transaction

from hub.realtime.events import Event

GROUP = "events"
log = structlog.get_logger(__name__)

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None

TakeOwn = Callable[[Event], str]
_take_own: TakeOwn | None = None


def hand_own_events_to(take: TakeOwn | None) -> None:
    """Have this process's events handed to `take`, besides Redis; None ends that.

    `take` returns the name by which the process's subscription knows that it has had the event,
    or nothing if it did not take it. It is called from any thread.
    """
    global _take_own
    _take_own = take


def publish_on_commit(event: Event) -> None:
    """Publish `event` once the running transaction is committed (at once, if there is none)."""
    transaction.on_commit(lambda: publish(event), robust=True)


def publish(event: Event) -> "Future[None]":
    """Hand `event` to every process's subscription; returns at once."""
    take = _take_own
    sender = take(event) if take is not None else ""
    return asyncio.run_coroutine_threadsafe(_send(event, sender), publishing_loop())


def publishing_loop() -> asyncio.AbstractEventLoop:
    """Return this process's publishing loop, started on first use (never before a fork)."""
    global _loop
    with _lock:
        if _loop is None or _loop.is_closed():
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="publish", daemon=True).start()
        return _loop


async def _send(event: Event, sender: str) -> None:
    layer = channel_layers["default"]
    try:
        await layer.group_send(GROUP, event.to_message() | {"sender": sender})
    except Exception:
        # Redis is away: the database has it, and sockets catch up when the subscription is back.
        log.warning("publish_failed", kind=event.name, exc_info=True)
