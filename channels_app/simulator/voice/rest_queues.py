"""The Queues resource and its Members."""

from __future__ import annotations

from email.utils import format_datetime
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response

from .. import errors
from ..errors import TwilioError
from ..paging import page_of
from ..rest import Call
from ..simulator import Simulator
from .enqueueing import find_queue, make_queue
from .exchange import VERSION
from .leg import Redirected, Source
from .model import SIZE_DEFAULT, SIZE_LARGEST, Queue, Waiting
from .rest_calls import is_web_address, whole


async def create(call: Call) -> Response:
    """Make a queue."""
    name = call.field("FriendlyName")
    if not name:
        raise TwilioError(22002, "FriendlyName is required")
    if find_queue(call.simulator.exchange, name) is not None:
        raise TwilioError(22003, f"Queue with FriendlyName {name} already exists")
    queue = make_queue(call.simulator.exchange, name, _size(call, SIZE_DEFAULT))
    return JSONResponse(as_resource(call.simulator, queue), 201)


async def list_queues(call: Call) -> Response:
    """All queues."""
    queues = list(call.simulator.exchange.queues.values())
    return page_of(call, "queues", queues, partial(as_resource, call.simulator))


async def fetch(call: Call) -> Response:
    """One queue."""
    return JSONResponse(as_resource(call.simulator, _find(call, "sid")))


async def update(call: Call) -> Response:
    """Rename a queue, or change its size."""
    queue = _find(call, "sid")
    name = call.field("FriendlyName")
    if name:
        other = find_queue(call.simulator.exchange, name)
        if other not in {None, queue}:
            raise TwilioError(22003, f"Queue with FriendlyName {name} already exists")
        queue.name = name
    queue.max_size = _size(call, queue.max_size)
    queue.updated = call.simulator.clock.now()
    return JSONResponse(as_resource(call.simulator, queue))


async def delete(call: Call) -> Response:
    """Delete an empty queue."""
    queue = _find(call, "sid")
    if queue.members:
        raise TwilioError(22006, "Queue is not empty")
    del call.simulator.exchange.queues[queue.sid]
    return Response(status_code=204)


async def list_members(call: Call) -> Response:
    """Who waits, the front first."""
    queue = _find(call, "queue")
    return page_of(call, "queue_members", queue.members, partial(_member, call.simulator, queue))


async def fetch_member(call: Call) -> Response:
    """One who waits, by CallSid or ``Front``."""
    queue, waiting = _find_member(call)
    return JSONResponse(_member(call.simulator, queue, waiting))


async def dequeue(call: Call) -> Response:
    """Take one out of the queue and send the call to another document."""
    queue, waiting = _find_member(call)
    url = call.field("Url")
    if not is_web_address(url):
        raise TwilioError(21205, "Url is not a valid URL")
    shown = _member(call.simulator, queue, waiting)
    source = Source(url, call.field("Method") or "POST", label="out of the queue")
    waiting.leg.interrupt(Redirected(source))
    return JSONResponse(shown)


def _size(call: Call, default: int) -> int:
    size = whole(call, "MaxSize", default)
    if not 1 <= size <= SIZE_LARGEST:
        raise TwilioError(22001, "MaxSize is between 1 and 5000")
    return size


def _find(call: Call, name: str) -> Queue:
    queue = call.simulator.exchange.queues.get(call.path[name])
    if queue is None:
        raise errors.not_found(call.request.url.path)
    return queue


def _find_member(call: Call) -> tuple[Queue, Waiting]:
    queue, key = _find(call, "queue"), call.path["member"]
    for index, waiting in enumerate(queue.members):
        if waiting.leg.sid == key or (key == "Front" and index == 0):
            return queue, waiting
    raise errors.not_found(call.request.url.path)


def as_resource(simulator: Simulator, queue: Queue) -> dict[str, Any]:
    """A queue as the 2010 API writes it."""
    account = simulator.settings.account_sid
    uri = f"/{VERSION}/Accounts/{account}/Queues/{queue.sid}"
    return {
        "sid": queue.sid,
        "account_sid": account,
        "friendly_name": queue.name,
        "current_size": len(queue.members),
        "max_size": queue.max_size,
        "average_wait_time": queue.average,
        "date_created": format_datetime(queue.created),
        "date_updated": format_datetime(queue.updated),
        "uri": f"{uri}.json",
        "subresource_uris": {"members": f"{uri}/Members.json"},
    }


def _member(simulator: Simulator, queue: Queue, waiting: Waiting) -> dict[str, Any]:
    account = simulator.settings.account_sid
    waited = simulator.clock.now() - waiting.since
    path = f"Queues/{queue.sid}/Members/{waiting.leg.sid}.json"
    return {
        "queue_sid": queue.sid,
        "call_sid": waiting.leg.sid,
        "date_enqueued": format_datetime(waiting.since),
        "position": queue.members.index(waiting) + 1,
        "wait_time": round(waited.total_seconds()),
        "uri": f"/{VERSION}/Accounts/{account}/{path}",
    }
