"""A whole hub as the demo runs it, with connections to the database that last."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from hub.launcher.apps import WORKER_POOL
from tests.hub_processes import HubProcesses


@pytest.fixture
def hub(
    transactional_db: None, simulator: SimulatedTwilio, tmp_path: Path
) -> Iterator[HubProcesses]:
    """A hub whose processes the test starts and kills."""
    processes = HubProcesses(
        tmp_path, TWILIO_API_BASE=simulator.url, HUB_DATABASE_POOL=str(WORKER_POOL)
    )
    simulator.use_hub(processes.url)
    yield processes
    processes.stop()
