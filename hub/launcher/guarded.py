"""A process under a guard: started, watched and stopped by the launcher."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hub.launcher.errors import CannotStart
from hub.launcher.ledger import Ledger
from hub.launcher.system_user import SystemUser

GUARD = Path(__file__).with_name("guard.py")
STOP_GRACE = 8
"""Seconds between the stop signal and the kill."""


class DidNotStart(CannotStart):
    """A process ended, or stayed silent, before it was ready. The text says which and why."""


@dataclass(frozen=True)
class Program:
    """What to run. Nothing of it runs yet.

    `stop_signal` is the one that means "finish cleanly" to this program, and `grace` the seconds it
    gets for that; `run_as` drops root's rights in the child, while its guard keeps them. `listener`
    is the descriptor of an open socket that the child serves and the launcher keeps: whoever
    connects while the program is being started anew waits a moment, and is not refused.
    """

    label: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path | None = None
    stop_signal: int = signal.SIGTERM
    run_as: SystemUser | None = None
    grace: int = STOP_GRACE
    listener: int | None = None


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without the variable that keeps Python from caching compiled code.

    Without the cache each Python process starts seconds later.
    """
    return {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}


class GuardedProcess:
    """One running program and its guard.

    `ledger`, where given, remembers both pids, so that the next start can sweep what a crash of
    the guard left behind.
    """

    def __init__(self, program: Program, ledger: Ledger | None = None) -> None:
        self.program = program
        self._ledger = ledger
        self._guard: subprocess.Popen[bytes] | None = None
        self._lifeline = -1
        self.pid = 0
        self.started_at = 0.0

    def start(self, output: int | IO[bytes] | None = None) -> None:
        """Start guard and child; both write to `output` (a file, subprocess.PIPE, or ours)."""
        lifeline_read, self._lifeline = os.pipe()
        report_read, report_write = os.pipe()
        program = self.program
        options = {
            "lifeline": lifeline_read,
            "report": report_write,
            "signal": int(program.stop_signal),
            "grace": program.grace,
        }
        if program.run_as:
            options |= {"uid": program.run_as.uid, "gid": program.run_as.gid}
        try:
            self._guard = subprocess.Popen(
                [
                    *(sys.executable, "-S", "-E", str(GUARD)),
                    *(f"--{name}={value}" for name, value in options.items()),
                    *("--", *program.command),
                ],
                env=child_environment(program.environment),
                cwd=program.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                pass_fds=(
                    *(lifeline_read, report_write),
                    *([] if program.listener is None else [program.listener]),
                ),
                start_new_session=True,
            )
        finally:
            os.close(lifeline_read)
            os.close(report_write)
        self.started_at = time.monotonic()
        self.pid = _read_pid(report_read)
        if self._ledger:
            self._ledger.add(program.label, [self._guard.pid, self.pid])

    @property
    def output(self) -> IO[bytes] | None:
        """The read end of the child's output, if it was started with subprocess.PIPE."""
        return self._guard.stdout if self._guard else None

    @property
    def guard_pid(self) -> int:
        """The guard's process id (0 before the start)."""
        return self._guard.pid if self._guard else 0

    def exit_code(self) -> int | None:
        """Return the exit code once the process has ended (128 + n for signal n), else None."""
        return self._guard.poll() if self._guard else None

    def ask_to_stop(self) -> None:
        """Let go of the lifeline; the guard does the rest. Harmless when repeated."""
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def wait(self, timeout: float = STOP_GRACE + 2) -> int:
        """Wait for the end, at most `timeout` seconds, then kill; return the exit code."""
        if self._guard is None:
            return 0
        try:
            code = self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            code = self._guard.wait()
        if self._ledger:
            self._ledger.remove(self.program.label)
        return code

    def stop(self) -> int:
        """Stop cleanly and wait for it; return the exit code."""
        self.ask_to_stop()
        return self.wait()

    def kill(self) -> None:
        """End the child at once, without its stop signal (for those who cannot wait)."""
        if self.pid and self.exit_code() is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return


def _read_pid(report: int) -> int:
    """Read the child's pid, the first line of the guard's report; 0 if it never came."""
    try:
        ready, _, _ = select.select([report], [], [], 10)
        line = os.read(report, 32) if ready else b""
    finally:
        os.close(report)
    return int(line or 0)
