"""The demo's clinic with all its processes, the simulated Twilio, and a browser before it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from playwright.async_api import Browser, BrowserContext, Page

from channels_app.simulator.headless import SimulatedTwilio
from tests.browser import Complaints
from tests.hub_processes import HubProcesses

PASSWORD = "riverside-demo-2026"
LogIn = Callable[..., Awaitable[Page]]


@pytest.fixture
def clinic(
    transactional_db: None, simulator: SimulatedTwilio, tmp_path: Path, settings: Any
) -> Iterator[HubProcesses]:
    """The demo's clinic with all its processes."""
    processes = HubProcesses(tmp_path, TWILIO_API_BASE=simulator.url)
    settings.PUBLIC_URL = processes.url  # the chat's own page is an allowed origin
    settings.TWILIO_API_BASE = simulator.url
    simulator.use_hub(processes.url)
    call_command("seed_demo")
    processes.start("web", "worker", "beat")
    yield processes
    processes.stop()


@pytest.fixture
async def log_in(
    browser: Browser, clinic: HubProcesses, complaints: Complaints
) -> AsyncIterator[LogIn]:
    """Logs somebody of the demo in, in a browser context of their own; returns their page."""
    contexts: list[BrowserContext] = []

    async def enter(first_name: str, theme: str = "light", width: int = 1280) -> Page:
        context = complaints.watch(
            await browser.new_context(
                color_scheme=theme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 800},
            )
        )
        contexts.append(context)
        page = await context.new_page()
        await page.goto(f"{clinic.url}/accounts/login/")
        await page.get_by_label("E-mail").fill(f"{first_name}@riverside.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.wait_for_url(lambda url: "/login/" not in url)
        return page

    yield enter
    for context in contexts:
        await context.close()
