"""One log line a request; in the demo only for what went wrong."""

import os
import subprocess
import sys

import pytest
from django.test import Client

LOGGER = "django_structlog.middlewares.request"
LEVELS = "from hub import settings as s; print(s.DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL)"


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    found = [record.msg for record in caplog.records if record.name == LOGGER]
    return [(str(one["event"]), int(one["code"])) for one in found if isinstance(one, dict)]


def test_a_request_is_one_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.get("/healthz")
    assert lines(caplog) == [("request_finished", 200)]


@pytest.mark.django_db
def test_one_that_went_wrong_is_one_line_everywhere(
    client: Client, settings: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DJANGO_STRUCTLOG_STATUS_2XX_LOG_LEVEL = 10  # type: ignore[attr-defined]  # the demo's
    client.get("/healthz")
    client.get("/there-is-no-such-page")
    assert lines(caplog) == [("request_finished", 404)]


@pytest.mark.parametrize(("where", "level"), [("demo", "10"), ("test", "20")])
def test_which_level_where(where: str, level: str) -> None:
    environment = os.environ | {"HUB_ENV": where}
    told = subprocess.run(
        [sys.executable, "-c", LEVELS], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == level
