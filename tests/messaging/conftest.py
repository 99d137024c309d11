"""The hub's code in this process, against the simulated Twilio."""

from collections.abc import Iterator

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.fixtures import simulator, simulator_log, simulator_url

__all__ = ["simulator", "simulator_log", "simulator_url", "twilio"]


@pytest.fixture
def twilio(simulator: SimulatedTwilio, settings) -> Iterator[SimulatedTwilio]:
    """The simulator, as this process's Twilio."""
    settings.TWILIO_API_BASE = simulator.url
    return simulator
