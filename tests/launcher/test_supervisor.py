"""What dies is started again, but not while stopping; what never starts is said."""

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.launcher.guarded import DidNotStart, GuardedProcess, Program
from hub.launcher.ledger import Ledger
from hub.launcher.output import Output
from hub.launcher.supervisor import FIRST_DELAY, Service, Stopped, Supervisor
from tests.launcher.processes import living

SAY_AND_WAIT = "import time; print('up', flush=True); time.sleep(600)"


class Run:
    """A supervisor and what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.stream = io.StringIO()
        self.output = Output(self.stream)
        self.supervisor = Supervisor(Ledger(folder / "processes.json"), self.output)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def go_on_until(self, words: str, times: int = 1, seconds: float = 8) -> None:
        deadline = time.monotonic() + seconds
        while self.text.count(words) < times:
            assert time.monotonic() < deadline, self.text
            self.supervisor.pause(0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    run.supervisor.stop()


def service(label: str, script: str) -> Service:
    return Service(Program(label, [sys.executable, "-c", script]))


def test_a_child_that_is_killed_is_started_again(run: Run) -> None:
    web = service("web", SAY_AND_WAIT)
    run.supervisor.start(web)
    run.go_on_until("web        | up")
    assert web.process
    first = web.process.pid
    os.kill(first, signal.SIGKILL)
    run.go_on_until("web        | up", times=2)
    assert web.process.pid != first
    assert "web ended with code 137; starting it again in 0.5 s." in run.text


def test_a_child_whose_guard_is_killed_runs_once_afterwards(run: Run) -> None:
    web = service("web", SAY_AND_WAIT)
    run.supervisor.start(web)
    run.go_on_until("| up")
    assert web.process
    first = web.process.pid
    os.kill(web.process.guard_pid, signal.SIGKILL)
    run.go_on_until("| up", times=2)
    assert living([first]) == []


def test_each_start_in_vain_waits_longer_than_the_last(run: Run) -> None:
    failing = service("worker", "raise SystemExit(3)")
    run.supervisor.start(failing)
    run.go_on_until("starting it again in 1 s")
    assert failing.delay == 4 * FIRST_DELAY


def test_the_others_go_on_while_one_is_down(run: Run) -> None:
    steady, failing = service("web", SAY_AND_WAIT), service("worker", "raise SystemExit(3)")
    run.supervisor.start(steady, failing)
    assert steady.process
    pid = steady.process.pid
    run.go_on_until("starting it again in 1 s")
    assert living([pid]) == [pid]


def test_stopping_starts_nothing_again_and_leaves_nothing(run: Run) -> None:
    web = service("web", SAY_AND_WAIT)
    run.supervisor.start(web)
    run.go_on_until("| up")
    assert web.process
    pids = [web.process.pid, web.process.guard_pid]
    run.supervisor.ask_to_stop()
    run.supervisor.watch()
    run.supervisor.stop()
    assert living(pids) == []
    assert "starting it again" not in run.text


def test_a_step_that_is_waited_for_ends_when_asked_to_stop(run: Run) -> None:
    run.supervisor.ask_to_stop()
    with pytest.raises(Stopped):
        run.supervisor.run_once(Program("migrate", ["sleep", "600"]))


def test_a_step_tells_its_exit_code(run: Run) -> None:
    command = [sys.executable, "-c", "raise SystemExit(4)"]
    assert run.supervisor.run_once(Program("migrate", command)) == 4


def test_a_service_that_never_gets_ready_shows_its_last_words(run: Run) -> None:
    def never(process: GuardedProcess) -> None:
        process.wait()
        raise DidNotStart("It ended.")

    broken = service("valkey", "raise SystemExit('no room on the disk')")
    broken.wait_ready = never
    with pytest.raises(DidNotStart, match="no room on the disk"):
        run.supervisor.start(broken)
