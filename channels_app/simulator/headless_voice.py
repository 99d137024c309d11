"""Agents' devices without a browser, and many phones at once: for tests, benches and scripts.

>>> agent = Device(twilio.url, token, twilio.url)   # token: an AccessToken made by the hub
>>> call = agent.wait_for_incoming()
>>> agent.accept(call["sid"])
>>> agent.say("Good morning")
>>> agent.wait_for_heard("morning")
>>> agent.hang_up()
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .headless import NothingArrived, wait_for_words

READY_LIMIT = 10.0


class DeviceRefused(Exception):
    """The provider did not take the device's token; the text says why."""


class Device:
    """One agent's device, on a thread of its own that keeps all that comes in."""

    def __init__(self, url: str, token: str, origin: str | None = None) -> None:
        """Connect to the simulator at ``url``.

        Raises:
            DeviceRefused: when the token is not taken.
        """
        address = f"{url.replace('http', 'ws', 1).rstrip('/')}/simulator/device?token="
        self._connection = ExitStack()
        self._socket = self._connection.enter_context(
            connect(address + quote(token), origin=origin, proxy=None)  # type: ignore[arg-type]
        )
        self._news = threading.Condition()
        self._messages: list[dict[str, Any]] = []
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        first = self._wait(lambda m: m["type"] in {"ready", "error"}, READY_LIMIT)
        if first["type"] == "error":
            self.close()
            raise DeviceRefused(f"{first['code']}: {first['message']}")
        self.identity: str = first["identity"]
        #: The call in hand, for the methods that are not told one.
        self.current = ""

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Go away, as a closed tab does; a call in hand ends."""
        self._connection.close()
        self._thread.join(timeout=5)

    def messages(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All that came in, oldest first; of one ``type`` if named."""
        with self._news:
            return [m for m in self._messages if kind in {None, m["type"]}]

    def wait_for_incoming(self, seconds: float = 10) -> dict[str, Any]:
        """Wait for a call that rings and was not called off; returns ``sid``, ``from``, ``to``.

        Raises:
            NothingArrived: after so many real seconds.
        """
        message = self._wait(lambda m: m["type"] == "incoming" and self._rings(m), seconds)
        call: dict[str, Any] = message["call"]
        return call

    def accept(self, sid: str | None = None, seconds: float = 10) -> str:
        """Take a call, the one that rings if none is named, and wait until it is connected.

        Raises:
            NothingArrived: when it is not, for another was faster or the caller gone.
        """
        sid = sid or self.wait_for_incoming(seconds)["sid"]
        self.send("accept", sid=sid)
        self._wait(lambda m: m["type"] == "accepted" and m["sid"] == sid, seconds)
        self.current = sid
        return sid

    def reject(self, sid: str | None = None) -> None:
        """Turn a call down."""
        self.send("reject", sid=sid or self.wait_for_incoming()["sid"])

    def hang_up(self, sid: str | None = None) -> None:
        """End the call in hand."""
        self.send("hangup", sid=sid or self.current)

    def mute(self, muted: bool = True) -> None:
        """Switch the own microphone off or on."""
        self.send("mute", sid=self.current, muted=muted)

    def press(self, digits: str) -> None:
        """Press keys."""
        self.send("digits", sid=self.current, digits=digits)

    def say(self, text: str) -> None:
        """Speak to the room."""
        self.send("say", sid=self.current, text=text)

    def heard(self) -> list[str]:
        """All words heard."""
        return [m["text"] for m in self.messages("heard")]

    def wait_for_heard(self, words: str, seconds: float = 10) -> str:
        """Wait until these words were heard; returns the whole line.

        Raises:
            NothingArrived: after so many real seconds.
        """
        return wait_for_words(words, self.heard, seconds)

    def wait_for(self, kind: str, sid: str | None = None, seconds: float = 10) -> dict[str, Any]:
        """Wait for a message of this ``type`` about a call, the one in hand by default.

        Raises:
            NothingArrived: after so many real seconds.
        """
        sid = sid or self.current
        return self._wait(lambda m: m["type"] == kind and m.get("sid") == sid, seconds)

    def send(self, kind: str, **content: Any) -> None:
        """Send a message."""
        self._socket.send(json.dumps({"type": kind, **content}))

    def _rings(self, message: dict[str, Any]) -> bool:
        sid = message["call"]["sid"]
        return not any(
            m["type"] in {"cancel", "accepted", "disconnect"} and m["sid"] == sid
            for m in self._messages
        )

    def _wait(self, wanted: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                for message in self._messages:
                    if wanted(message):
                        return message
                left = deadline - time.monotonic()
                if left <= 0 or not self._open:
                    raise NothingArrived(f"the device waited {seconds:g} s in vain")
                self._news.wait(left)

    def _listen(self) -> None:
        try:
            for text in self._socket:
                with self._news:
                    self._messages.append(json.loads(text))
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            with self._news:
                self._open = False
                self._news.notify_all()
