"""What the tests of the simulator share: the real SDK, and a stand-in for the hub."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from channels_app.simulator.voice.sound import wav
from tests.simulator.standin import Answer, Seen, StandInHub

CLINIC = "+15550100100"
INCOMING = "/twilio/voice/incoming"
#: Twenty seconds of sound.
MUSIC = "/music.wav"


class RewritingHttpClient(TwilioHttpClient):
    """The SDK's own client, with the host of each request replaced; it keeps the last answer."""

    def __init__(self, base: str) -> None:
        super().__init__(timeout=10)
        self.base = base
        self.last: Response | None = None

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        parts = urlsplit(url)
        assert parts.hostname == "api.twilio.com"
        query = f"?{parts.query}" if parts.query else ""
        self.last = super().request(method, self.base + parts.path + query, *args, **kwargs)
        return self.last


@pytest.fixture
def twilio(simulator: SimulatedTwilio) -> Client:
    """The real SDK, speaking to the simulator."""
    return Client(
        os.environ["TWILIO_ACCOUNT_SID"],
        os.environ["TWILIO_AUTH_TOKEN"],
        http_client=RewritingHttpClient(simulator.url),
    )


@pytest.fixture
def hub(simulator: SimulatedTwilio) -> Iterator[StandInHub]:
    """A stand-in for the hub that the simulator's webhooks go to."""
    with StandInHub() as standin:
        simulator.use_hub(standin.url)
        yield standin


class Script(dict[str, str | Callable[[Seen], str]]):
    """TwiML by path, without the Response around it: a text, or what makes one of the request."""

    def answer(self, seen: Seen) -> Answer:
        if seen.path == MUSIC:
            return Answer(200, wav(20, 1), "audio/wav")
        line = self.get(seen.path)
        if line is None:
            return Answer()
        verbs = line if isinstance(line, str) else line(seen)
        return Answer(200, f"<Response>{verbs}</Response>".encode())


@pytest.fixture
def script(hub: StandInHub, simulator: SimulatedTwilio) -> Script:
    """What the stand-in answers to questions about calls. Speech takes no time."""
    lines = Script()
    hub.answer = lines.answer
    simulator.chaos(speech_factor=0, dial_delay=0, recording_delay=0.05)
    return lines


def make_token(identity: str, **more: Any) -> str:
    """An access token for a device, as the hub makes it with the SDK."""
    key = more.pop("key", os.environ["TWILIO_API_KEY_SID"])
    secret = more.pop("secret", os.environ["TWILIO_API_KEY_SECRET"])
    allowed = more.pop("incoming_allow", True)
    account = os.environ["TWILIO_ACCOUNT_SID"]
    token = AccessToken(account, key, secret, identity=identity, **({"ttl": 600} | more))
    token.add_grant(VoiceGrant(incoming_allow=allowed))
    jwt: str = token.to_jwt()
    return jwt


@pytest.fixture
def open_device(simulator: SimulatedTwilio, hub: StandInHub) -> Iterator[Callable[..., Device]]:
    """Connects devices as the hub's pages would, and closes them."""
    devices = []

    def open_it(identity: str = "agent_1", **more: Any) -> Device:
        device = Device(simulator.url, make_token(identity, **more), hub.url)
        devices.append(device)
        return device

    yield open_it
    for device in devices:
        device.close()
