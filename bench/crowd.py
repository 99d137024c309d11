"""A crowd on the telephone: many phones ring a clinic, a few agents answer, all of them simulated.

The crowd knows the simulated Twilio alone; what the hub makes of it is read afterwards
(bench/voice_figures.py). Bounded in calls and in time, and on loopback only.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels_app.simulator.headless import NothingArrived
from channels_app.simulator.headless_load import AsyncDevice, AsyncPhone, PhoneBank

#: The longest that anybody waits for anything, in seconds.
PATIENCE = 90.0
#: How long somebody may be alone in a room without music before it counts as silence, in seconds.
SILENCE = 6.0


@dataclass(frozen=True)
class Plan:
    """What the crowd does. Times in seconds."""

    phones: int = 200
    first_number: int = 15550104000
    arrive_within: float = 100.0
    talk: tuple[float, float] = (0.4, 1.2)
    #: How many of a hundred hang up while they wait, ask to be called back, leave a message.
    hang_up: int = 8
    call_back: int = 8
    message: int = 4
    #: How many of a hundred offers an agent declines.
    decline: int = 4
    seed: int = 7


@dataclass
class Outcome:
    """What the crowd saw.

    Attributes:
        ended: how each call ended, by its phone: "answered", "hung_up", "called_back", "message".
        question_ms: how long each answer to Twilio took, in milliseconds.
        double_rooms: how often a line was in two rooms, or an agent in two calls.
        silent: phones that were in a room alone, without music, for longer than `SILENCE`.
    """

    ended: dict[str, str] = field(default_factory=dict)
    question_ms: dict[int, int] = field(default_factory=dict)
    double_rooms: int = 0
    silent: set[str] = field(default_factory=set)

    def count(self) -> Counter[str]:
        """Return how many calls ended in each way."""
        return Counter(self.ended.values())


@dataclass(frozen=True)
class Desk:
    """One agent: their token, and what they do when a call is over."""

    token: str
    finish: Callable[[], Any]  # called on a thread


class Crowd:
    """One run."""

    def __init__(self, url: str, number: str, desks: Sequence[Desk], plan: Plan) -> None:
        self.url = url
        self.number = number
        self.desks = desks
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.outcome = Outcome()
        self._alone: dict[str, float] = {}

    async def run(self) -> Outcome:
        """Let everybody call, and return what they saw."""
        async with PhoneBank(self.url) as bank:
            others = [
                asyncio.create_task(self._watch(bank)),
                *(asyncio.create_task(self._agent(i, desk)) for i, desk in enumerate(self.desks)),
            ]
            calling = asyncio.create_task(self._everybody_calls(bank))
            try:
                # An agent or the watch ends before the callers do only by a fault.
                done, _ = await asyncio.wait(
                    {calling, *others}, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
            finally:
                for task in (calling, *others):
                    task.cancel()
                await asyncio.gather(calling, *others, return_exceptions=True)
        return self.outcome

    async def _everybody_calls(self, bank: PhoneBank) -> None:
        await asyncio.sleep(0.5)  # the agents' devices come first
        await asyncio.gather(*(self._caller(bank, i) for i in range(self.plan.phones)))
        await asyncio.sleep(1)

    async def _caller(self, bank: PhoneBank, i: int) -> None:
        phone = bank.phone(f"+{self.plan.first_number + i}")
        # Whoever waits in vain for something is lost, and counted.
        self.outcome.ended[phone.e164] = "lost"
        with contextlib.suppress(NothingArrived, TimeoutError):
            async with asyncio.timeout(2 * PATIENCE):
                self.outcome.ended[phone.e164] = await self._call(phone, i)

    async def _call(self, phone: AsyncPhone, i: int) -> str:
        # Each has dice of its own, so that what one does depends on nobody's timing.
        dice = random.Random(f"{self.plan.seed}:{i}")
        await asyncio.sleep(dice.uniform(0, self.plan.arrive_within))
        wish = dice.randrange(100)
        plan = self.plan
        await phone.dial(self.number)
        await phone.until_heard("press 1", PATIENCE)
        if wish < plan.message:
            return await self._leave_message(phone)
        await phone.press("1")
        if wish < plan.message + plan.call_back:
            return await self._keep_place(phone, dice)
        if wish < plan.message + plan.call_back + plan.hang_up:
            return await self._give_up(phone, dice)
        return await self._talk(phone, dice)

    async def _talk(self, phone: AsyncPhone, dice: random.Random) -> str:
        await phone.until("bridged", PATIENCE)
        await asyncio.sleep(dice.uniform(*self.plan.talk))
        await phone.hang_up()
        await phone.until("ended", PATIENCE)
        return "answered"

    async def _give_up(self, phone: AsyncPhone, dice: random.Random) -> str:
        """Hang up after a while; whoever is answered before talks after all."""
        try:
            await phone.until("bridged", dice.uniform(0.5, 3))
        except NothingArrived:
            await phone.hang_up()
            await phone.until("ended", PATIENCE)
            return "hung_up"
        return await self._talk(phone, dice)

    async def _keep_place(self, phone: AsyncPhone, dice: random.Random) -> str:
        """Press 1 while waiting, and be rung; whoever is answered before talks at once."""
        waits = asyncio.create_task(phone.until_heard("keep your place", PATIENCE))
        talks = asyncio.create_task(phone.until("bridged", PATIENCE))
        done, rest = await asyncio.wait({waits, talks}, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        if talks in done:
            return await self._talk(phone, dice)
        await phone.press("1")
        promised = asyncio.create_task(phone.until("ended", PATIENCE))
        too_late = asyncio.create_task(phone.until("bridged", PATIENCE))
        done, rest = await asyncio.wait({promised, too_late}, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        if too_late in done:
            return await self._talk(phone, dice)
        await phone.until("ringing", PATIENCE)
        await phone.answer()
        await self._talk(phone, dice)
        return "called_back"

    async def _leave_message(self, phone: AsyncPhone) -> str:
        await phone.press("8")
        await phone.until_heard("after the tone", PATIENCE)
        await asyncio.sleep(0.5)
        for _ in range(3):
            await phone.say("Please call me back about my appointment on Thursday, thank you")
            await asyncio.sleep(0.4)
        await phone.hang_up()
        return "message"

    async def _agent(self, i: int, desk: Desk) -> None:
        dice = random.Random(f"{self.plan.seed}:agent:{i}")
        async with AsyncDevice(self.url, desk.token, self.url) as device:
            while True:
                sid = await device.ringing(PATIENCE * 2)
                if dice.randrange(100) < self.plan.decline:
                    await device.reject(sid)
                    continue
                await device.take_and_hear_out(sid, PATIENCE)
                await asyncio.to_thread(desk.finish)

    async def _watch(self, bank: PhoneBank) -> None:
        """Look every half second for what must never be, and take down how long answers took."""
        after = 0
        while True:
            self._look(await bank.state(live=True), asyncio.get_running_loop().time())
            asked = await bank.questions(after)
            for attempt in asked:
                self.outcome.question_ms[attempt["number"]] = attempt["milliseconds"]
            # Those that are not answered yet are looked at again.
            open_ones = [attempt["number"] for attempt in asked if not attempt["outcome"]]
            numbers = [attempt["number"] for attempt in asked] or [after]
            after = min(open_ones) - 1 if open_ones else numbers[-1]
            await asyncio.sleep(0.5)

    def _look(self, state: dict[str, Any], now: float) -> None:
        rooms = [one for one in state["conferences"] if one["status"] == "in-progress"]
        where = Counter(m["sid"] for room in rooms for m in room["members"] if _is_in(m))
        people = Counter(
            call["to"]
            for call in state["calls"]
            if call["to"].startswith("client:") and call["status"] == "in-progress"
        )
        self.outcome.double_rooms += sum(n > 1 for n in (*where.values(), *people.values()))
        music = {call["sid"]: call["music"] for call in state["calls"]}
        alone = {
            m["sid"]: m["outside"]
            for room in rooms
            for m in room["members"]
            if _is_in(m) and m["label"] == "patient" and not music.get(m["sid"])
            if sum(_is_in(other) for other in room["members"]) == 1
        }
        self._alone = {sid: self._alone.get(sid, now) for sid in alone}
        self.outcome.silent |= {
            alone[sid] for sid, since in self._alone.items() if now - since > SILENCE
        }


def _is_in(member: dict[str, Any]) -> bool:
    return bool(member["status"] == "connected")
