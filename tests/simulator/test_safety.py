"""Where the simulator runs and who may speak to it: nowhere real, and nobody else."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import websockets
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.settings import (
    InvalidSetting,
    UnsafeEnvironment,
    from_environment,
    parse_numbers,
)
from channels_app.simulator.specification import NotInSpecification, SpecificationMissing, load
from tests.simulator.conftest import CLINIC
from tests.simulator.fixtures import PROJECT
from tests.simulator.standin import StandInHub

ANA = "+15550100142"


@pytest.mark.parametrize("environment", [{}, {"HUB_ENV": ""}, {"HUB_ENV": "production"}])
def test_refuses_to_start_in_production(environment: dict[str, str]) -> None:
    with pytest.raises(UnsafeEnvironment):
        from_environment(environment)


@pytest.mark.parametrize("value", [None, "production"])
def test_server_ends_with_the_reason(value: str | None) -> None:
    environment = {"HUB_ENV": value} if value else {}
    ended = subprocess.run(
        [sys.executable, "-m", "uvicorn", "channels_app.simulator.app:app", "--port", "0"],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode != 0
    assert "does not start in production" in ended.stderr


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong in (
        {"TWILIO_ACCOUNT_SID": "AC12"},
        {"SIMULATOR_NUMBERS": "12"},
        {"SIMULATOR_SPECIFICATION": "perhaps"},
    ):
        with pytest.raises(InvalidSetting):
            from_environment({"HUB_ENV": "test"} | wrong)
    first, second = parse_numbers("+15550100100, +15550100200=/other#rc=1")
    assert first.sms_path.startswith("/twilio/messaging/inbound")
    assert (second.e164, second.sms_path) == ("+15550100200", "/other#rc=1")


def test_imports_nothing_of_the_hub() -> None:
    code = (
        "import sys, channels_app.simulator.app; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "{'django', 'hub', 'patients', 'twilio', 'celery'}])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={"HUB_ENV": "test"},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert printed.stdout.strip() == "[]"


def test_foreign_names_and_pages_are_refused(simulator: SimulatedTwilio) -> None:
    state = f"{simulator.url}/simulator/state"
    assert httpx.get(state).status_code == 200
    assert httpx.get(state, headers={"Host": "evil.example.org"}).status_code == 403
    assert httpx.get(state, headers={"Origin": simulator.url}).status_code == 200
    reset = httpx.post(
        f"{simulator.url}/simulator/reset", headers={"Origin": "http://evil.example.org"}
    )
    assert reset.status_code == 403


async def test_socket_of_a_foreign_page_is_refused(simulator: SimulatedTwilio) -> None:
    url = simulator.url.replace("http", "ws") + "/simulator/socket"
    async with websockets.connect(url, origin=simulator.url) as socket:
        assert "hello" in await asyncio.wait_for(socket.recv(), 5)
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(url, origin="http://evil.example.org")


def test_log_carries_no_number_and_no_word(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, simulator_log: Path
) -> None:
    simulator.phone(ANA).send("canary in the text")
    twilio.messages.create(
        to=ANA, from_=CLINIC, body="canary in the answer", status_callback=f"{hub.url}/status"
    )
    twilio.messages.list(to=ANA)
    simulator.settle()
    log = simulator_log.read_text()
    assert "Uvicorn running" in log
    assert "canary" not in log
    assert not re.search(r"(\+|%2B)1?555010", log)


def test_missing_document_is_told_only_when_required(tmp_path: Path) -> None:
    assert load("auto", tmp_path) is None
    assert load("off") is None
    with pytest.raises(SpecificationMissing, match="npm ci"):
        load("required", tmp_path)


def test_answer_that_twilio_would_not_give_is_caught(twilio: Client) -> None:
    specification = load("required")
    assert specification is not None
    path = f"/2010-04-01/Accounts/{twilio.username}/Messages.json"
    operation = specification.find("POST", path)
    assert operation is not None
    specification.check_answer(operation, 201, {"status": "queued", "num_segments": "1"})
    for wrong in (
        {"status": "teleported"},
        {"num_segments": 1},
        {"sid": "XX12"},
        {"date_created": "2026-11-23T09:00:00Z"},
    ):
        with pytest.raises(NotInSpecification):
            specification.check_answer(operation, 201, wrong)
    with pytest.raises(NotInSpecification):
        specification.check_answer(operation, 200, {})
