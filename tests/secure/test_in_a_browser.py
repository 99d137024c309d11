"""The secure page in a real browser, on a phone and wide, light and dark, before axe-core."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, BrowserContext, Page, expect

from channels_app.secure.models import SecureLink
from hub.conversations.models import Conversation, Entry
from hub.staff.models import User
from patients.models import Patient
from tests.browser import Complaints, keep_picture, violations
from tests.hub_processes import HubProcesses
from tests.secure.conftest import WORDS, answer, notice_of, token_in
from tests.secure.test_going_out import PNG

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hub(transactional_db: None, tmp_path: Path) -> Iterator[HubProcesses]:
    processes = HubProcesses(tmp_path)
    processes.start("web")
    yield processes
    processes.stop()


@pytest.fixture
def link(hub: HubProcesses, conversation: Conversation, agent: User) -> str:
    return f"{hub.url}/s/#{token_in(notice_of(answer(conversation, agent)))}"


async def on_phone(
    browser: Browser, complaints: Complaints, theme: str = "light", width: int = 360
) -> BrowserContext:
    return complaints.watch(
        await browser.new_context(
            color_scheme=theme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 740},
            locale="en-US",
        )
    )


async def enter(page: Page, day: str = "9") -> None:
    await page.get_by_label("Month").select_option("3")
    await page.get_by_label("Day").fill(day)
    await page.get_by_label("Year").fill("1961")
    await page.get_by_role("button", name="Open").click()


async def test_from_the_link_to_the_answer(
    link: str, conversation: Conversation, browser: Browser, complaints: Complaints
) -> None:
    context = await on_phone(browser, complaints)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(link)
    # The other language keeps the link.
    await page.get_by_role("link", name="En español").click()
    await page.get_by_role("link", name="In English").click()
    await enter(page, day="10")
    await expect(page.get_by_role("alert")).to_contain_text("This did not open.")
    await enter(page)
    await expect(page.get_by_text(WORDS)).to_be_visible()
    await page.get_by_label("Your answer").fill("Thank you, Lena")
    await page.get_by_label("Files").set_input_files(
        {"name": "mine.png", "mimeType": "image/png", "buffer": PNG}
    )
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Thank you, Lena")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name=re.compile(r"mine\.png")).click()
    assert (await (await download.value).path()).read_bytes() == PNG
    await page.get_by_role("button", name="Close this page").click()
    await expect(page.get_by_role("heading", name="This page is closed now")).to_be_visible()
    assert await sync_to_async(Entry.objects.filter(conversation=conversation).count)() > 3
    token = link.partition("#")[2]
    assert asked and not any(token in url.partition("#")[0] for url in asked)
    await context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_axe_finds_nothing(
    link: str,
    hub: HubProcesses,
    browser: Browser,
    complaints: Complaints,
    theme: str,
    width: int,
) -> None:
    context = await on_phone(browser, complaints, theme, width)
    page = await context.new_page()
    found: dict[str, object] = {}

    async def look(name: str) -> None:
        found[name] = await violations(page)
        await keep_picture(page, f"secure-{name}-{theme}-{width}")
        wide = await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{name} is wider than the screen"

    await page.goto(f"{hub.url}/s/")
    await expect(page.get_by_text("open the link from our message again")).to_be_visible()
    await expect(page.get_by_role("button", name="Open")).to_be_hidden()
    await look("no-link")
    await page.goto("about:blank")
    await page.goto(link)
    await look("open")
    await enter(page, day="10")
    await look("refused")
    await enter(page)
    await expect(page.get_by_text(WORDS)).to_be_visible()
    await look("thread")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await look("nothing-said")
    await page.get_by_role("button", name="Close this page").click()
    await look("left")
    await page.goto(f"{hub.url}/s/thread")
    await look("over")
    await sync_to_async(Patient.objects.update)(birth_date=None)
    await page.goto(link)
    await enter(page)
    await look("call-us")
    assert {name: rules for name, rules in found.items() if rules} == {}
    assert await sync_to_async(SecureLink.objects.count)() == 1
    await context.close()
