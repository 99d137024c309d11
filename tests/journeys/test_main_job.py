"""What the hub is for, in a real browser: text in, answer out, chat by a link, reload, reassign."""

import re

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, Page, expect

from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations.models import Conversation, Entry
from tests.browser import Complaints, keep_picture
from tests.hub_processes import HubProcesses
from tests.journeys.conftest import LogIn

JO = "+15550100150"


async def open_row(page: Page, who: str, tab: str = "Team") -> None:
    """Open somebody's conversation from a list."""
    tabs = page.get_by_role("link", name=re.compile(rf"^{tab}")).first
    await expect(page.locator("#connection")).to_be_hidden()
    await tabs.click()
    await expect(page.locator("#console")).to_have_attribute("data-list", tab.lower())
    row = page.locator(".row", has_text=who).first
    await row.locator(".row-link").click()
    await expect(page.locator("#head h2")).to_contain_text(who)


async def answer(page: Page, words: str) -> None:
    """Write and send an answer."""
    await page.locator("#body").fill(words)
    await page.keyboard.press("Control+Enter")


def conversation_of_jo() -> Conversation:
    return Conversation.objects.get(patient__preferred_name="Jo Hale")


async def test_a_text_an_answer_a_chat_link_and_one_timeline(
    clinic: HubProcesses,
    simulator: SimulatedTwilio,
    log_in: LogIn,
    browser: Browser,
    complaints: Complaints,
) -> None:
    lena = await log_in("lena")
    await lena.get_by_role("link", name=re.compile("^Team")).first.click()
    await expect(lena.locator(".row").first).to_be_visible()
    jo = simulator.phone(JO)

    # The text appears in the open console by itself.
    await sync_to_async(jo.send)("I ran out of my tablets, can somebody help?")
    row = lena.locator(".row", has_text="Jo Hale")
    await expect(row).to_contain_text("I ran out of my tablets")
    await row.locator(".row-link").click()
    await expect(lena.locator("#head h2")).to_contain_text("Jo Hale")

    # She answers; the phone shows it; the tick follows.
    await answer(lena, "Good morning Jo, this is Lena.")
    await sync_to_async(jo.wait_for)("this is Lena")
    mine = lena.locator(".entry", has_text="this is Lena")
    await expect(mine).to_have_count(1)
    await expect(mine).to_contain_text(re.compile("delivered", re.IGNORECASE), timeout=15_000)

    # A link takes Jo to the chat, in a third window.
    await lena.locator("#chat-link").click()
    text = await sync_to_async(jo.wait_for)("/c/")
    found = re.search(r"https?://\S+/c/\S+", text)
    assert found is not None
    context = complaints.watch(await browser.new_context(viewport={"width": 390, "height": 844}))
    chat = await context.new_page()
    await chat.goto(found.group(0))
    await chat.get_by_role("button", name=re.compile("start|chat|continue", re.IGNORECASE)).click()
    box = chat.get_by_role("textbox").last
    await box.fill("I am in the chat now")
    await box.press("Enter")
    await expect(lena.locator(".entry", has_text="I am in the chat now")).to_be_visible()
    await expect(lena.locator(".entry", has_text="I ran out of my tablets")).to_be_visible()

    # The composer follows her: the answer goes by chat now. A reload of both pages loses nothing.
    await expect(lena.locator("#composer")).to_have_attribute("data-channel", "chat")
    await answer(lena, "Welcome to the chat, Jo.")
    await expect(chat.get_by_text("Welcome to the chat, Jo.")).to_be_visible()
    await lena.reload()
    await chat.reload()
    await expect(chat.get_by_text("Welcome to the chat, Jo.")).to_be_visible()
    await expect(chat.get_by_text("I ran out of my tablets")).to_have_count(0)
    for words in ("I ran out of my tablets", "this is Lena", "in the chat now", "Welcome to"):
        await expect(lena.locator(".entry", has_text=words)).to_have_count(1)
    await keep_picture(lena, "one-timeline")
    await context.close()

    def check() -> None:
        conversation = conversation_of_jo()
        channels = set(conversation.legs.values_list("channel", flat=True))
        assert channels == {"sms", "chat"}
        numbers = list(conversation.entries.order_by("number").values_list("number", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))

    await sync_to_async(check)()


async def test_a_supervisor_reassigns_and_both_consoles_follow(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn
) -> None:
    lena, sam = await log_in("lena"), await log_in("sam")
    await sync_to_async(simulator.phone(JO).send)("Hello?")
    await open_row(lena, "Jo Hale")
    await answer(lena, "One moment please.")
    await expect(lena.locator("#head")).to_contain_text("You")

    await open_row(sam, "Jo Hale")
    await sam.keyboard.press("a")
    dialog = sam.get_by_role("dialog")
    await dialog.get_by_role("combobox").or_(dialog.get_by_role("textbox")).first.fill("Kwame")
    await dialog.get_by_text("Kwame Boateng").first.click()
    await expect(sam.locator("#head")).to_contain_text("Kwame Boateng")
    await expect(lena.locator("#head")).to_contain_text("Kwame Boateng")

    def holder() -> str:
        held = conversation_of_jo().holder
        return held.name if held else ""

    assert await sync_to_async(holder)() == "Kwame Boateng"


async def test_the_console_catches_up_after_the_web_was_away(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn
) -> None:
    lena = await log_in("lena")
    phone = simulator.phone(JO)
    await sync_to_async(phone.send)("first")
    await open_row(lena, "Jo Hale")
    await sync_to_async(clinic.kill)("web")
    await expect(lena.locator("body")).to_contain_text(re.compile("reconnect", re.IGNORECASE))
    await sync_to_async(clinic.start)("web")
    await sync_to_async(phone.send)("while you were away")
    await expect(lena.locator(".entry", has_text="while you were away")).to_have_count(
        1, timeout=30_000
    )
    await expect(lena.locator(".entry", has_text="first")).to_have_count(1)


@pytest.mark.parametrize(
    "words", ["مرحبا، أحتاج موعداً", "預約可以改到下星期二嗎？ 👩🏽‍⚕️", "a" * 300]
)
async def test_words_reach_the_screen_as_they_were_sent(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn, words: str
) -> None:
    lena = await log_in("lena")
    await sync_to_async(simulator.phone(JO).send)(words)
    await open_row(lena, "Jo Hale")
    await expect(lena.get_by_text(words, exact=True).last).to_be_visible()
    wide = await lena.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, "a long word must not push the page wide"
    body = await sync_to_async(
        lambda: Entry.objects.filter(author_kind="patient").latest("pk").body
    )()
    assert body == words
