"""Starts programs, starts again those that die, and stops all of them in order."""

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from hub.launcher.errors import CannotStart
from hub.launcher.guarded import DidNotStart, GuardedProcess, Program
from hub.launcher.ledger import Ledger
from hub.launcher.output import Output

TICK = 0.1
"""Seconds between two looks at the processes."""
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
"""Seconds before a program that died is started again: doubled each time, up to the longest."""
PROVEN_AFTER = 30.0
"""Seconds that a program must run for the next delay to be the first one again."""


class Stopped(Exception):
    """The person asked to stop while something was being waited for."""


@dataclass
class Service:
    """A program that is kept running.

    `prepare` is called before each start; `wait_ready` after the first.
    """

    program: Program
    prepare: Callable[[], None] = lambda: None
    wait_ready: Callable[[GuardedProcess], None] = lambda process: None
    process: GuardedProcess | None = None
    delay: float = field(default=FIRST_DELAY)
    start_again_at: float | None = None


class Supervisor:
    """Keeps services running until asked to stop.

    All methods belong to one thread, except for `ask_to_stop`, which may come from a signal.
    """

    def __init__(self, ledger: Ledger, output: Output) -> None:
        self._ledger = ledger
        self._output = output
        self._services: list[Service] = []
        self._stopping = threading.Event()

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stopping.is_set()

    def ask_to_stop(self) -> None:
        """Make `watch`, `run_once` and `pause` return or raise Stopped soon."""
        self._stopping.set()

    def start(self, *services: Service) -> None:
        """Start `services` side by side and wait until they are ready.

        Raises DidNotStart, with the last lines of the one that did not.
        """
        launched = []
        for service in services:
            service.prepare()
            self._services.append(service)
            launched.append((service, self._launch(service)))
        for service, process in launched:
            try:
                service.wait_ready(process)
            except DidNotStart as error:
                recent = self._output.recent(service.program.label)
                raise DidNotStart(f"{error}\n{recent}") from error

    def run_once(self, program: Program) -> int:
        """Run a program to its end, under guard; return its exit code. Raises Stopped."""
        process = GuardedProcess(program, self._ledger)
        process.start(subprocess.PIPE)
        self._follow(process)
        try:
            while (code := process.exit_code()) is None:
                self.pause(0.02)
        except Stopped:
            process.stop()
            raise
        process.wait()
        return code

    def pause(self, seconds: float) -> None:
        """Wait, keeping the services alive; raise Stopped once that is asked for."""
        if self._stopping.wait(seconds):
            raise Stopped
        self._tick()

    def watch(self) -> None:
        """Keep the services running until asked to stop."""
        while not self._stopping.wait(TICK):
            self._tick()

    def stop(self, *services: Service) -> None:
        """Stop `services` side by side, or all of them if none is named."""
        chosen = services or tuple(self._services)
        for service in chosen:
            if service.process:
                service.process.ask_to_stop()
        for service in chosen:
            if service.process:
                service.process.wait()
                service.process = None
            if service in self._services:
                self._services.remove(service)

    def kill(self) -> None:
        """End all at once. Their guards see to the rest."""
        for service in self._services:
            if service.process:
                service.process.ask_to_stop()
                service.process.kill()

    def _launch(self, service: Service) -> GuardedProcess:
        process = GuardedProcess(service.program, self._ledger)
        process.start(subprocess.PIPE)
        service.process = process
        service.start_again_at = None
        self._follow(process)
        return process

    def _follow(self, process: GuardedProcess) -> None:
        if process.output:
            self._output.follow(process.program.label, process.output)

    def _tick(self) -> None:
        for service in self._services:
            if service.start_again_at is not None:
                if time.monotonic() >= service.start_again_at:
                    self._start_again(service)
            elif service.process and (code := service.process.exit_code()) is not None:
                self._plan_restart(service, service.process, code)

    def _plan_restart(self, service: Service, process: GuardedProcess, code: int) -> None:
        label = service.program.label
        if time.monotonic() - process.started_at >= PROVEN_AFTER:
            service.delay = FIRST_DELAY
        self._output.say(
            f"{label} ended with code {code}; starting it again in {service.delay:g} s."
        )
        process.ask_to_stop()
        # Its guard may have been killed, and the child still be on its way out.
        self._ledger.end_leftovers(label)
        service.start_again_at = time.monotonic() + service.delay
        service.delay = min(service.delay * 2, LONGEST_DELAY)

    def _start_again(self, service: Service) -> None:
        try:
            service.prepare()
        except (OSError, CannotStart) as error:
            # A full disk, say. The others run on; this one is tried again.
            self._output.say(f"{service.program.label} cannot be started: {error}")
            service.start_again_at = time.monotonic() + service.delay
            service.delay = min(service.delay * 2, LONGEST_DELAY)
            return
        self._launch(service)
