"""Keeps the simulator to this computer: local callers, local names, its own pages only."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


class LoopbackOnly:
    """Refuses callers from elsewhere, foreign host names (DNS rebinding) and other sites' pages.

    ``visitors`` names paths that pages of one other origin may use too.
    """

    def __init__(
        self, app: ASGIApp, visitors: Mapping[str, Callable[[], str]] | None = None
    ) -> None:
        self.app = app
        self.visitors = visitors or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let local requests through; answer 403 to others, or close their websocket."""
        if scope["type"] in {"http", "websocket"} and not self._is_local(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4403})
                return
            refusal = PlainTextResponse("The simulator answers this computer only.\n", 403)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_local(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        client = scope.get("client")
        try:
            if client is None or not ipaddress.ip_address(client[0]).is_loopback:
                return False
        except ValueError:
            return False
        host = headers.get("host", "")
        if urlsplit(f"//{host}").hostname not in LOCAL_NAMES:
            return False
        origin = headers.get("origin")
        if origin is None or origin == f"http://{host}":
            return True
        visitor = self.visitors.get(scope["path"])
        return visitor is not None and _one_name(origin) == _one_name(visitor())


def _one_name(origin: str) -> str:
    """An origin with one name for this computer, which people call by any of its names."""
    parts = urlsplit(origin)
    try:
        port = parts.port
    except ValueError:
        return ""
    name = "localhost" if parts.hostname in LOCAL_NAMES else parts.hostname
    return f"{parts.scheme}://{name}:{port}"
