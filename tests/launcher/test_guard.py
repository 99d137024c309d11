"""Nothing that the launcher started outlives it, and what is stopped is stopped cleanly."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub.launcher.guarded import GuardedProcess, Program
from hub.launcher.servers import EmbeddedServers
from tests.launcher.processes import family, living, wait_until
from tests.servers import PROJECT

LAUNCHER = """
import json, os, sys, time
from pathlib import Path
from hub.launcher.guarded import GuardedProcess, Program
from hub.launcher.servers import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]), durable=False)
servers.start()
app = GuardedProcess(Program("app", ["sleep", "600"]))
app.start()
pids = [pid for each in [*servers.processes, app] for pid in (each.pid, each.guard_pid)]
print(json.dumps({"pids": pids, "url": servers.database_url}), flush=True)
time.sleep(600)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""
POLITE = """
import signal, sys, time
def leave(number, frame):
    print("bye", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("hello", flush=True)
time.sleep(600)
"""


def python(script: str, **options: object) -> Program:
    return Program("script", [sys.executable, "-c", script], **options)


def started(program: Program) -> GuardedProcess:
    process = GuardedProcess(program)
    process.start(subprocess.PIPE)
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_launcher_that_dies_leaves_no_process(folder: Path, how: int) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(folder)], cwd=PROJECT, stdout=subprocess.PIPE
    )
    assert launcher.stdout
    pids = json.loads(launcher.stdout.readline())["pids"]
    everything = {pid for each in pids for pid in family(each)}
    assert len(everything) >= 6
    os.kill(launcher.pid, how)
    launcher.wait()
    assert wait_until(lambda: not living(everything)), living(everything)
    # PostgreSQL removes this file at a clean stop only.
    assert not (folder / "postgres" / "data" / "postmaster.pid").exists()
    with EmbeddedServers(folder, durable=False) as servers:
        assert len(servers.processes) == 2


def test_stopping_lets_the_child_finish() -> None:
    process = started(python(POLITE))
    assert process.output
    assert process.output.readline() == b"hello\n"
    assert process.stop() == 0
    assert process.output.read() == b"bye\n"


def test_a_child_that_ignores_the_stop_signal_is_killed() -> None:
    process = started(python(STUBBORN, grace=1))
    assert process.output
    assert process.output.readline() == b"deaf\n"
    assert process.stop() == 128 + signal.SIGKILL
    assert not living([process.pid, process.guard_pid])


def test_the_exit_code_of_the_child_is_told() -> None:
    assert started(python("raise SystemExit(7)")).wait() == 7


def test_a_command_that_does_not_exist_is_named() -> None:
    process = started(Program("none", ["/nowhere/at-all"]))
    assert process.output
    assert b"/nowhere/at-all" in process.output.read()
    assert process.wait() == 127


def test_what_the_child_leaves_in_its_group_ends_with_it() -> None:
    process = started(
        python(
            "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True)",
        )
    )
    assert process.output
    grandchild = int(process.output.readline())
    assert process.wait() == 0
    assert wait_until(lambda: not living([grandchild]), 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a parent-death signal")
def test_a_child_whose_guard_is_killed_stops_by_itself() -> None:
    process = started(python(POLITE))
    assert process.output
    process.output.readline()
    os.kill(process.guard_pid, signal.SIGKILL)
    assert process.output.readline() == b"bye\n"
    process.wait()
    assert wait_until(lambda: not living([process.pid]), 2)
