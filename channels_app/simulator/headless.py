"""Phones and controls without a page: for tests, benches and scripts. HTTP only.

>>> twilio = SimulatedTwilio("http://127.0.0.1:8001")
>>> ana = twilio.phone("+15550100142")
>>> ana.send("Are you open today?")
>>> ana.wait_for("open")
>>> ana.dial("+15550100100")
>>> ana.wait_for_heard("press 1")
>>> ana.press("1")

Agents' devices and the driver for many phones at once are in
:mod:`channels_app.simulator.headless_voice`.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import httpx

#: How often a waiting phone looks at its screen (real seconds).
GLANCE = 0.02


class ControlRefused(Exception):
    """The control API said no; the text says why."""


class NothingArrived(AssertionError):
    """A phone or a device waited in vain."""


class SimulatedTwilio:
    """The control API of one running simulator."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._client = httpx.Client(base_url=self.url, trust_env=False, timeout=90)

    def __enter__(self) -> SimulatedTwilio:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """Ask the control API below ``/simulator``.

        Raises:
            ControlRefused: for any answer but 2xx.
        """
        body = fields if method == "POST" else None
        answer = self._client.request(method, f"/simulator{path}", json=body)
        if answer.is_error:
            raise ControlRefused(f"{answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def phone(self, e164: str) -> SimulatedPhone:
        """A patient's phone."""
        return SimulatedPhone(self, e164)

    def use_hub(self, base_url: str) -> None:
        """Send webhooks to this hub, and sign them for it."""
        self.ask("POST", "/hub", base_url=base_url)

    def reset(self, seed: int | None = None) -> None:
        """Forget everything; a seed makes SIDs and misfortunes repeatable."""
        self.ask("POST", "/reset", seed=seed)

    def chaos(self, **knobs: float | None) -> dict[str, float]:
        """Turn knobs by name, ``seed`` too; see :class:`channels_app.simulator.chaos.Knobs`."""
        turned: dict[str, float] = self.ask("POST", "/chaos", **knobs)
        return turned

    def step_time(self) -> None:
        """From now on time passes only by :meth:`advance`."""
        self.ask("POST", "/clock", mode="stepped")

    def run_time(self, factor: float = 1) -> None:
        """Let time run, ``factor`` times as fast as the wall clock."""
        self.ask("POST", "/clock", mode="real", factor=factor)

    def advance(self, seconds: float) -> None:
        """Let simulated seconds pass and everything that was due in them happen."""
        self.ask("POST", "/clock/advance", seconds=seconds)

    def settle(self, seconds: float = 10) -> None:
        """Wait until nothing is under way any more."""
        self.ask("POST", "/settle", seconds=seconds)

    def play(self, scene: str, speed: float = 1, to: str | None = None) -> None:
        """Start a scene."""
        self.ask("POST", f"/scenes/{scene}/play", speed=speed, **({"to": to} if to else {}))

    def opt_out(self, mode: str) -> None:
        """Twilio's own STOP handling: off, default or advanced."""
        self.ask("POST", "/opt-out", mode=mode)

    def content(self, body: str) -> str:
        """Keep a content template with these words and places; returns its ContentSid."""
        sid: str = self.ask("POST", "/contents", body=body)["sid"]
        return sid

    def webhooks(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The webhook attempts so far, oldest first."""
        query = f"?kind={kind}" if kind else ""
        attempts: list[dict[str, Any]] = self.ask("GET", f"/webhooks{query}")["webhooks"]
        return attempts

    def voice_state(self) -> dict[str, Any]:
        """All calls, conferences with their members, queues, recordings and devices."""
        state: dict[str, Any] = self.ask("GET", "/voice/state")
        return state

    def messages(self) -> list[dict[str, Any]]:
        """All messages in both directions, oldest first."""
        messages: list[dict[str, Any]] = self.ask("GET", "/messages")["messages"]
        return messages


class SimulatedPhone:
    """One patient's phone."""

    def __init__(self, twilio: SimulatedTwilio, e164: str) -> None:
        self.twilio = twilio
        self.e164 = e164

    def send(
        self,
        body: str = "",
        to: str | None = None,
        media: Iterable[tuple[str, bytes]] = (),
        channel: str = "sms",
    ) -> str:
        """Send a text, with pictures as (content type, content); returns the message's SID.

        ``channel`` is sms, whatsapp or messenger.
        """
        pictures = [
            {"content_type": kind, "base64": base64.b64encode(content).decode()}
            for kind, content in media
        ]
        sent = self.twilio.ask(
            "POST",
            f"/phones/{self.e164}/send",
            body=body,
            to=to,
            media=pictures,
            channel=channel,
        )
        sid: str = sent["sid"]
        return sid

    def messages(self) -> list[dict[str, Any]]:
        """What is on the screen, oldest first."""
        thread: list[dict[str, Any]] = self.twilio.ask("GET", f"/phones/{self.e164}/messages")[
            "messages"
        ]
        return thread

    def received(self) -> list[str]:
        """The texts that came from the clinic."""
        return [m["body"] for m in self.messages() if m["direction"] == "outbound"]

    def wait_for(self, words: str, seconds: float = 10) -> str:
        """Wait until a text from the clinic contains these words; returns it.

        Raises:
            NothingArrived: after so many real seconds.
        """
        return wait_for_words(words, self.received, seconds)

    # Calls ---------------------------------------------------------------------------------------

    def dial(self, number: str | None = None, *, anonymous: bool = False) -> str:
        """Call a number of the clinic, by default its first; returns the CallSid at once."""
        sid: str = self._do("dial", to=number, anonymous=anonymous)["sid"]
        return sid

    def answer(self) -> None:
        """Pick up; see ``wait_until("ringing")``."""
        self._do("answer")

    def reject(self) -> None:
        """Turn the ringing call down."""
        self._do("reject")

    def hang_up(self) -> None:
        """End the call."""
        self._do("hang-up")

    def press(self, digits: str) -> None:
        """Press keys. Nobody hears those pressed before a Gather: wait for its words first."""
        self._do("press", digits=digits)

    def say(self, text: str) -> None:
        """Speak: to a Gather, a recording, or whoever is in the room."""
        self._do("say", text=text)

    def line(self, behaviour: str, after: float = 1.0) -> None:
        """What it does when called: rings, answers, machine, busy, no-answer, fails, off."""
        self._do("line", behaviour=behaviour, after=after)

    def call(self) -> dict[str, Any]:
        """Its latest call: ``state``, ``call``, ``heard`` and how its line behaves."""
        shown: dict[str, Any] = self.twilio.ask("GET", f"/phones/{self.e164}/call")
        return shown

    def heard(self) -> list[str]:
        """The words heard in the latest call: spoken by the provider or by others in the room."""
        return [h["text"] for h in self.call()["heard"] if h["kind"] in {"say", "heard"}]

    def wait_for_heard(self, words: str, seconds: float = 10) -> str:
        """Wait until these words were heard in the latest call; returns the whole line.

        Raises:
            NothingArrived: after so many real seconds.
        """
        return wait_for_words(words, self.heard, seconds)

    def wait_until(self, state: str, seconds: float = 10) -> dict[str, Any]:
        """Wait until its call is ``ringing``, ``calling``, ``connected``, ``queued``, ``ended`` or
        ``bridged`` (somebody is at the other end); returns the call.

        Raises:
            NothingArrived: after so many real seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            call = self.call()
            bridged = state == "bridged" and bool(call["call"] and call["call"]["bridged"])
            if call["state"] == state or bridged:
                shown: dict[str, Any] = call["call"]
                return shown
            if time.monotonic() > deadline:
                raise NothingArrived(f"{call['state']}, not {state}, after {seconds:g} s")
            time.sleep(GLANCE)

    def _do(self, what: str, **fields: Any) -> Any:
        return self.twilio.ask("POST", f"/phones/{self.e164}/{what}", **fields)


def wait_for_words(words: str, look: Callable[[], list[str]], seconds: float) -> str:
    """Look until a line holds these words; returns it.

    Raises:
        NothingArrived: after so many real seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        lines = look()
        for line in lines:
            if words in line:
                return line
        if time.monotonic() > deadline:
            raise NothingArrived(f"none of {len(lines)} has the words after {seconds:g} s")
        time.sleep(GLANCE)
