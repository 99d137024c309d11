"""The hub's code in this process, against the simulated Twilio."""

import pytest

from channels_app.simulator.headless import SimulatedTwilio


@pytest.fixture
def twilio(simulator: SimulatedTwilio, settings) -> SimulatedTwilio:
    """The simulator, as this process's Twilio."""
    settings.TWILIO_API_BASE = simulator.url
    return simulator
