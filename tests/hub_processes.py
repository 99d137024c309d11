"""The hub's own processes for tests: web, worker and beat, on the test's database and Valkey.

They are started as a clinic starts them, can be killed like a crash kills them, and are told the
simulator's address. Use the fixture `hub` of tests/channels/conftest.py.
"""

import os
import sys
import time
from pathlib import Path

import httpx

from hub.launcher.guarded import GuardedProcess, Program
from hub.launcher.ports import listen

PROJECT = Path(__file__).resolve().parent.parent
START_LIMIT = 40  # seconds


class HubProcesses:
    """A running hub. `start` what a test needs; everything is stopped at its end."""

    def __init__(self, folder: Path, **environment: str) -> None:
        # Kept open, as the launcher does: whoever connects while the web is down waits for it.
        self._listener = listen(0)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = os.environ | {"HUB_PUBLIC_URL": self.url} | environment
        self._running: dict[str, GuardedProcess] = {}

    def start(self, *names: str) -> None:
        """Start "web", "worker" and "beat", as named; returns when the web answers."""
        commands = {
            "web": [
                *(sys.executable, "-m", "uvicorn", "hub.asgi:application"),
                *("--fd", str(self._listener.fileno())),
                *("--timeout-graceful-shutdown", "1", "--lifespan", "off"),
            ],
            "worker": [
                *(sys.executable, "-m", "celery", "-A", "hub", "worker"),
                *("--pool", "threads", "--concurrency", "4", "--without-gossip"),
                *("--without-mingle", "--loglevel", "INFO"),
            ],
            "beat": [
                *(sys.executable, "-m", "celery", "-A", "hub", "beat"),
                *("--schedule", str(self.folder / "beat"), "--pidfile", ""),
            ],
        }
        for name in names:
            listener = self._listener.fileno() if name == "web" else None
            program = Program(name, commands[name], self.environment, PROJECT, listener=listener)
            process = GuardedProcess(program)
            with self.log(name).open("ab") as output:
                process.start(output)
            self._running[name] = process
        if "web" in names:
            self._wait_for_web()

    def kill(self, name: str) -> None:
        """End a process as a crash does: SIGKILL, nothing is finished."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """Stop everything that runs."""
        while self._running:
            self._running.popitem()[1].stop()
        self._listener.close()

    def log(self, name: str) -> Path:
        """The file that a process's output goes to."""
        return self.folder / f"{name}.log"

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            if self._running["web"].exit_code() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the web did not start:\n{self.log('web').read_text()[-4000:]}")
