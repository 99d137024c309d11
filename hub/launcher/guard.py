"""The guard: a tiny parent that ends its one child when the launcher is gone.

Run as a script, `python -S -E guard.py OPTIONS -- COMMAND…`, so it imports only what Python has
compiled in. It reads a pipe (the lifeline) whose write end only the launcher holds. The kernel
closes that end however the launcher dies, SIGKILL included; the guard then sends the stop signal,
waits the grace time, and kills. Stopping on purpose is the same: the launcher closes the pipe.

It must stay single-threaded: the parent-death signal fires when the starting *thread* ends.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def parse(arguments: list[str]) -> tuple[dict[str, int], list[str]]:
    """Split `--name=number` options from the command after the `--`."""
    end = arguments.index("--")
    options = {}
    for argument in arguments[:end]:
        name, _, value = argument.removeprefix("--").partition("=")
        options[name] = int(value)
    return options, arguments[end + 1 :]


def start(command: list[str], options: dict[str, int]) -> int:
    """Fork and run `command` in a session of its own; return its pid."""
    guard = os.getpid()
    # Loaded before root's rights are dropped: a Python in a private home cannot be read after.
    die_with_parent = parent_death_signal()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if "uid" in options:
            os.setgroups([])
            os.setgid(options["gid"])
            os.setuid(options["uid"])
        # After setuid, which would clear it. Should the guard itself be killed, the kernel
        # stops the child (Linux only; elsewhere the next start's sweep finds it).
        die_with_parent(options["signal"])
        if os.getppid() != guard:
            os._exit(1)
        for descriptor in (options["lifeline"], options["report"]):
            os.close(descriptor)
        os.execvp(command[0], command)  # noqa: S606
    except BaseException as error:  # noqa: BLE001  (a fork must never return)
        os.write(2, f"cannot run {command[0]}: {error}\n".encode())
    os._exit(127)


def parent_death_signal() -> Callable[[int], object]:
    """Return what asks the kernel for a signal to this process when its parent dies.

    It is an extra of Linux, for the case that the guard is killed; elsewhere it does nothing.
    """
    if sys.platform != "linux":
        return lambda signal_number: None
    try:
        import ctypes
    except ImportError:  # a Python built without libffi
        return lambda signal_number: None
    prctl = ctypes.CDLL(None).prctl
    return lambda signal_number: prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def end_group(pid: int, signal_number: int) -> None:
    """Signal the child's process group, which may be gone already."""
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        return


def signal_child(pid: int, signal_number: int) -> None:
    """Signal the child alone: servers such as PostgreSQL stop their own children in order."""
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return


def main() -> int:
    """Run the child; return its exit code, or minus the signal that ended it."""
    options, command = parse(sys.argv[1:])
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    os.set_blocking(wake_read, False)
    asked_to_stop = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake_write)

    pid = start(command, options)
    os.write(options["report"], f"{pid}\n".encode())
    os.close(options["report"])

    deadline = None
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            # What the child left behind in its group must not outlive it.
            end_group(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(status)
        if deadline is None and asked_to_stop:
            signal_child(pid, options["signal"])
            deadline = time.monotonic() + options["grace"]
        watched = [wake_read] if deadline else [wake_read, options["lifeline"]]
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        readable, _, _ = select.select(watched, [], [], patience)
        if wake_read in readable:
            os.read(wake_read, 512)
        if options["lifeline"] in readable and not os.read(options["lifeline"], 1):
            asked_to_stop = True
        if deadline and time.monotonic() >= deadline:
            end_group(pid, signal.SIGKILL)
            signal_child(pid, signal.SIGKILL)


if __name__ == "__main__":
    code = main()
    # Written out by hand: an exit by signal would look like a crash of the guard itself.
    os._exit(code if code >= 0 else 128 - code)
