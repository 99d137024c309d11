"""The whole stack on one machine: servers, migrations, a small clinic, and all processes."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hub.launcher import apps
from hub.launcher.errors import CannotStart
from hub.launcher.keys import demo_keys
from hub.launcher.ledger import Ledger
from hub.launcher.output import Output
from hub.launcher.ports import HOST, is_open, listen, require_free
from hub.launcher.postgres import EmbeddedPostgres
from hub.launcher.schema_state import Marks, fingerprint
from hub.launcher.servers import FolderInUse, FolderLock
from hub.launcher.supervisor import Service, Stopped, Supervisor
from hub.launcher.valkey import EmbeddedValkey

PROJECT = Path(__file__).resolve().parent.parent.parent
READY_PATIENCE = 60.0
"""Seconds to wait for the first page before saying that something is wrong."""
PASSWORD = "riverside-demo-2026"  # noqa: S105  (printed for everybody: the demo's people are made up)
SEED = "with a telephone"
"""Which clinic was filled in; another one means that the command has something to add."""
LOGINS = (
    ("agent", "lena@riverside.example"),
    ("supervisor", "sam@riverside.example"),
    ("administrator", "ada@riverside.example"),
)


class StepFailed(CannotStart):
    """A management command failed; what it said is above."""


@dataclass(frozen=True)
class Choices:
    """What the person chose by variables; see `choices`."""

    folder: Path
    port: int
    simulator_port: int
    database_url: str
    redis_url: str
    simulated: bool


def choices(environment: Mapping[str, str]) -> Choices:
    """Read HUB_DATA_DIR, HUB_PORT, SIMULATOR_PORT, DATABASE_URL, REDIS_URL and TWILIO_BACKEND."""
    return Choices(
        folder=Path(environment.get("HUB_DATA_DIR") or PROJECT / ".data").absolute(),
        port=_port(environment, "HUB_PORT", 8000),
        simulator_port=_port(environment, "SIMULATOR_PORT", 8001),
        database_url=environment.get("DATABASE_URL", ""),
        redis_url=environment.get("REDIS_URL", ""),
        simulated=environment.get("TWILIO_BACKEND", "simulator") == "simulator",
    )


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"{variable} must be a port number, such as {default}.")
    return int(text)


def application_environment(
    chosen: Choices, database_url: str, redis_url: str, environment: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of the hub's processes. What the person set wins over the demo's."""
    demo = {
        "HUB_PUBLIC_URL": f"http://{HOST}:{chosen.port}",
        "HUB_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "HUB_DATA_DIR": str(chosen.folder),
        "PYTHONUNBUFFERED": "1",
        **demo_keys(chosen.folder),
    }
    if chosen.simulated:
        demo["TWILIO_BACKEND"] = "simulator"
        demo["TWILIO_API_BASE"] = f"http://{HOST}:{chosen.simulator_port}"
        # Nobody's sleep is disturbed by a simulated call, and whoever tries it may be anywhere.
        demo |= {"HUB_CALLS_FROM": "00:00", "HUB_CALLS_UNTIL": "24:00"}
    given = {name: value for name, value in environment.items() if value}
    fixed = {"HUB_ENV": "demo", "DATABASE_URL": database_url, "REDIS_URL": redis_url}
    return {**demo, **given, **fixed}


