"""Redis goes away and comes back: what was lost meanwhile is caught up with, then events flow."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from hub.launcher.servers import EmbeddedServers
from hub.realtime.events import ConversationChanged, Event
from hub.realtime.publish import GROUP
from hub.realtime.subscription import Subscription


class Restarting:
    """A Valkey of the test's own, which it may stop and start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers = self._new()
        self.servers.start()
        self.url = self.servers.redis_url

    def _new(self) -> EmbeddedServers:
        return EmbeddedServers(self.folder, postgres=False, lock=False)

    async def restart(self, away: float) -> None:
        """Stop it, wait for `away` seconds, and start it at the same address."""
        await asyncio.to_thread(self.servers.stop)
        await asyncio.sleep(away)
        self.servers = self._new()
        await asyncio.to_thread(self.servers.start)
        assert self.servers.redis_url == self.url


class Room:
    """A listener that counts how often it was told to catch up."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.catch_ups = 0

    async def hear(self, event: Event) -> None:
        self.events.append(event)

    async def catch_up(self) -> None:
        self.catch_ups += 1

    async def caught_up(self, times: int) -> None:
        """Wait until it was told so often."""
        async with asyncio.timeout(15):
            while self.catch_ups < times:  # noqa: ASYNC110  (what is waited for is the point)
                await asyncio.sleep(0.02)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Restarting]:
    before = channel_layers["default"]
    valkey = Restarting(tmp_path)
    layer = RedisPubSubChannelLayer(hosts=[valkey.url], prefix="restarts")
    channel_layers.set("default", layer)
    yield valkey
    channel_layers.set("default", before)
    valkey.servers.stop()


@pytest.mark.parametrize("away", [0.0, 2.0])
async def test_after_a_restart_it_catches_up_and_hears_again(
    valkey: Restarting, away: float
) -> None:
    subscription, room = Subscription(), Room()
    subscription.listen(room.hear, room.catch_up)
    subscription.ensure_running()
    try:
        await room.caught_up(1)
        await valkey.restart(away)
        # However short it was away: what other processes said meanwhile is lost.
        await room.caught_up(2)
        await _say(ConversationChanged(1, 1), valkey)
        async with asyncio.timeout(5):
            while not room.events:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert room.events == [ConversationChanged(1, 1)]
    finally:
        await subscription.stop()


async def _say(event: Event, valkey: Restarting) -> None:
    """Say it as another process would."""
    other = RedisPubSubChannelLayer(hosts=[valkey.url], prefix="restarts")
    await other.group_send(GROUP, event.to_message() | {"sender": "another"})
    await other.flush()
