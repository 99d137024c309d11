"""The simulator's time: real, faster than real, or moved by hand.

Everything that waits inside the simulator waits here, so that a five-minute scene plays in
seconds and a test steps through it without sleeping at all.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

#: How long one step by hand waits (real seconds) for the work it woke to come to rest.
SETTLE_LIMIT = 60.0


class ClockNotStepped(Exception):
    """Only a clock in stepped mode can be moved by hand."""


class WorkStillRunning(Exception):
    """The work that a step woke did not come to rest within the limit."""


class Bell:
    """What a task waits on with :meth:`Clock.wait`; whoever changes its world rings it.

    It remembers one ring, so that one between two waits is not lost.
    """

    def __init__(self) -> None:
        self.rung = False
        self._sleeper: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake who waits, or let the next wait end at once."""
        self.rung = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)


class Clock:
    """One source of time and of waiting, and the list of the tasks that live by it.

    In ``real`` mode simulated seconds run at ``factor`` times the wall clock's pace. In
    ``stepped`` mode they pass only by :meth:`advance`.
    """

    def __init__(self) -> None:
        self.mode = "real"
        self.factor = 1.0
        self._epoch = datetime.now(UTC)
        self._anchor = time.monotonic()
        self._stepped_seconds = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._dozing: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._standing: set[asyncio.Task[Any]] = set()
        self._busy = 0
        self._ended = False
        self._rest = asyncio.Event()
        self._rest.set()

    def set_mode(self, mode: str, factor: float = 1.0) -> None:
        """Switch to ``real`` (``factor`` × the wall clock) or ``stepped``; time runs on from now.

        Raises:
            ValueError: for another mode or a factor outside 0.1 to 1,000.
        """
        if mode not in {"real", "stepped"}:
            raise ValueError("mode is real or stepped")
        if not 0.1 <= factor <= 1000:
            raise ValueError("factor is between 0.1 and 1000")
        self._epoch, self._anchor, self._stepped_seconds = self.now(), time.monotonic(), 0.0
        self.mode, self.factor = mode, factor
        self._wake_all()

    def now(self) -> datetime:
        """The simulated time, in UTC."""
        return self._epoch + timedelta(seconds=self._elapsed())

    def spawn(self, work: Coroutine[Any, Any, Any], *, standing: bool = False) -> asyncio.Task[Any]:
        """Run ``work`` in the background; it counts as busy except while it sleeps here.

        What is ``standing``, such as a telephone call, may go on for hours: :meth:`finish` waits
        for it only while it is busy.
        """
        self._became_busy()
        task = asyncio.get_running_loop().create_task(work)
        if self._ended:
            task.cancel()
        self._tasks.add(task)
        if standing:
            self._standing.add(task)
        task.add_done_callback(self._finished)
        return task

    async def sleep(self, seconds: float) -> None:
        """Wait for simulated ``seconds``. Only work started by :meth:`spawn` may sleep here."""
        if seconds <= 0:
            return
        until = self.now() + timedelta(seconds=seconds)
        self._became_idle()
        try:
            # A change of mode wakes every sleeper, who then finds out how long is left.
            while (left := (until - self.now()).total_seconds()) > 1e-6:
                if self.mode == "stepped":
                    await self._sleep_until_stepped(self._stepped_seconds + left)
                else:
                    await self._sleep_really(left / self.factor)
        finally:
            self._became_busy()

    async def wait(self, bell: Bell, seconds: float | None = None) -> None:
        """Wait until ``bell`` is rung, for simulated ``seconds`` at most. One task a bell.

        As with :meth:`sleep`, only work started by :meth:`spawn` may wait here.
        """
        until = None if seconds is None else self.now() + timedelta(seconds=seconds)
        self._became_idle()
        try:
            while not bell.rung:
                left = None if until is None else (until - self.now()).total_seconds()
                if left is not None and left <= 1e-6:
                    break
                bell._sleeper = asyncio.get_running_loop().create_future()
                await self._doze(bell._sleeper, left)
        finally:
            bell._sleeper, bell.rung = None, False
            self._became_busy()

    async def advance(self, seconds: float) -> None:
        """Move a stepped clock on, waking each sleeper at its own moment, in order.

        Returns when everything that was woken has come to rest, webhooks included.

        Raises:
            ClockNotStepped: when the clock runs by itself.
            WorkStillRunning: when the woken work does not end.
        """
        if self.mode != "stepped":
            raise ClockNotStepped("the clock runs by itself; set its mode to stepped first")
        target = self._stepped_seconds + seconds
        await self.settle()
        while self._waiting and self._waiting[0][0] <= target + 1e-6:
            due, _, sleeper = heapq.heappop(self._waiting)
            if sleeper.done():
                continue
            self._stepped_seconds = max(self._stepped_seconds, due)
            sleeper.set_result(None)
            await asyncio.sleep(0)
            await self.settle()
        self._stepped_seconds = max(self._stepped_seconds, target)

    async def settle(self, limit: float = SETTLE_LIMIT) -> None:
        """Wait until no work is busy; what sleeps on the clock does not count.

        Raises:
            WorkStillRunning: after ``limit`` real seconds.
        """
        try:
            async with asyncio.timeout(limit):
                while self._busy:
                    await self._rest.wait()
        except TimeoutError:
            raise WorkStillRunning(f"still busy after {limit:g} s") from None

    async def finish(self, limit: float) -> None:
        """Wait until every task has ended, sleepers included, and what is standing is at rest.

        Raises:
            WorkStillRunning: after ``limit`` real seconds.
        """
        deadline = time.monotonic() + limit
        # Work that ends may have started more.
        while (passing := self._tasks - self._standing) or self._busy:
            left = deadline - time.monotonic()
            if left <= 0:
                raise WorkStillRunning(f"{len(passing)} tasks still alive after {limit:g} s")
            if passing:
                await asyncio.wait(passing, timeout=left)
            else:
                await self.settle(left)
            await asyncio.sleep(0)

    async def cancel_all(self) -> None:
        """End all background work, for a reset; nothing starts any more."""
        self._ended = True
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _elapsed(self) -> float:
        if self.mode == "stepped":
            return self._stepped_seconds
        return (time.monotonic() - self._anchor) * self.factor

    async def _sleep_until_stepped(self, due: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (due, next(self._order), sleeper))
        await sleeper

    async def _sleep_really(self, seconds: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (float("inf"), next(self._order), sleeper))
        await asyncio.wait({sleeper}, timeout=seconds)
        if not sleeper.done():
            self._waiting = [entry for entry in self._waiting if entry[2] is not sleeper]
            heapq.heapify(self._waiting)

    async def _doze(self, sleeper: asyncio.Future[None], seconds: float | None) -> None:
        """Wait for a future that somebody may set before its time."""
        alarm = None
        self._dozing.add(sleeper)
        if seconds is not None and self.mode == "stepped":
            heapq.heappush(
                self._waiting, (self._stepped_seconds + seconds, next(self._order), sleeper)
            )
        elif seconds is not None:
            loop = asyncio.get_running_loop()
            alarm = loop.call_later(seconds / self.factor, _set, sleeper)
        try:
            await sleeper
        finally:
            self._dozing.discard(sleeper)
            if alarm is not None:
                alarm.cancel()

    def _wake_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        for sleeper in [*(entry[2] for entry in waiting), *self._dozing]:
            if not sleeper.done():
                sleeper.set_result(None)

    def _became_busy(self) -> None:
        self._busy += 1
        self._rest.clear()

    def _became_idle(self) -> None:
        self._busy -= 1
        if not self._busy:
            self._rest.set()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._standing.discard(task)
        self._became_idle()
        if not task.cancelled() and (error := task.exception()):
            task.get_loop().call_exception_handler(
                {"message": "simulator task failed", "exception": error, "task": task}
            )


def _set(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
