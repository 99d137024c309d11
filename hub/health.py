"""What a load balancer and a container runtime ask: is this process alive, and is it of use?

`/healthz` says alive and touches nothing. `/readyz` asks each thing the hub cannot work without,
side by side, and names those that fail. It names them only: an error's text may hold an address.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import structlog
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from hub.celery import app as celery_app

TIMEOUT = 2.0
"""Seconds that each check may take."""

log = structlog.get_logger(__name__)

# Threads of our own, and few: when a server hangs, checks queue up here and fail by time-out
# instead of taking the threads that serve people.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="health")


@require_safe
@never_cache
def alive(request: HttpRequest) -> JsonResponse:
    """Say that this process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
async def ready(request: HttpRequest) -> JsonResponse:
    """Answer 200 if database, channel layer and broker answer, else 503 with what does not."""
    results = await asyncio.gather(*(_passes(name, check) for name, check in CHECKS.items()))
    checks = dict(zip(CHECKS, results, strict=True))
    passed = all(checks.values())
    body = {
        "status": "ok" if passed else "failing",
        "checks": {name: "ok" if passed else "failing" for name, passed in checks.items()},
    }
    return JsonResponse(body, status=200 if passed else 503)


async def _passes(name: str, check: Callable[[], Awaitable[None]]) -> bool:
    try:
        await asyncio.wait_for(check(), TIMEOUT)
    except Exception as error:  # noqa: BLE001  (drivers raise dozens of kinds; each means "no")
        log.warning("not_ready", reason=name, error_type=type(error).__name__)
        return False
    return True


async def _database() -> None:
    def ask() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        finally:
            connection.close()

    await sync_to_async(ask, thread_sensitive=False, executor=_threads)()


async def _channel_layer() -> None:
    layer = get_channel_layer()
    # Nobody listens to this group: what is asked is whether the layer takes a message.
    await layer.group_send("readyz", {"type": "readyz"})


async def _broker() -> None:
    def ask() -> None:
        with celery_app.connection_for_write(connect_timeout=TIMEOUT) as broker:
            # The channel is what talks to the server; it is made at the first use.
            cast(Any, broker.default_channel).client.ping()

    await sync_to_async(ask, thread_sensitive=False, executor=_threads)()


CHECKS: dict[str, Callable[[], Awaitable[None]]] = {
    "database": _database,
    "channel_layer": _channel_layer,
    "broker": _broker,
}
