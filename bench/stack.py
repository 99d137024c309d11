"""The servers and processes of a benchmark, in a folder of their own, stopped at its end."""

import base64
import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from hub.launcher import apps
from hub.launcher.guarded import GuardedProcess, Program
from hub.launcher.ports import listen
from hub.launcher.servers import EmbeddedServers

PROJECT = Path(__file__).resolve().parent.parent
START_LIMIT = 60
"""Seconds until a process must answer."""
SETTLE = 10
"""Seconds for worker and beat to load what they need, before anything is timed."""


def free_port() -> int:
    """Return a port of loopback that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Stack:
    """PostgreSQL and Valkey as the demo has them, with what the bench starts on them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hub-bench-"))
        # The servers run as another user when we are root: they must be able to reach it.
        self.folder.chmod(0o755)
        self.servers = EmbeddedServers(self.folder / "servers")
        self.processes: dict[str, GuardedProcess] = {}

    def __enter__(self) -> "Stack":
        self.servers.start()
        os.environ.update(
            {
                "HUB_ENV": "demo",
                "HUB_SECRET_KEY": secrets.token_urlsafe(64),
                "HUB_ENCRYPTION_KEYS": f"bench:{_key()}",
                "HUB_BLIND_INDEX_KEY": _key(),
                "HUB_AUDIT_KEY": _key(),
                "HUB_PUBLIC_URL": f"http://127.0.0.1:{free_port()}",
                "HUB_DATA_DIR": str(self.folder),
                "HUB_LOG_FORMAT": "json",
                # Whoever asks to be called back is rung at any hour: nobody here sleeps.
                "HUB_CALLS_FROM": "00:00",
                "HUB_CALLS_UNTIL": "24:00",
                "DATABASE_URL": self.servers.database_url,
                "REDIS_URL": self.servers.redis_url,
                "TWILIO_BACKEND": "simulator",
                # Nobody listens there but while calls are measured.
                "TWILIO_API_BASE": f"http://127.0.0.1:{free_port()}",
                "TWILIO_ACCOUNT_SID": "AC" + "0" * 31 + "7",
                "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
                "TWILIO_API_KEY_SID": "SK" + "0" * 31 + "7",
                "TWILIO_API_KEY_SECRET": secrets.token_hex(16),
                "DJANGO_SETTINGS_MODULE": "hub.settings",
            }
        )
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes.values()):
            process.stop()
        self.servers.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_hub(self) -> str:
        """Start web, worker and beat as the demo does; return the web's address."""
        url = os.environ["HUB_PUBLIC_URL"]
        self.listener = listen(int(url.rpartition(":")[2]))
        self._start(apps.web(self.listener, os.environ, PROJECT))
        self._start(apps.worker(os.environ, PROJECT))
        self._start(apps.beat(self.folder, os.environ, PROJECT))
        self._wait_for(url, "web")
        time.sleep(SETTLE)
        return url

    def start_simulator(self, number: str) -> str:
        """Start the simulated Twilio with one number; return its address."""
        url = os.environ["TWILIO_API_BASE"]
        environment = os.environ | {"SIMULATOR_NUMBERS": number, "SIMULATOR_SPECIFICATION": "off"}
        self._start(apps.simulator(int(url.rpartition(":")[2]), environment, PROJECT))
        self._wait_for(url, "simulator")
        return url

    def stop_simulator(self) -> None:
        """End the simulated Twilio: texts are measured without it."""
        self.processes.pop("simulator").stop()

    def stop_background(self) -> None:
        """End worker and beat, which would seal what the pages are measured beside."""
        for label in ("beat", "worker"):
            self.processes.pop(label).stop()

    def hub_processes(self) -> list[GuardedProcess]:
        """The processes of the hub itself that run now."""
        return [process for label, process in self.processes.items() if label != "floor"]

    def start_floor(self) -> str:
        """Start the floor, under the same server with the same options; return its address."""
        url = f"http://127.0.0.1:{free_port()}"
        command = [
            *(sys.executable, "-m", "uvicorn", "bench.floor:application"),
            *("--host", "127.0.0.1", "--port", url.rpartition(":")[2]),
            *("--timeout-graceful-shutdown", "3", "--lifespan", "off"),
            *("--no-access-log", "--log-level", "warning"),
        ]
        environment = os.environ | {"HUB_PUBLIC_URL": url}
        self._start(Program("floor", command, environment, PROJECT))
        self._wait_for(url, "floor")
        return url

    def _start(self, program: Program) -> None:
        process = GuardedProcess(program)
        with self._log(program.label).open("wb") as output:
            process.start(output)
        self.processes[program.label] = process

    def _log(self, label: str) -> Path:
        return self.folder / f"{label}.log"

    def _wait_for(self, url: str, label: str) -> None:
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:  # noqa: S310
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(self._log(label).read_text()[-2000:])


def resident_mb(process: GuardedProcess) -> float:
    """Return the resident memory of a process, in MiB (Linux)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
