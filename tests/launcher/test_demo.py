"""The demo itself: one command, two starts, two ends."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from hub.launcher.demo import LOGINS
from hub.launcher.servers import FolderLock
from tests.launcher.processes import family, living, wait_until
from tests.servers import PROJECT

OF_THE_TESTS = re.compile(r"^(HUB_|TWILIO_|PYTEST|SIMULATOR_|DATABASE_URL$|REDIS_URL$|DJANGO_)")
SECOND_START_SECONDS = 10.0
"""Aimed at 5 on an idle machine; the tests keep this one busy."""


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class RunningDemo:
    """A demo with ports of its own, and what it has printed so far."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.port, self.simulator_port = free_ports(2)
        given = {name: value for name, value in os.environ.items() if not OF_THE_TESTS.match(name)}
        own = {
            "HUB_DATA_DIR": str(folder),
            "HUB_PORT": str(self.port),
            "SIMULATOR_PORT": str(self.simulator_port),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hub.launcher", "demo"],
            cwd=PROJECT,
            env={**given, **own, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self._queue.put(line)

    @property
    def text(self) -> str:
        while True:
            try:
                self.lines.append(self._queue.get_nowait())
            except Empty:
                return "".join(self.lines)

    def seconds_to_start(self) -> float:
        """Wait until the demo introduces itself; return the seconds that it says it took."""
        pattern = re.compile(r"Everything runs, after ([\d.]+) s")
        assert wait_until(
            lambda: pattern.search(self.text) or self.process.poll() is not None, 90
        ), self.text
        found = pattern.search(self.text)
        assert found, self.text
        assert wait_until(lambda: "Ctrl-C stops everything" in self.text, 2)
        return float(found.group(1))

    def status(self, port: int, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def demos() -> Iterator[list[RunningDemo]]:
    """The demos that a test started; none survives it."""
    started: list[RunningDemo] = []
    yield started
    for demo in started:
        if demo.process.poll() is None:
            demo.process.kill()
            demo.process.wait()


def test_the_demo_starts_twice_and_leaves_nothing_either_way(
    folder: Path, demos: list[RunningDemo]
) -> None:
    first = RunningDemo(folder)
    demos.append(first)
    first.seconds_to_start()
    assert first.status(first.port, "/readyz") == 200
    assert first.status(first.simulator_port, "/") == 200
    for role, address in LOGINS:
        assert re.search(rf"{re.escape(address)}\s+{role}", first.text)
    pids = family(first.process.pid)
    assert len(pids) >= 1 + 2 * 6, "six guarded processes"
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(timeout=20) == 0, first.text
    assert living(pids) == []
    assert "starting it again" not in first.text
    keys = (folder / "secrets.json").read_text()

    second = RunningDemo(folder)
    demos.append(second)
    assert second.seconds_to_start() < SECOND_START_SECONDS
    # Known from marks, without asking Django: that is what keeps it quick.
    assert "Bringing the tables up to date" not in second.text
    assert "small clinic" not in second.text
    assert (folder / "secrets.json").read_text() == keys
    pids = family(second.process.pid)
    second.process.kill()
    second.process.wait()
    assert wait_until(lambda: not living(pids), 12), living(pids)


def test_a_second_demo_in_the_same_folder_says_so(folder: Path, demos: list[RunningDemo]) -> None:
    lock = FolderLock(folder)
    lock.take()
    demo = RunningDemo(folder)
    demos.append(demo)
    assert demo.process.wait(timeout=20) == 1
    lock.release()
    assert wait_until(lambda: "HUB_DATA_DIR" in demo.text, 2)
    assert "running already" in demo.text
    assert "Traceback" not in demo.text


def test_a_taken_port_is_told_before_anything_is_started(
    folder: Path, demos: list[RunningDemo]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        demo = RunningDemo(folder, HUB_PORT=str(port))
        demos.append(demo)
        assert demo.process.wait(timeout=20) == 1
    assert wait_until(lambda: f"Port {port} is taken" in demo.text, 2)
    assert not (folder / "postgres").exists()
