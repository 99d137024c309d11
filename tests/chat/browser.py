"""A real browser before a running hub, and a clinic's site beside it."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.async_api import Browser, BrowserContext, Frame, Page, async_playwright

from channels_app.chat.models import ChatLeg, ChatSession, ChatSite
from hub.conversations.actions.send import Answer, send
from hub.conversations.models import Conversation, Entry
from hub.staff.models import Department, Tab, User
from tests.chat.clinic_site import ClinicSite, serve
from tests.chat.conftest import make_site
from tests.factories import DepartmentFactory, UserFactory
from tests.hub_processes import HubProcesses

AXE = Path(settings.NODE_MODULES) / "axe-core" / "axe.min.js"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Playwright switches storage partitioning off, which every user has; the last switch wins.
    "--disable-features=HttpsUpgrades,MediaRouter,OptimizationHints,PaintHolding",
]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def hub(transactional_db: None, tmp_path: Path) -> Iterator[HubProcesses]:
    processes = HubProcesses(tmp_path)
    processes.start("web")
    yield processes
    processes.stop()


@pytest.fixture
def clinic(hub: HubProcesses) -> Iterator[ClinicSite]:
    with serve() as site:
        site.hub = hub.url
        yield site


@pytest.fixture
def widget_site(clinic: ClinicSite) -> ChatSite:
    department = DepartmentFactory(name="Cardiology", slug="cardiology")
    site = make_site(department, "riverside")
    site.allowed_origins = [clinic.origin]
    site.save()
    return site


@pytest.fixture
def agent(widget_site: ChatSite) -> User:
    """Lena, who is at her desk."""
    department: Department = widget_site.hub_address.department
    lena = UserFactory(name="Lena Ortiz", departments=[department])
    Tab.objects.create(user=lena, session_key="desk", until=timezone.now() + timedelta(minutes=30))
    return lena


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of its own; an error in a script, or one that a policy stopped, fails the test."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    complaints: list[str] = []
    context.on("page", watching(complaints))
    # So that a test can cut them: a browser offers no way to end a page's sockets.
    await context.add_init_script(
        "window.__sockets = []; window.WebSocket = class extends window.WebSocket {"
        " constructor(...all) { super(...all); window.__sockets.push(this); } }"
    )
    yield context
    await context.close()
    assert [each for each in complaints if not _is_about_the_network(each)] == []


def _is_about_the_network(complaint: str) -> bool:
    return "Failed to load" in complaint or "WebSocket connection" in complaint


def watching(complaints: list[str]) -> Callable[[Page], None]:
    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )

    return watch


async def widget_of(page: Page) -> Frame:
    """Return the widget's frame in a page of the clinic's site."""
    element = await page.wait_for_selector("iframe[data-hub-chat]")
    frame = await element.content_frame()
    assert frame is not None
    await frame.wait_for_selector("#launcher:visible")
    return frame


def latest_session() -> ChatSession:
    return ChatSession.objects.latest("pk")


def reply(by: User, text: str) -> Entry:
    """Let a person answer in the newest session's chat."""
    leg = ChatLeg.objects.filter(session=latest_session()).latest("leg_id").leg
    return send(leg.conversation, Answer(text, leg.pk, uuid4()), by=by)


def latest_conversation() -> Conversation:
    return ChatLeg.objects.latest("leg_id").leg.conversation


async def shoot(page: Page, name: str) -> None:
    """Keep a picture for people to look at, where HUB_SCREENSHOTS names a folder."""
    if folder := os.environ.get("HUB_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")
