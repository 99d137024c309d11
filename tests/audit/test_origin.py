"""Where things come from: requests, websockets and tasks, without being passed along."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

import pytest
import structlog
from asgiref.sync import async_to_sync, sync_to_async
from celery import Celery, shared_task
from celery.contrib.testing.worker import start_worker
from celery.signals import before_task_publish
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import override_settings
from django.urls import path

from hub.audit.middleware import OriginMiddleware, OriginScopeMiddleware
from hub.audit.models import AuditEvent
from hub.audit.origin import Origin, client_ip, current_origin, fingerprint, use_origin
from hub.audit.record import AuditAction, record

REQUESTS = RequestFactory()


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "expected"),
    [
        (0, "192.0.2.1", "", "192.0.2.1"),
        (0, "192.0.2.1", "198.51.100.9", "192.0.2.1"),
        (1, "10.0.0.1", "198.51.100.9", "198.51.100.9"),
        (1, "10.0.0.1", "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        (2, "10.0.0.1", "6.6.6.6, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        (2, "10.0.0.1", "198.51.100.9", "10.0.0.1"),
        (1, "10.0.0.1", "nonsense", None),
        (1, "10.0.0.1", "'; DROP TABLE x", None),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "fe80::1%eth0", "", "fe80::1"),
        (0, "2001:DB8::1", "", "2001:db8::1"),
        (0, "", "", None),
        (0, None, "", None),
    ],
)
def test_only_our_own_proxies_are_believed(
    settings, proxies: int, peer: str | None, forwarded: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    assert client_ip(peer, forwarded) == expected


def test_the_session_key_is_not_in_its_fingerprint() -> None:
    assert len(fingerprint("abc")) == 16
    assert fingerprint("abc") == fingerprint("abc") != fingerprint("abd")
    assert fingerprint("") == ""


def request(**extra: Any) -> HttpRequest:
    made = REQUESTS.get("/", REMOTE_ADDR="192.0.2.7", **extra)
    made.COOKIES["sessionid"] = "the-session-key"
    return made


def seen_by_a_view(middleware_request: HttpRequest) -> Origin:
    seen: list[Origin] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(current_origin())
        return HttpResponse()

    OriginMiddleware(view)(middleware_request)
    return seen[0]


def test_a_sync_view_knows_its_origin(settings) -> None:
    with structlog.contextvars.bound_contextvars(request_id="log-1"):
        origin = seen_by_a_view(request())
    assert origin == Origin("192.0.2.7", "log-1", fingerprint("the-session-key"))
    assert current_origin() == Origin()


@pytest.mark.parametrize("foreign", ["", "a b", "x" * 65, "line\nbreak"])
def test_an_odd_request_id_is_replaced(foreign: str) -> None:
    with structlog.contextvars.bound_contextvars(request_id=foreign):
        assert len(seen_by_a_view(request()).request_id) == 32


def test_the_origin_ends_with_the_request_even_if_the_view_fails() -> None:
    def view(_: HttpRequest) -> HttpResponse:
        raise LookupError

    with pytest.raises(LookupError):
        OriginMiddleware(view)(request())
    assert current_origin() == Origin()


async def test_async_requests_at_once_do_not_mix() -> None:
    seen: dict[str, str | None] = {}

    async def view(got: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.01)
        # An action runs in a thread, as in a console's view.
        seen[got.path] = await sync_to_async(lambda: current_origin().ip)()
        return HttpResponse()

    middleware = OriginMiddleware(view)
    await asyncio.gather(
        *(
            middleware(REQUESTS.get(f"/{n}", REMOTE_ADDR=f"192.0.2.{n}"))  # type: ignore[arg-type]
            for n in range(20)
        )
    )
    assert seen == {f"/{n}": f"192.0.2.{n}" for n in range(20)}
    assert current_origin() == Origin()


def recording_view(got: HttpRequest) -> HttpResponse:
    record(AuditAction.VIEW_PATIENT, actor=None, patient=5)
    return HttpResponse("seen")


urlpatterns = [path("seen/", recording_view)]


@pytest.fixture
def small_site(settings) -> Iterator[None]:
    stack = [
        "django_structlog.middlewares.RequestMiddleware",
        "hub.audit.middleware.OriginMiddleware",
    ]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=stack, TRUSTED_PROXY_COUNT=1):
        yield


def test_an_action_below_a_real_request_records_where_it_came_from(
    db: None, small_site: None
) -> None:
    client = Client(REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.9")
    assert client.get("/seen/").status_code == 200
    event = AuditEvent.objects.get()
    assert event.ip == "198.51.100.9"
    assert len(event.request_id) == 36


def test_so_it_does_under_asgi(db: None, small_site: None) -> None:
    @async_to_sync
    async def go() -> int:
        headers = {"X-Forwarded-For": "198.51.100.9"}
        return (await AsyncClient().get("/seen/", headers=headers)).status_code

    assert go() == 200
    assert AuditEvent.objects.get().ip == "198.51.100.9"


async def test_a_websocket_keeps_its_origin_for_life() -> None:
    seen: list[Origin] = []

    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            await receive()
            seen.append(await sync_to_async(current_origin)())

    async def receive() -> dict[str, str]:
        await asyncio.sleep(0)
        return {"type": "websocket.receive"}

    scope = {
        "type": "websocket",
        "client": ("192.0.2.9", 5000),
        "headers": [(b"cookie", b"theme=dark; sessionid=the-session-key; odd")],
    }
    await OriginScopeMiddleware(consumer)(scope, receive, None)
    assert [origin.ip for origin in seen] == ["192.0.2.9", "192.0.2.9"]
    assert len({origin.request_id for origin in seen}) == 1
    assert seen[0].session == fingerprint("the-session-key")
    assert current_origin() == Origin()


@pytest.mark.parametrize("headers", [[], [(b"cookie", b"\xff\xfe=;;;=a")], [(b"cookie", b"=")]])
async def test_an_odd_cookie_does_no_harm(headers: list[tuple[bytes, bytes]]) -> None:
    async def consumer(scope: Any, receive: Any, send: Any) -> None:
        assert current_origin().session == ""

    await OriginScopeMiddleware(consumer)({"headers": headers, "client": None}, None, None)


@shared_task(name="tests.audit.tell_origin")
def tell_origin() -> str:
    return current_origin().request_id


@contextmanager
def sent_messages() -> Iterator[list[dict[str, Any]]]:
    """The headers of what goes to the broker."""
    sent: list[dict[str, Any]] = []

    def keep(headers: dict[str, Any], **kwargs: Any) -> None:
        sent.append(headers)

    before_task_publish.connect(keep)
    try:
        yield sent
    finally:
        before_task_publish.disconnect(keep)


def test_a_worker_gets_the_request_id_and_nothing_else_of_the_origin() -> None:
    app = Celery("audit-tests", broker="memory://", set_as_current=False)
    app.conf.worker_hijack_root_logger = False
    app.conf.broker_transport_options = {"polling_interval": 0.02}
    heard: Queue[Origin] = Queue()

    @app.task(name="tests.audit.remote")
    def remote() -> None:
        heard.put(current_origin())

    origin = Origin(ip="192.0.2.7", request_id="req-7", session="feedfeedfeedfeed")
    with (
        start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20),
        sent_messages() as sent,
    ):
        with use_origin(origin):
            remote.delay()
        assert heard.get(timeout=20) == Origin(request_id="req-7")
        second = remote.delay()
        assert heard.get(timeout=20) == Origin(request_id=second.id), "the first left no trace"
    assert sent[0]["hub_request_id"] == "req-7"
    assert "192.0.2.7" not in str(sent)
    assert "feedfeed" not in str(sent)


def test_a_task_that_runs_in_the_request_gives_its_origin_back() -> None:
    with use_origin(Origin(ip="192.0.2.7", request_id="outer")):
        result = tell_origin.apply(headers={"hub_request_id": "req-7"}, task_id="task-1")
        assert result.get() == "req-7"
        assert current_origin().request_id == "outer"
    assert current_origin() == Origin()


def test_a_task_of_no_request_is_its_own_origin() -> None:
    assert tell_origin.apply(task_id="task-1").get() == "task-1"
    odd = tell_origin.apply(headers={"hub_request_id": "'; --"}, task_id="task-2")
    assert odd.get() == "task-2"
