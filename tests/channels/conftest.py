"""A whole hub against the simulated Twilio."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from tests.hub_processes import HubProcesses


@pytest.fixture
def hub(
    transactional_db: None, simulator: SimulatedTwilio, tmp_path: Path
) -> Iterator[HubProcesses]:
    """A hub whose processes the test starts and kills; the simulator sends its webhooks there."""
    processes = HubProcesses(tmp_path, TWILIO_API_BASE=simulator.url)
    simulator.use_hub(processes.url)
    yield processes
    processes.stop()
