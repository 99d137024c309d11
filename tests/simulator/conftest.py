"""What the tests of the simulator share: the real SDK, and a stand-in for the hub."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.standin import StandInHub

CLINIC = "+15550100100"


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
