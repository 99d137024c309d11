"""A real browser for tests: Debian's Chromium, driven by Playwright. One a run.

Where none is found the tests that need it are skipped, and say so; CI allows no skip.
"""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Frame, Page, async_playwright

PROJECT = Path(__file__).resolve().parent.parent
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Playwright switches storage partitioning off, which every user has; the last switch wins.
    "--disable-features=HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding",
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The browser of this run."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "CI installs Chromium"
        pytest.skip("no Chromium found")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


class Complaints(list[str]):
    """What a context's pages complain of: script errors, and what our content policy stopped."""

    def watch(self, context: BrowserContext) -> BrowserContext:
        """Listen to every page of `context`."""

        def listen(page: Page) -> None:
            page.on("pageerror", lambda error: self.append(str(error)))
            page.on(
                "console", lambda said: self.append(said.text) if said.type == "error" else None
            )

        context.on("page", listen)
        return context

    @property
    def serious(self) -> list[str]:
        """Without the network's: a test that cuts the line, or is refused, provokes those."""
        return [
            each
            for each in self
            if "Failed to load" not in each and "WebSocket connection" not in each
        ]


@pytest.fixture
async def complaints() -> AsyncIterator[Complaints]:
    """Fails the test at its end if a watched page complained."""
    complaints = Complaints()
    yield complaints
    assert complaints.serious == []


async def violations(page: Page | Frame) -> list[tuple[str, list[str]]]:
    """Return what axe-core finds on the page: (rule, places)."""
    await page.evaluate(AXE.read_text())
    found: list[Any] = await page.evaluate(
        "async () => (await axe.run()).violations.map("
        "v => [v.id, v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary)])"
    )
    return [(rule, places) for rule, places in found]


async def keep_picture(page: Page, name: str) -> None:
    """Keep a picture for people to look at, where HUB_SCREENSHOTS names a folder."""
    if folder := os.environ.get("HUB_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