class Demo:
    """One run of the demo."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = environment
        self._chosen = choices(environment)
        self._output = Output()
        self._ledger = Ledger(self._chosen.folder / "processes.json")
        self._supervisor = Supervisor(self._ledger, self._output)
        self._listener: socket.socket | None = None
        self._servers: list[Service] = []
        self._apps: list[Service] = []
        self._embedded: list[EmbeddedPostgres | EmbeddedValkey] = []

    def run(self) -> int:
        """Start, watch and stop everything; return the exit code.

        Raises CannotStart, with what to do about it.
        """
        began = time.monotonic()
        self._make_folder()
        lock = FolderLock(self._chosen.folder)
        try:
            lock.take()
        except FolderInUse:
            raise FolderInUse(
                f"A demo is running already with the data in {self._chosen.folder}. "
                "Stop it, or choose another folder: HUB_DATA_DIR=… make demo"
            ) from None
        self._listen_to_signals()
        try:
            self._sweep()
            self._require_ports()
            environment = self._start_servers()
            self._migrate_and_seed(environment)
            self._start_apps(environment)
            self._wait_for_first_page()
            self._introduce(time.monotonic() - began)
            self._supervisor.watch()
        except Stopped:
            pass
        finally:
            self._stop()
            lock.release()
        return 0

    def _make_folder(self) -> None:
        folder = self._chosen.folder
        if not folder.exists():
            folder.mkdir(parents=True)
            # As root, PostgreSQL's own user has to pass through to its part of it.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _listen_to_signals(self) -> None:
        def on_signal(number: int, frame: object) -> None:
            if self._supervisor.stopping:
                self._supervisor.kill()
            self._supervisor.ask_to_stop()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_signal)

    def _sweep(self) -> None:
        swept = self._ledger.sweep()
        if swept:
            self._output.say(f"Ended what an earlier run had left: {', '.join(swept)}.")

    def _require_ports(self) -> None:
        require_free(self._chosen.port, "HUB_PORT")
        if self._chosen.simulated:
            require_free(self._chosen.simulator_port, "SIMULATOR_PORT")

    def _start_servers(self) -> dict[str, str]:
        database_url, redis_url = self._chosen.database_url, self._chosen.redis_url
        marks = self._chosen.folder / sha256(database_url.encode()).hexdigest()[:12]
        if not database_url:
            postgres = EmbeddedPostgres(self._chosen.folder)
            self._embedded.append(postgres)
            database_url, marks = postgres.url(), postgres.home
            if not postgres.data.exists():
                self._output.say("Making a PostgreSQL for this demo.")
        if not redis_url:
            valkey = EmbeddedValkey(self._chosen.folder)
            self._embedded.append(valkey)
            redis_url = valkey.url
        self._marks = Marks(marks)
        self._servers = [
            Service(server.program(), server.prepare, server.wait_ready)
            for server in self._embedded
        ]
        self._supervisor.start(*self._servers)
        return application_environment(self._chosen, database_url, redis_url, self._given)

    def _migrate_and_seed(self, environment: Mapping[str, str]) -> None:
        state = fingerprint(PROJECT)
        # Of a database that is not ours we do not know what happened to it meanwhile.
        if self._chosen.database_url or not self._marks.has("migrated", state):
            self._output.say("Bringing the tables up to date.")
            self._manage(environment, "migrate", "--verbosity=0")
            self._marks.set("migrated", state)
        if not self._marks.has("seeded", SEED):
            self._output.say("Filling in a small clinic.")
            self._manage(environment, "seed_demo")
            self._marks.set("seeded", SEED)

    def _manage(self, environment: Mapping[str, str], *command: str) -> None:
        program = apps.manage(environment, PROJECT, *command)
        if self._supervisor.run_once(program):
            raise StepFailed(f"`manage.py {command[0]}` failed; see above.")

    def _start_apps(self, environment: Mapping[str, str]) -> None:
        self._listener = listen(self._chosen.port)
        programs = [
            apps.web(self._listener, environment, PROJECT),
            apps.worker(environment, PROJECT),
            apps.beat(self._chosen.folder, environment, PROJECT),
        ]
        if self._chosen.simulated:
            programs.append(apps.simulator(self._chosen.simulator_port, environment, PROJECT))
        self._apps = [Service(program) for program in programs]
        self._supervisor.start(*self._apps)

    def _wait_for_first_page(self) -> None:
        deadline = time.monotonic() + READY_PATIENCE
        while not (self._is_alive() and self._simulator_is_open()):
            if time.monotonic() > deadline:
                self._output.say("No page yet; what keeps it is above. Ctrl-C stops everything.")
                return
            self._supervisor.pause(0.05)

    def _is_alive(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self._chosen.port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _simulator_is_open(self) -> bool:
        return not self._chosen.simulated or is_open(self._chosen.simulator_port)

    def _introduce(self, seconds: float) -> None:
        hub = f"http://{HOST}:{self._chosen.port}"
        lines = ["", f"Everything runs, after {seconds:.1f} s.", ""]
        lines.append(f"  Console for agents     {hub}/console/")
        if self._chosen.simulated:
            phone = f"http://{HOST}:{self._chosen.simulator_port}/"
            lines.append(f"  A patient's phone      {phone}   (a simulated Twilio)")
        lines += ["", f"  Log in with the password {PASSWORD} as"]
        lines += [f"    {address:<27} {role}" for role, address in LOGINS]
        lines += ["", f"  The data stay in {self._chosen.folder}. Ctrl-C stops everything.", ""]
        self._output.say("\n".join(lines))

    def _stop(self) -> None:
        if self._apps:
            self._output.say("Stopping.")
        # The applications first: they finish what they do, and need the servers for it.
        self._supervisor.stop(*self._apps)
        if self._listener is not None:
            self._listener.close()
        self._supervisor.stop()
        for server in self._embedded:
            server.remove_sockets()
