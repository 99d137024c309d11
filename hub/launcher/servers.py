"""PostgreSQL and Valkey for whoever needs them for a while: the tests and the benchmark.

The demo's supervisor runs the same two, but starts them again when they die.
"""

import fcntl
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

from hub.launcher.errors import CannotStart
from hub.launcher.guarded import DidNotStart, GuardedProcess, Program
from hub.launcher.ledger import Ledger
from hub.launcher.postgres import EmbeddedPostgres
from hub.launcher.valkey import EmbeddedValkey

LOG_TAIL = 2000
"""Characters of a server's log to show when it did not start."""


class FolderInUse(CannotStart):
    """Another launcher, still alive, works with this data folder."""


class FolderLock:
    """An exclusive hold on a data folder, which the kernel releases however we end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "launcher.lock"
        self._file: IO[bytes] | None = None

    def take(self) -> None:
        """Take the folder; raise FolderInUse if somebody has it."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise FolderInUse(f"{self._path.parent} is in use by another launcher.") from None
        self._file = file

    def release(self) -> None:
        """Let the folder go."""
        if self._file:
            self._file.close()
            self._file = None


class Server(Protocol):
    """What both embedded servers offer."""

    def program(self) -> Program: ...

    def prepare(self) -> None: ...

    def wait_ready(self, process: GuardedProcess) -> None: ...

    def remove_sockets(self) -> None: ...


class EmbeddedServers:
    """The embedded servers of one folder, as a context manager or by start() and stop().

    Leave one out where another server is used in its place. Their output goes to a log file in
    the folder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        postgres: bool = True,
        valkey: bool = True,
        durable: bool = True,
        lock: bool = True,
    ) -> None:
        self._folder = folder = folder.absolute()
        self._lock = FolderLock(folder) if lock else None
        self.postgres = EmbeddedPostgres(folder, durable=durable) if postgres else None
        self.valkey = EmbeddedValkey(folder) if valkey else None
        self._servers: list[Server] = [s for s in (self.postgres, self.valkey) if s is not None]
        self.processes: list[GuardedProcess] = []

    @property
    def database_url(self) -> str:
        """DATABASE_URL of the embedded PostgreSQL."""
        if self.postgres is None:
            raise LookupError("These servers were asked for without PostgreSQL.")
        return self.postgres.url()

    @property
    def redis_url(self) -> str:
        """REDIS_URL of the embedded Valkey."""
        if self.valkey is None:
            raise LookupError("These servers were asked for without Valkey.")
        return self.valkey.url

    def start(self) -> None:
        """Start all and wait until they answer.

        Raises FolderInUse, or DidNotStart with the end of the log.
        """
        if self._lock:
            self._lock.take()
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "servers.log"
        ledger = Ledger(self._folder / "processes.json")
        try:
            ledger.sweep()
            with log.open("wb") as output:
                for server in self._servers:
                    server.prepare()
                    process = GuardedProcess(server.program(), ledger)
                    self.processes.append(process)
                    process.start(output)
            for server, process in zip(self._servers, self.processes, strict=True):
                server.wait_ready(process)
        except DidNotStart as error:
            self.stop()
            tail = log.read_text(errors="replace")[-LOG_TAIL:] if log.exists() else ""
            raise DidNotStart(f"{error}\n{tail}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all, each with its clean stop, and release the folder."""
        for process in self.processes:
            process.ask_to_stop()
        for process in self.processes:
            process.wait()
        self.processes = []
        for server in self._servers:
            server.remove_sockets()
        if self._lock:
            self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
