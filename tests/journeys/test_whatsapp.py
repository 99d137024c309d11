"""By WhatsApp through everything: a day too late, a template, and then freely, both ways."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from playwright.async_api import expect

from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, HubAddress
from tests.browser import keep_picture, violations
from tests.factories import inbound
from tests.hub_processes import HubProcesses
from tests.journeys.conftest import LogIn

ANA = "+15550100142"


@sync_to_async
def wrote_yesterday() -> Conversation:
    """Ana wrote by WhatsApp 26 hours ago."""
    address = HubAddress.objects.get(channel="whatsapp")
    at = timezone.now() - timedelta(hours=26)
    return receive(inbound(address, "Are you open on Friday?", ANA, at=at)).conversation


async def test_a_day_too_late_and_then_freely(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn
) -> None:
    found = await wrote_yesterday()
    phone = simulator.phone(ANA)
    lena = await log_in("lena")
    await lena.goto(f"{clinic.url}/console/c/{found.uuid}/")
    await expect(lena.locator("#reaches")).to_contain_text("a secure link by WhatsApp")
    await expect(lena.get_by_text("only a template can be sent")).to_be_visible()
    await expect(lena.locator("#body")).to_be_hidden()
    await keep_picture(lena, "whatsapp-window-closed")
    assert await violations(lena) == []
    await lena.get_by_role("button", name="Choose a template").click()
    dialog = lena.get_by_role("dialog")
    await expect(dialog).to_contain_text("Hello Ana, this is Riverside Clinic.")
    await keep_picture(lena, "whatsapp-templates")
    assert await violations(lena) == []
    await dialog.get_by_label("English").check()
    await dialog.get_by_role("button", name="Send", exact=True).click()
    await expect(dialog).to_have_count(0)
    await expect(lena.locator(".entry.is-ours").last).to_contain_text("Hello Ana, this is")
    await sync_to_async(phone.wait_for)("Hello Ana, this is Riverside Clinic.")

    await sync_to_async(phone.send)("Good, thank you", channel="whatsapp")
    await expect(lena.locator(".entry.is-theirs").last).to_contain_text("Good, thank you")
    await expect(lena.locator("#body")).to_be_visible()
    await lena.locator("#body").fill("We are, from 8 to 6.")
    await lena.keyboard.press("Control+Enter")
    # Nobody has decided for plain words there, so what goes out is that a message waits.
    await sync_to_async(phone.wait_for)("Riverside Clinic: ")
    await sync_to_async(phone.wait_for)("/s/#")
    last = (await sync_to_async(phone.messages)())[-1]
    assert last["to"] == f"whatsapp:{ANA}"
    await expect(lena.locator(".entry.is-ours").last).to_contain_text("by WhatsApp")
    await keep_picture(lena, "whatsapp-answered")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_the_administrators_pages_have_no_barrier(
    clinic: HubProcesses, log_in: LogIn, theme: str
) -> None:
    ada = await log_in("ada", theme=theme)
    found = {}
    for path in ("", "add/", "templates/add/"):
        await ada.goto(f"{clinic.url}/staff/whatsapp/{path}")
        await expect(ada.get_by_role("heading", level=1)).to_be_visible()
        found[path] = await violations(ada)
        await keep_picture(ada, f"whatsapp-admin-{path.strip('/').replace('/', '-')}-{theme}")
    assert {path: rules for path, rules in found.items() if rules} == {}
