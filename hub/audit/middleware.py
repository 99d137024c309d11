"""Sets the `Origin` of what runs below: for HTTP requests and for ASGI connections."""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from hub.audit.origin import origin_of_request, origin_of_scope, use_origin


class OriginMiddleware:
    """Django middleware. Stands below django_structlog's, whose request id it takes over."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        if self.is_async:
            return self._call_async(request)
        with use_origin(origin_of_request(request.META, request.COOKIES)):
            response: HttpResponse = self.get_response(request)
            return response

    async def _call_async(self, request: HttpRequest) -> HttpResponse:
        with use_origin(origin_of_request(request.META, request.COOKIES)):
            response: HttpResponse = await self.get_response(request)
            return response


class OriginScopeMiddleware:
    """ASGI middleware for websockets: each connection is a task of its own, with its own origin."""

    def __init__(self, app: Callable[..., Awaitable[Any]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        with use_origin(origin_of_scope(scope)):
            return await self.app(scope, receive, send)
