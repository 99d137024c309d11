"""The sounds that ``<Play>`` asks for: fetched from the hub once, for how long they last."""

from __future__ import annotations

import io
import wave

import httpx

from ..webhooks import Dispatcher

#: How long a sound is taken to last that does not say (seconds), such as an MP3.
UNKNOWN = 3.0
LARGEST = 16 * 1024 * 1024
LONGEST_FETCH = 15.0


class NoSound(Exception):
    """There is no sound to be had at that address; the text says why."""


class Sounds:
    """How long each sound of the hub lasts."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._seconds: dict[str, float] = {}

    def known(self, url: str) -> float | None:
        """How long a sound lasts that was fetched before, as Twilio keeps what may be kept."""
        return self._seconds.get(url)

    async def fetch(self, url: str) -> float:
        """Fetch a sound and return how long it lasts.

        Raises:
            NoSound: when it is not the hub's, not there, or no sound.
        """
        if not self._dispatcher.is_hub(url):
            raise NoSound("not the hub's address")
        try:
            answer = await self._dispatcher.client.get(
                url.partition("#")[0], follow_redirects=False, timeout=LONGEST_FETCH
            )
        except httpx.TransportError:
            raise NoSound("no answer") from None
        if answer.status_code != 200 or len(answer.content) > LARGEST:
            raise NoSound(f"answered {answer.status_code}")
        if not answer.headers.get("content-type", "").startswith("audio/"):
            raise NoSound("no sound")
        self._seconds[url] = _seconds_of(answer.content)
        return self._seconds[url]


def _seconds_of(content: bytes) -> float:
    try:
        with wave.open(io.BytesIO(content)) as sound:
            return sound.getnframes() / sound.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        return UNKNOWN
