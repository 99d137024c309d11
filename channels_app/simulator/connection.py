"""Cuts a connection after the work is done, so that the caller cannot know that it was."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_MARK = "x-simulator-cut"


class NoConnectionToCut(RuntimeError):
    """The server does not show its connection; the simulator needs uvicorn."""


def cut() -> Response:
    """An answer that is never sent: :class:`ConnectionCutter` closes the connection instead."""
    return Response(headers={_MARK: "1"})


class ConnectionCutter:
    """Outermost middleware: drops the TCP connection where the application answered :func:`cut`.

    ASGI has no message for this, so the connection is taken from uvicorn's own ``send``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through but the marked answer."""
        dropped = False

        async def watch(message: Any) -> None:
            nonlocal dropped
            headers = message.get("headers", ()) if scope["type"] == "http" else ()
            if any(name == _MARK.encode() for name, _ in headers):
                dropped = True
                await _abort(send)
            if not dropped:
                await send(message)

        await self.app(scope, receive, watch)


async def _abort(send: Send) -> None:
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise NoConnectionToCut("ambiguous_p works under uvicorn only")
    transport.abort()
    # One turn of the loop, in which the server learns that the connection is gone.
    await asyncio.sleep(0)
