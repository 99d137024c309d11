"""A whole hub whose every trace can be looked through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from tests.hub_processes import HubProcesses
from tests.simulator.fixtures import simulator, simulator_log, simulator_url

__all__ = ["hub", "simulator", "simulator_log", "simulator_url"]


@pytest.fixture
def hub(
    transactional_db: None, simulator: SimulatedTwilio, tmp_path: Path
) -> Iterator[HubProcesses]:
    """A hub with a media folder of its own; its Twilio sends its webhooks there."""
    processes = HubProcesses(
        tmp_path,
        TWILIO_API_BASE=simulator.url,
        HUB_MEDIA_DIR=str(tmp_path / "media"),
        HUB_LOG_FORMAT="json",
    )
    simulator.use_hub(processes.url)
    yield processes
    processes.stop()
