"""A real browser before a running hub, and a clinic's site beside it."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.async_api import Browser, BrowserContext, Frame, Page

from channels_app.chat.models import ChatLeg, ChatSession, ChatSite
from hub.conversations.actions.send import Answer, send
from hub.conversations.models import Conversation, Entry
from hub.staff.models import Department, Tab, User
from tests.browser import Complaints
from tests.chat.clinic_site import ClinicSite, serve
from tests.chat.conftest import make_site
from tests.factories import DepartmentFactory, UserFactory
from tests.hub_processes import HubProcesses


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
async def context(browser: Browser, complaints: Complaints) -> AsyncIterator[BrowserContext]:
    """A browser of its own; an error in a script, or one that a policy stopped, fails the test."""
    context = complaints.watch(await browser.new_context(viewport={"width": 1280, "height": 800}))
    # So that a test can cut them: a browser offers no way to end a page's sockets.
    await context.add_init_script(
        "window.__sockets = []; window.WebSocket = class extends window.WebSocket {"
        " constructor(...all) { super(...all); window.__sockets.push(this); } }"
    )
    yield context
    await context.close()


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
