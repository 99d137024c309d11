"""The way every REST request takes: who asks, what the knobs do to it, is it well formed."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import errors
from .connection import cut
from .simulator import Simulator
from .specification import NotInSpecification

Handler = Callable[["Call"], Awaitable[Response]]


class Call:
    """One authenticated REST request with its fields read.

    Attributes:
        simulator: the provider that is asked.
        request: the request itself.
        path: path parameters such as ``sid``.
        query: the query's fields; the last one wins.
        form: the body's fields as sent, repeated names included.
    """

    def __init__(self, simulator: Simulator, request: Request, form: list[tuple[str, str]]) -> None:
        self.simulator = simulator
        self.request = request
        self.path: dict[str, str] = request.path_params
        self.query = dict(request.query_params.multi_items())
        self.form = form

    def field(self, name: str) -> str:
        """A form field, empty when it was not given."""
        return next((value for key, value in reversed(self.form) if key == name), "")

    def given(self, name: str) -> bool:
        """True when the field was sent, empty or not."""
        return any(key == name for key, _ in self.form)

    def every(self, name: str) -> list[str]:
        """All values of a repeated field."""
        return [value for key, value in self.form if key == name]


def endpoint(simulator: Simulator, **handlers: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Make a Starlette endpoint of one handler a method (``get=``, ``post=``, ``delete=``)."""

    async def answer(request: Request) -> Response:
        try:
            _authenticate(simulator, request)
            handler = handlers.get(request.method.lower())
            if handler is None:
                raise errors.method_not_allowed(request.method)
            _misbehave(simulator)
            form = await _read_form(request)
            _check_request(simulator, request, form)
            response = await handler(Call(simulator, request, form))
            await asyncio.sleep(simulator.chaos.knobs.rest_delay_ms / 1000)
        except errors.TwilioError as error:
            return error.response()
        if request.method != "GET" and simulator.chaos.happens("ambiguous_p"):
            return cut()
        return _check_answer(simulator, request, response)

    return answer


async def nothing_here(request: Request) -> Response:
    """Twilio's answer for a path that is no resource."""
    return errors.not_found(request.url.path).response()


def _authenticate(simulator: Simulator, request: Request) -> None:
    settings = simulator.settings
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except ValueError:
        given = b""
    wanted = f"{settings.account_sid}:{settings.auth_token}".encode()
    if scheme.lower() != "basic" or not hmac.compare_digest(given, wanted):
        raise errors.unauthenticated()
    if request.path_params["account"] != settings.account_sid:
        raise errors.not_found(request.url.path)


def _misbehave(simulator: Simulator) -> None:
    if simulator.chaos.happens("rest_429_p"):
        raise errors.too_many_requests()
    if simulator.chaos.happens("rest_5xx_p"):
        raise errors.server_error(simulator.chaos.pick("rest_5xx_p", (500, 503)))


async def _read_form(request: Request) -> list[tuple[str, str]]:
    body = await request.body()
    if not body:
        return []
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise errors.TwilioError(20001, "Unsupported media type: send a form", 415)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise errors.invalid_parameter("The form is not UTF-8") from None


def _check_request(simulator: Simulator, request: Request, form: list[tuple[str, str]]) -> None:
    if simulator.specification is None or not request.url.path.endswith(".json"):
        return
    operation = simulator.specification.find(request.method, request.url.path)
    if operation is None:
        raise errors.not_found(request.url.path)
    try:
        simulator.specification.check_request(
            operation, request.url.path, request.query_params.multi_items(), form
        )
    except NotInSpecification as error:
        if "SID of this resource" in str(error):
            raise errors.not_found(request.url.path) from None
        # What is required and missing has a code of its own, which the resource answers.
        if request.method == "POST" and str(error).endswith("required"):
            return
        raise errors.invalid_parameter(str(error)) from None


def _check_answer(simulator: Simulator, request: Request, response: Response) -> Response:
    """Never let an answer out that Twilio's document does not know; a fault of the simulator."""
    if simulator.specification is None:
        return response
    operation = simulator.specification.find(request.method, request.url.path)
    if operation is None:
        return response
    body: Any = json.loads(bytes(response.body)) if response.body else None
    try:
        simulator.specification.check_answer(operation, response.status_code, body)
    except NotInSpecification as error:
        return JSONResponse(
            {"code": 20500, "message": f"Simulator fault: {error}", "status": 500}, 500
        )
    return response
