"""axe-core finds nothing on any page that staff see, light and dark, wide and narrow."""

import re

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import expect

from channels_app.simulator.headless import SimulatedTwilio
from tests.browser import keep_picture, violations
from tests.hub_processes import HubProcesses
from tests.journeys.conftest import LogIn


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_console(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn, theme: str, width: int
) -> None:
    await sync_to_async(simulator.phone("+15550100150").send)("my chest hurts")
    sam = await log_in("sam", theme=theme, width=width)
    await sam.goto(f"{clinic.url}/console/")
    found: dict[str, object] = {"empty list": await violations(sam)}
    await sam.get_by_role("link", name=re.compile("^Team")).first.click()
    await expect(sam.locator(".row").first).to_be_visible()
    found["list"] = await violations(sam)
    await keep_picture(sam, f"list-{theme}-{width}")
    await sam.locator(".row", has_text="Ana Morales").locator(".row-link").click()
    await expect(sam.locator("#head h2")).to_contain_text("Ana Morales")
    found["conversation"] = await violations(sam)
    await keep_picture(sam, f"conversation-{theme}-{width}")
    for key, name in (("?", "keys"), ("a", "assign"), ("e", "resolve"), ("z", "snooze")):
        await sam.keyboard.press(key)
        await expect(sam.get_by_role("dialog")).to_be_visible()
        found[name] = await violations(sam)
        await keep_picture(sam, f"{name}-{theme}-{width}")
        await sam.keyboard.press("Escape")
        await expect(sam.get_by_role("dialog")).to_have_count(0)
    await sam.goto(f"{clinic.url}/console/search?q=metoprolol")
    found["search"] = await violations(sam)
    await keep_picture(sam, f"search-{theme}-{width}")
    await sam.goto(f"{clinic.url}/nowhere")
    found["not found"] = await violations(sam)
    assert {place: rules for place, rules in found.items() if rules} == {}
