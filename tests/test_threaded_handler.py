"""Providers' events have threads of their own: nobody stands in line behind them."""

import asyncio
import threading

import pytest
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse
from django.urls import path, resolve

from hub.threaded_handler import ThreadedHandler

let_go = threading.Event()


def event(request):
    assert let_go.wait(20)
    return HttpResponse("event")


def page(request):
    return HttpResponse("page")


urlpatterns = [path("event", event), path("page", page)]


def asked(handler: ThreadedHandler, where: str) -> ApplicationCommunicator:
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": where,
        "raw_path": where.encode(),
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
        "server": ("testserver", 80),
        "client": ("127.0.0.1", 1),
    }
    return ApplicationCommunicator(handler, scope)


@pytest.mark.parametrize("own", [True, False], ids=["threads of their own", "the common ones"])
def test_a_burst_of_events_keeps_nobody_waiting(settings, own) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    settings.HTTP_THREADS = 2
    settings.HTTP_EVENT_PATHS = frozenset({"/event"} if own else ())
    let_go.clear()

    async def burst() -> bool:
        handler = ThreadedHandler()
        handler.load_middleware()
        events = [asked(handler, "/event") for _ in range(5)]
        for one in events:
            await one.send_input({"type": "http.request", "body": b""})
        person = asked(handler, "/page")
        await person.send_input({"type": "http.request", "body": b""})
        try:
            answer = await person.receive_output(timeout=2)
        except TimeoutError:
            return False
        finally:
            let_go.set()
        await asyncio.gather(*(one.receive_output(timeout=10) for one in events))
        return bool(answer["status"] == 200)

    assert asyncio.run(burst()) is own


def test_the_addresses_of_events_are_addresses(settings) -> None:
    for where in settings.HTTP_EVENT_PATHS:
        assert resolve(where)
