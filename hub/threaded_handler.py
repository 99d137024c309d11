"""Django's HTTP half under ASGI, with each request on one thread from its start to its end.

All our views are synchronous, for they talk to the database. Django's own ASGI handler would run
the middleware in the event loop and hop to a thread and back for each of them, on a thread pool
made for the request. Measured on two cores (one process, a text of a patient, `bench`), those hops
cost more than the work. Here a request costs one hop to one of a few lasting threads.

What is given up: a view is not cancelled when the client goes away. Asynchronous views still work,
run by Django's own adapters.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix


class ThreadedHandler(ASGIHandler):
    """Answers HTTP requests on settings.HTTP_THREADS lasting threads.

    Those at settings.HTTP_EVENT_PATHS, to which nobody waits for an answer, have
    settings.HTTP_EVENT_THREADS of their own, so that the others never stand in line behind them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(settings.HTTP_THREADS, thread_name_prefix="http")
        self._event_threads = ThreadPoolExecutor(
            settings.HTTP_EVENT_THREADS, thread_name_prefix="http-event"
        )

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the middleware as for a synchronous server, whatever is asked for."""
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError("only HTTP is answered here")
        await self.handle(scope, receive, send)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Read the body, work on a thread, send the response."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        is_event = scope["path"] in settings.HTTP_EVENT_PATHS
        threads = self._event_threads if is_event else self._threads
        with body:
            response = await self._on_thread(threads, self._respond, scope, body)
            if not response.streaming:
                await self.send_response(response, send)
                return
            try:
                await self._stream(response, send)
            finally:
                await self._on_thread(self._threads, response.close)

    def _respond(self, scope: Any, body: Any) -> HttpResponseBase:
        """Run the request; a response that is whole is closed on this thread, its connection's."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        request: ASGIRequest | None
        request, refusal = self.create_request(scope, body)
        response = refusal if request is None else self.get_response(request)
        assert response is not None
        response._handler_class = self.__class__  # type: ignore[attr-defined]
        if not response.streaming:
            response.close()
        return response

    async def _stream(self, response: HttpResponseBase, send: Any) -> None:
        """Send a streaming response piece by piece, each read on a thread."""
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": [
                    *((k.encode("ascii"), v.encode("latin1")) for k, v in response.items()),
                    *(
                        (b"Set-Cookie", cookie.output(header="").strip().encode("ascii"))
                        for cookie in response.cookies.values()
                    ),
                ],
            }
        )
        if getattr(response, "is_async", False):
            async for piece in response:  # type: ignore[attr-defined]
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        else:
            pieces: Iterator[bytes] = iter(response)
            while piece := await self._on_thread(self._threads, next, pieces, b""):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    async def _on_thread(
        self, threads: ThreadPoolExecutor, work: Callable[..., Any], *arguments: Any
    ) -> Any:
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(
            threads, lambda: context.run(work, *arguments)
        )
