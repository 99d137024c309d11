"""Queues: waiting in one, leaving it, and being taken out of it."""

from __future__ import annotations

from urllib.parse import urljoin

from .engine import ApplicationError, LeftQueue, Stage, performs, source_of
from .exchange import Exchange, Fields
from .leg import Interrupted, Redirected, Source
from .model import SIZE_ON_DEMAND, Bridge, Queue, Waiting
from .twiml_voice import Place, Verb
from .verbs import pick_up


def find_queue(exchange: Exchange, name: str) -> Queue | None:
    """The queue of this name."""
    return next((q for q in exchange.queues.values() if q.name == name), None)


def make_queue(exchange: Exchange, name: str, max_size: int) -> Queue:
    """A new queue."""
    now = exchange.clock.now()
    queue = Queue(exchange.store.new_sid("QU"), name, max_size, created=now, updated=now)
    exchange.queues[queue.sid] = queue
    return queue


@performs("Enqueue")
async def enqueue(stage: Stage, verb: Verb) -> Source | None:
    """Wait in a queue, then go to ``action`` with how that ended."""
    pick_up(stage)
    exchange, leg = stage.exchange, stage.leg
    if verb.get("workflowSid"):
        exchange.warn(leg, verb.url, "error 12200: TaskRouter is not simulated")
        raise ApplicationError
    name = verb.text
    queue = find_queue(exchange, name) or make_queue(exchange, name, SIZE_ON_DEMAND)
    if len(queue.members) >= queue.max_size:
        return _action(verb, queue, "queue-full", 0)
    place = Waiting(leg, exchange.clock.now())
    queue.enter(place)
    leg.parked = "queued"
    exchange.show(leg)
    try:
        result = await _wait_in(stage, verb, queue, place)
    except Interrupted as reason:
        bridged = place.noticed
        moved = "redirected-from-bridged" if bridged else "redirected"
        result = moved if isinstance(reason, Redirected) else "bridged" if bridged else "hangup"
        leave_queue(exchange, queue, place, result)
        if verb.get("action"):
            action = _action(verb, queue, result, place.seconds)
            assert action is not None
            exchange.ask_in_passing(leg, action)
        raise
    return _action(verb, queue, result, place.seconds)


async def _wait_in(stage: Stage, verb: Verb, queue: Queue, place: Waiting) -> str:
    """Wait, be bridged if somebody takes the call; returns Twilio's word for how it ended."""
    exchange, leg = stage.exchange, stage.leg

    def taken() -> bool:
        return bool(place.result) or place.taker is not None

    waiting = Stage(exchange, leg, Place.QUEUE_WAIT, lambda: _position(exchange, queue, place))
    try:
        await leg.run_until(taken, _pass_time(waiting, verb))
    except LeftQueue:
        place.result = "leave"
    except ApplicationError:
        place.result = "error"
    leg.set_music(False)
    if place.taker is not None and not place.result:
        await _be_taken(exchange, queue, place)
    leave_queue(exchange, queue, place, place.result or "bridged")
    return place.result


async def _pass_time(stage: Stage, verb: Verb) -> None:
    """What the caller hears meanwhile: the waitUrl over and over, or Twilio's music."""
    url = verb.get("waitUrl")
    if not url:
        stage.leg.set_music(True)
        await stage.leg.wait()
    method = "GET" if verb.get("waitUrlMethod").upper() == "GET" else "POST"
    source = Source(urljoin(verb.url, url), method, label="while waiting")
    while True:
        await stage.perform(source)


async def _be_taken(exchange: Exchange, queue: Queue, place: Waiting) -> None:
    """Hear the notice, then talk to the one who took the call, until either ends it."""
    leg, taker = place.leg, place.taker
    assert taker is not None
    leave_queue(exchange, queue, place, "")
    if place.notice is not None:
        try:
            await leg.run_until(
                lambda: taker.hanging_up,
                Stage(exchange, leg, Place.NOTICE).perform(place.notice),
            )
        except ApplicationError:
            exchange.warn(leg, place.notice.url, "error 11200: no notice")
    place.noticed = True
    taker.bell.ring()
    await leg.wait(until=lambda: bool(place.result))


def leave_queue(exchange: Exchange, queue: Queue, place: Waiting, result: str) -> None:
    """Take a caller out of the line; ``result`` is Twilio's word for why, empty for not yet."""
    leg = place.leg
    if place in queue.members:
        queue.members.remove(place)
        place.seconds = round((exchange.clock.now() - place.since).total_seconds())
        queue.waits += 1
        queue.waited += place.seconds
        queue.updated = exchange.clock.now()
        leg.queue_time = place.seconds
        leg.parked = ""
        exchange.show(leg)
    if result and not place.result:
        place.result = result
    if isinstance(leg.room, Bridge) and result:
        leg.room.close()
    if place.taker is not None and result:
        place.taker.bell.ring()


def _position(exchange: Exchange, queue: Queue, place: Waiting) -> Fields:
    waited = (exchange.clock.now() - place.since).total_seconds()
    position = queue.members.index(place) + 1 if place in queue.members else 0
    return [
        ("QueueSid", queue.sid),
        ("QueuePosition", str(position)),
        ("QueueTime", str(round(waited))),
        ("AvgQueueTime", str(queue.average)),
        ("CurrentQueueSize", str(len(queue.members))),
        ("MaxQueueSize", str(queue.max_size)),
    ]


def _action(verb: Verb, queue: Queue, result: str, seconds: int) -> Source | None:
    if not verb.get("action"):
        return None
    fields = [("QueueResult", result), ("QueueSid", queue.sid), ("QueueTime", str(seconds))]
    return source_of(verb, verb.get("action"), f"left the queue: {result}", fields)
