"""What the launcher's tests ask of real processes."""

import time
from collections.abc import Callable, Iterable

import psutil


def wait_until(happened: Callable[[], object], seconds: float = 10.0) -> bool:
    """Wait until `happened` is true, at most `seconds`; return whether it became true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.02)
    return bool(happened())


def living(pids: Iterable[int]) -> list[int]:
    """Return those of `pids` that run (a zombie does not)."""
    found = []
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def family(pid: int) -> list[int]:
    """Return `pid` and all processes below it."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
