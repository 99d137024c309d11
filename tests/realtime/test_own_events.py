"""A process's own events reach its listeners once, with Redis and without, and others' as well."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from channels.layers import channel_layers

from hub.realtime.events import ConversationChanged, Event
from hub.realtime.publish import GROUP, publish
from hub.realtime.subscription import Subscription


class Heard:
    """A room's listener."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.is_up = asyncio.Event()

    async def hear(self, event: Event) -> None:
        self.events.append(event)

    async def catch_up(self) -> None:
        self.is_up.set()

    async def have(self, count: int) -> list[Event]:
        """Return what was heard once there are `count` events, and nothing more follows."""
        async with asyncio.timeout(5):
            for _look in range(500):
                if len(self.events) >= count:
                    break
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)  # what comes back from Redis would be here by now
        return self.events


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    subscription, listener = Subscription(), Heard()
    subscription.listen(listener.hear, listener.catch_up)
    subscription.ensure_running()
    async with asyncio.timeout(5):
        await listener.is_up.wait()
    yield listener
    await subscription.stop()


async def test_own_events_come_once_and_in_order(heard: Heard) -> None:
    sent = [ConversationChanged(1, revision) for revision in range(20)]
    for event in sent:
        await asyncio.to_thread(publish, event)
    assert await heard.have(20) == sent


async def test_events_of_other_processes_come_too(heard: Heard) -> None:
    event = ConversationChanged(7, 3)
    for sender in ({"sender": "another-process"}, {"sender": ""}, {}):
        await channel_layers["default"].group_send(GROUP, event.to_message() | sender)
    assert await heard.have(3) == [event] * 3


async def test_own_events_come_while_redis_is_away(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(group: str, message: object) -> None:
        raise ConnectionError

    # The boundary to Redis, which cannot be stopped: it is the whole run's.
    monkeypatch.setattr(channel_layers["default"], "group_send", away)
    publish(ConversationChanged(2, 1)).result(5)
    assert await heard.have(1) == [ConversationChanged(2, 1)]


async def test_without_a_subscription_others_hear_it(heard: Heard) -> None:
    """A worker, which has no sockets, publishes; the web process hears."""
    other = Subscription()
    other.ensure_running()  # takes over as this process's own, and goes
    await asyncio.sleep(0.1)
    await other.stop()
    await asyncio.to_thread(publish, ConversationChanged(3, 1))
    assert await heard.have(1) == [ConversationChanged(3, 1)]
