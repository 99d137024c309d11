"""The widget in a real browser, on a site of another origin."""

import os
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import BrowserContext, expect

from channels_app.chat.models import ChatSite
from hub.staff.models import User
from tests.chat.browser import (
    agent,
    browser,
    clinic,
    context,
    hub,
    reply,
    widget_of,
    widget_site,
)
from tests.chat.clinic_site import ClinicSite

__all__ = ["agent", "browser", "clinic", "context", "hub", "widget_site"]
pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = os.environ.get("HUB_SCREENSHOTS", "")


async def shoot(page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


async def test_chat_from_a_foreign_page_and_an_answer_by_a_person(
    clinic: ClinicSite, context: BrowserContext, widget_site: ChatSite, agent: User
) -> None:
    page = await context.new_page()
    await page.goto(clinic.origin)
    widget = await widget_of(page)
    await shoot(page, "closed")
    await widget.click("#launcher")
    await expect(widget.locator("#subtitle")).to_have_text("A person will answer you here")
    await shoot(page, "open")
    await widget.fill("#text", "I ran out of metoprolol")
    await widget.press("#text", "Enter")
    await expect(widget.locator("li.mine .words")).to_have_text("I ran out of metoprolol")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await shoot(page, "asked")
    await sync_to_async(reply)(agent, "On its way, Ana")
    await expect(widget.locator("li.theirs .words")).to_have_text("On its way, Ana")
    await expect(widget.locator("#title")).to_have_text("Lena, Cardiology")
    await shoot(page, "answered")
