"""Alive needs nothing; ready names what fails, within its time."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.test import Client

from tests.servers import PROJECT

ALL_OK = {"database": "ok", "channel_layer": "ok", "broker": "ok"}


@pytest.mark.django_db(transaction=True)
def test_ready_when_everything_answers(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"status": "ok", "checks": ALL_OK}
    assert "no-store" in answer["Cache-Control"]


def test_alive_asks_nothing_of_the_database(client: Client) -> None:
    # Without the django_db mark any query would fail the test.
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_for_reading_only(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never say a word: the worst kind of failure."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


ASK = """
import time, django
django.setup()
from django.test import Client
began = time.monotonic()
answer = Client().get("/readyz")
print(answer.status_code, time.monotonic() - began, answer.content.decode(), sep="\\n", flush=True)
import os
os._exit(0)  # threads that still wait for a silent server must not hold up the test
"""


def ask_in_a_process_of_its_own(**addresses: str) -> tuple[int, float, dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=PROJECT,
        env={**os.environ, **addresses},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    status, seconds, body = done.stdout.strip().splitlines()[-3:]
    assert "127.0.0.1" not in body
    return int(status), float(seconds), json.loads(body)["checks"]


@pytest.mark.django_db(transaction=True)
def test_a_refused_database_is_named() -> None:
    address = "postgres://nobody@127.0.0.1:1/none"
    status, _, checks = ask_in_a_process_of_its_own(DATABASE_URL=address)
    assert (status, checks) == (503, {**ALL_OK, "database": "failing"})


@pytest.mark.django_db(transaction=True)
def test_a_silent_database_is_named_in_time() -> None:
    with silent_server() as port:
        address = f"postgres://nobody@127.0.0.1:{port}/none"
        status, seconds, checks = ask_in_a_process_of_its_own(DATABASE_URL=address)
    assert (status, checks) == (503, {**ALL_OK, "database": "failing"})
    assert seconds < 3.5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_missing_broker_is_named_in_time(kind: str) -> None:
    with silent_server() as port:
        address = f"redis://127.0.0.1:{port if kind == 'silent' else 1}"
        status, seconds, checks = ask_in_a_process_of_its_own(REDIS_URL=address)
    assert status == 503
    assert checks == {"database": "ok", "channel_layer": "failing", "broker": "failing"}
    assert seconds < 3.5


class Web(http.server.BaseHTTPRequestHandler):
    """A web process as the probe of the container sees it."""

    status = 200

    def do_GET(self) -> None:
        wanted = self.path == "/healthz" and self.headers["Host"] == "hub.example.org"
        self.send_response(self.status if wanted else 400)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def probe() -> Iterator[Callable[[int], int]]:
    """Run the container's probe against a web process that answers with the given status."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def run(status: int) -> int:
        Web.status = status
        return subprocess.run(
            [sys.executable, "-m", "hub.probe"],
            cwd=PROJECT,
            env={
                **os.environ,
                "HUB_PORT": str(server.server_port),
                "HUB_PUBLIC_URL": "https://hub.example.org",
            },
            capture_output=True,
        ).returncode

    yield run
    server.shutdown()
    server.server_close()


def test_the_containers_probe_tells_alive_from_not(probe: Callable[[int], int]) -> None:
    assert probe(200) == 0
    assert probe(503) == 1


def test_the_containers_probe_fails_where_nobody_listens() -> None:
    environment = {**os.environ, "HUB_PORT": "1"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "hub.probe"], cwd=PROJECT, env=environment, capture_output=True
    )
    assert done.returncode == 1
    assert time.monotonic() - began < 5
