"""The simulated Twilio for tests: one process a run, put back to the start for each test.

A test takes the fixture `simulator`, tells it where the hub listens (`simulator.use_hub(url)`),
and points the hub at it (`TWILIO_API_BASE = simulator.url`).
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from hub.launcher.guarded import GuardedProcess, Program

PROJECT = Path(__file__).resolve().parents[2]
START_LIMIT = 30


def start_simulator(environment: dict[str, str], log: Path) -> tuple[GuardedProcess, str]:
    """Start a simulator on a free port with these variables added; return it and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "uvicorn", "channels_app.simulator.app:app"),
        *("--port", str(port), "--timeout-graceful-shutdown", "1"),
    ]
    process = GuardedProcess(Program("simulator", command, os.environ | environment, PROJECT))
    with log.open("wb") as output:
        process.start(output)
    deadline = time.monotonic() + START_LIMIT
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}"
        if process.exit_code() is not None or time.monotonic() > deadline:
            process.stop()
            pytest.fail(f"The simulator did not start:\n{log.read_text()}", pytrace=False)
        time.sleep(0.02)


@pytest.fixture(scope="session")
def simulator_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the simulator's output goes to."""
    return tmp_path_factory.mktemp("simulator") / "simulator.log"


@pytest.fixture(scope="session")
def simulator_url(simulator_log: Path) -> Iterator[str]:
    """The address of this run's simulator. It checks everything against Twilio's document."""
    process, url = start_simulator({"SIMULATOR_SPECIFICATION": "required"}, simulator_log)
    yield url
    process.stop()


@pytest.fixture
def simulator(simulator_url: str) -> Iterator[SimulatedTwilio]:
    """The simulated Twilio as new: no messages, no misfortunes, real time, no hub.

    Its carriers are quick: a text is delivered within a tenth of a second.
    """
    with SimulatedTwilio(simulator_url) as twilio:
        twilio.reset()
        twilio.chaos(sent_delay=0.02, dlr_delay=0.03)
        # Until a test names its hub, webhooks go where nobody listens.
        twilio.use_hub("http://127.0.0.1:1")
        yield twilio
        twilio.reset()
