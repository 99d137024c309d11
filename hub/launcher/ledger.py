"""The ledger: which processes a data folder's launcher started, so that strays can be swept.

A pid alone is not enough, since the system gives it out again; a pid with the time at which its
process was created names one process for good.
"""

import json
import signal
import threading
from collections.abc import Iterable
from pathlib import Path

import psutil

CREATED_TOLERANCE = 0.5
"""Seconds by which two readings of one process's creation time may differ."""
SWEEP_PATIENCE = 10.0
"""Seconds that a swept process gets between its stop signal and the kill. A guard needs up to 8."""


class Ledger:
    """A small JSON file of label → [[pid, created], …].

    Only the holder of the folder's lock may write it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, list[tuple[int, float]]] = {}
        self._lock = threading.Lock()

    def add(self, label: str, pids: Iterable[int]) -> None:
        """Remember the processes of `label`, instead of earlier ones of the same label."""
        rows = []
        for pid in pids:
            try:
                rows.append((pid, psutil.Process(pid).create_time()))
            except psutil.NoSuchProcess:
                continue
        with self._lock:
            self._rows[label] = rows
            self._write()

    def remove(self, label: str) -> None:
        """Forget the processes of `label`."""
        with self._lock:
            self._rows.pop(label, None)
            self._write()

    def sweep(self) -> list[str]:
        """End every process of an earlier launcher that is still alive; return their labels."""
        strays: list[tuple[str, psutil.Process]] = []
        for label, rows in self._read().items():
            for pid, created in rows:
                process = find(pid, created)
                if process is not None:
                    strays.append((label, process))
        end([process for _, process in strays])
        with self._lock:
            self._rows = {}
            self._write()
        return sorted({label for label, _ in strays})

    def end_leftovers(self, label: str) -> None:
        """End what is left of `label`, such as a child whose guard was killed, and forget it."""
        rows = self._rows.get(label, [])
        end([process for pid, created in rows if (process := find(pid, created))])
        self.remove(label)

    def _read(self) -> dict[str, list[tuple[int, float]]]:
        try:
            found = json.loads(self._path.read_text())
            return {label: [(int(p), float(c)) for p, c in rows] for label, rows in found.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError):
            # Half written when the power went: after that nothing of it runs any more.
            return {}

    def _write(self) -> None:
        replacement = self._path.with_suffix(".new")
        replacement.write_text(json.dumps(self._rows))
        replacement.replace(self._path)


def find(pid: int, created: float) -> psutil.Process | None:
    """Return the living process `pid` if it was created at `created` (seconds since 1970)."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < CREATED_TOLERANCE
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def end(processes: list[psutil.Process], stop_signal: int = signal.SIGTERM) -> None:
    """Ask `processes` to stop, wait, and kill those that did not."""
    for process in processes:
        try:
            process.send_signal(stop_signal)
        except psutil.Error:
            continue
    _, stubborn = psutil.wait_procs(processes, timeout=SWEEP_PATIENCE)
    for process in stubborn:
        try:
            process.kill()
        except psutil.Error:
            continue
    psutil.wait_procs(stubborn, timeout=2)
