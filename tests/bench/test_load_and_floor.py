"""A second of `make bench`: texts reach the floor's sockets, and what does not is reported."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import uvicorn
from django.db import connection

from bench import load
from bench.floor import Floor
from bench.stack import free_port
from tests.servers import TEST_ENVIRONMENT

pytestmark = pytest.mark.django_db(transaction=True)


def target(url: str, token: str = TEST_ENVIRONMENT["TWILIO_AUTH_TOKEN"]) -> load.Target:
    return load.Target(
        url=url,
        path="/inbound",
        socket="/socket",
        account=TEST_ENVIRONMENT["TWILIO_ACCOUNT_SID"],
        token=token,
        number="+15550100100",
    )


@pytest.fixture
async def floor(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Serve the floor in this process; its one table goes with it."""
    url = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HUB_PUBLIC_URL", url)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TEST_ENVIRONMENT["TWILIO_AUTH_TOKEN"])
    application = Floor()
    server = uvicorn.Server(
        uvicorn.Config(
            application, port=int(url.rpartition(":")[2]), lifespan="off", log_config=None
        )
    )
    serving = asyncio.create_task(server.serve())
    for _look in range(500):
        if server.started:
            break
        await asyncio.sleep(0.02)
    yield url
    server.should_exit = True
    await serving
    await application.stop()
    await asyncio.to_thread(_drop_table)


def _drop_table() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS floor")
    connection.close()


async def test_every_text_reaches_the_last_socket(floor: str) -> None:
    found = await load.run(target(floor), rate=30, seconds=1, listeners=3, first=1000)
    assert found.lost == 0
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms


async def test_an_event_reaches_all_sockets(floor: str) -> None:
    took = await load.fan_out(target(floor), listeners=20, events=2, first=5000)
    assert 0 < took < load.LATE * 1000


async def test_the_floor_verifies_too(floor: str) -> None:
    forged = target(floor, token="0" * 32)
    with pytest.raises(RuntimeError, match="403"):
        await load.run(forged, rate=5, seconds=0.2, listeners=1, first=9000)


def test_a_frame_that_never_came_is_reported() -> None:
    found = load.Percentiles.of([0.004, 0.002, 0.003], lost=1)
    assert (found.p50_ms, found.p99_ms, found.lost) == (3.0, 4.0, 1)
    with pytest.raises(RuntimeError):
        load.Percentiles.of([], lost=4)


def test_the_servers_of_the_run_are_used() -> None:
    assert connection.settings_dict["NAME"] in os.environ["DATABASE_URL"]
