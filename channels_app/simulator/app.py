"""The simulator as an ASGI application: ``uvicorn channels_app.simulator.app:app --port 8001``."""

from __future__ import annotations

import logging
import sys

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from . import accounts, messages
from .connection import ConnectionCutter
from .control import Control, media_file
from .loopback import LoopbackOnly
from .pages import STATIC, Pages
from .phones import PhoneSocket
from .rest import Handler, endpoint, nothing_here
from .settings import InvalidSetting, UnsafeEnvironment, from_environment
from .simulator import Simulator
from .specification import SpecificationMissing
from .voice.routes import voice_routes
from .voice.sockets import DeviceSocket

ACCOUNT = "/2010-04-01/Accounts/{account}"
#: The one path that the hub's own pages may connect to.
DEVICE_PATH = "/simulator/device"


def create_app(simulator: Simulator) -> ASGIApp:
    """Put REST façade, control API and pages of one simulator under one roof."""
    pages = Pages(simulator)

    async def stored_media(request: Request) -> Response:
        store = simulator.store
        key = request.path_params["key"]
        sid = next((sid for sid, known in store.media_keys.items() if known == key), "")
        media = store.media(sid)
        if media is None:
            return PlainTextResponse("Not found\n", 404)
        return media_file(media.content_type, media.content)

    routes: list[BaseRoute] = [
        Route("/", pages.phone_page),
        Route("/site", pages.site),
        Route("/healthz", _alive),
        *_rest_routes(simulator),
        WebSocketRoute("/simulator/socket", PhoneSocket(simulator).serve),
        WebSocketRoute(DEVICE_PATH, DeviceSocket(simulator).serve),
        Mount("/simulator/static", StaticFiles(directory=STATIC)),
        Mount("/simulator", routes=Control(simulator).routes()),
        Route("/2010-04-01/{path:path}", nothing_here, methods=["GET", "POST", "DELETE"]),
        # The file store that media addresses lead to: /AC…/key on a host of its own.
        Route(f"/{simulator.settings.account_sid}/{{key}}", stored_media),
    ]
    guard = Middleware(
        LoopbackOnly, visitors={DEVICE_PATH: lambda: simulator.dispatcher.hub_origin}
    )
    inner = Starlette(routes=routes, middleware=[guard])
    # Outside of everything, where the server's own connection is at hand.
    return ConnectionCutter(inner)


def _rest_routes(simulator: Simulator) -> list[Route]:
    message, number = f"{ACCOUNT}/Messages/{{sid}}", f"{ACCOUNT}/IncomingPhoneNumbers/{{sid}}"
    table: dict[str, dict[str, Handler]] = {
        f"{ACCOUNT}.json": {"get": accounts.fetch_account},
        f"{ACCOUNT}/IncomingPhoneNumbers.json": {"get": accounts.list_numbers},
        f"{number}.json": {"get": accounts.fetch_number, "post": accounts.update_number},
        f"{ACCOUNT}/Messages.json": {"get": messages.list_messages, "post": messages.create},
        f"{message}/Media.json": {"get": messages.list_media},
        f"{message}/Media/{{media}}.json": {
            "get": messages.fetch_media,
            "delete": messages.delete_media,
        },
        f"{message}/Media/{{media}}": {"get": messages.fetch_media_file},
        f"{message}.json": {
            "get": messages.fetch,
            "post": messages.update,
            "delete": messages.delete,
        },
        **voice_routes(ACCOUNT),
    }
    return [
        Route(path, endpoint(simulator, **handlers), methods=["GET", "POST", "DELETE"])
        for path, handlers in table.items()
    ]


async def _alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _keep_numbers_out_of_logs() -> None:
    """Paths and queries carry phone numbers, and these two loggers write them out."""
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _start() -> ASGIApp:
    try:
        settings = from_environment()
        simulator = Simulator(settings)
    except (UnsafeEnvironment, InvalidSetting, SpecificationMissing) as error:
        sys.exit(f"simulator: {error}")
    _keep_numbers_out_of_logs()
    return create_app(simulator)


app = _start()
