"""The floor: the least that any hub must do for a text, as one bare ASGI application.

It verifies the signature, inserts one row by psycopg and publishes once to Redis; each process has
one subscription and hands what it hears to its websockets. No Django, no encryption, no rules.
"""

import asyncio
import os
from typing import Any
from urllib.parse import parse_qsl

import psycopg_pool
import redis.asyncio
from twilio.request_validator import RequestValidator

CHANNEL = "floor"


class Floor:
    """The application; started by the first request."""

    def __init__(self) -> None:
        self.sockets: set[asyncio.Queue[str]] = set()
        self.validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
        self.public_url = os.environ["HUB_PUBLIC_URL"]
        self.pool: psycopg_pool.AsyncConnectionPool | None = None
        self.redis = redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
        self.starting = asyncio.Lock()
        self.task: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self._start()
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        elif scope["type"] == "http":
            await self._webhook(scope, receive, send)

    async def _start(self) -> None:
        async with self.starting:
            if self.pool is not None:
                return
            pool = psycopg_pool.AsyncConnectionPool(
                os.environ["DATABASE_URL"], min_size=2, max_size=8, open=False
            )
            await pool.open()
            async with pool.connection() as connection:
                await connection.execute(
                    "CREATE TABLE IF NOT EXISTS floor (id bigserial PRIMARY KEY, sid text UNIQUE, "
                    "body text, at timestamptz DEFAULT now())"
                )
            self.task = asyncio.create_task(self._hear())
            await asyncio.sleep(0.2)
            self.pool = pool

    async def stop(self) -> None:
        """Let go of the servers; a process that ends needs no call."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        if self.pool is not None:
            await self.pool.close()
        await self.redis.aclose()

    async def _hear(self) -> None:
        pubsub = self.redis.pubsub()
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            if message["type"] == "message":
                text = message["data"].decode()
                for queue in self.sockets:
                    queue.put_nowait(text)

    async def _socket(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        queue: asyncio.Queue[str] = asyncio.Queue()
        self.sockets.add(queue)

        async def write() -> None:
            while True:
                await send({"type": "websocket.send", "text": await queue.get()})

        writer = asyncio.create_task(write())
        try:
            while (await receive())["type"] != "websocket.disconnect":
                pass
        finally:
            writer.cancel()
            self.sockets.discard(queue)

    async def _webhook(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True))
        headers = dict(scope["headers"])
        signature = headers.get(b"x-twilio-signature", b"").decode()
        status = 403
        if self.validator.validate(self.public_url + scope["path"], fields, signature):
            status = 200
            assert self.pool is not None
            async with self.pool.connection() as connection:
                await connection.execute(
                    "INSERT INTO floor (sid, body) VALUES (%s, %s)",
                    [fields["MessageSid"], fields["Body"]],
                )
            await self.redis.publish(CHANNEL, fields["Body"])
        elif scope["path"] == "/healthz":
            status = 200
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"text/xml"), (b"content-length", b"11")],
            }
        )
        await send({"type": "http.response.body", "body": b"<Response/>"})


application = Floor()
