"""The widget in a real browser, on a site of another origin."""

import asyncio
from collections.abc import Callable
from datetime import date
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Browser, BrowserContext, Frame, Page, expect

from channels_app.chat.models import ChatSession, ChatSite
from channels_app.chat.sessions import Said, said_in
from hub.conversations.actions.send import note
from hub.conversations.actions.status import resolve
from hub.conversations.models import Entry
from hub.staff.models import User
from tests.browser import keep_picture
from tests.chat.browser import (
    agent,
    clinic,
    context,
    hub,
    latest_conversation,
    reply,
    widget_of,
    widget_site,
)
from tests.chat.clinic_site import ClinicSite, serve
from tests.hub_processes import HubProcesses

__all__ = ["agent", "clinic", "context", "hub", "widget_site"]
pytestmark = pytest.mark.django_db(transaction=True)
XSS = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


@pytest.fixture
async def page(clinic: ClinicSite, context: BrowserContext, widget_site: ChatSite) -> Page:
    page = await context.new_page()
    await page.goto(clinic.origin)
    return page


async def write(widget: Frame, text: str) -> None:
    await widget.fill("#text", text)
    await widget.press("#text", "Enter")


async def opened(page: Page) -> Frame:
    widget = await widget_of(page)
    await widget.click("#launcher")
    await widget.wait_for_selector("#panel:visible")
    return widget


async def patients_lines() -> list[str]:
    def work() -> list[str]:
        entries = Entry.objects.filter(author_kind="patient").order_by("id")
        return [entry.body for entry in entries]

    return await sync_to_async(work)()


async def test_chat_from_a_foreign_page_and_an_answer_by_a_person(agent: User, page: Page) -> None:
    widget = await widget_of(page)
    await keep_picture(page, "widget-closed")
    await widget.click("#launcher")
    await expect(widget.locator("#subtitle")).to_have_text("A person answers here")
    await keep_picture(page, "widget-open")
    await write(widget, "I ran out of metoprolol")
    await expect(widget.locator("li.mine .words")).to_have_text("I ran out of metoprolol")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await sync_to_async(reply)(agent, "On its way, Ana")
    await expect(widget.locator("li.theirs .words")).to_have_text("On its way, Ana")
    await expect(widget.locator("#title")).to_have_text("Lena, Cardiology")
    await expect(widget.locator("li.person .by")).to_have_text("Lena, a person")
    await keep_picture(page, "widget-answered")
    await expect_state(agent, "read")


async def expect_state(agent: User, state: str) -> None:
    """The answer's delivery comes to `state`, since the app says what it has and shows."""
    answers = Entry.objects.filter(author=agent, kind="message").order_by("-id")
    assert await becomes(answers.values_list("delivery_state", flat=True).first, state)


async def becomes(look: Callable[[], object], expected: object) -> bool:
    """Whether what is in the database comes to be as expected within five seconds."""
    for _ in range(50):
        if await sync_to_async(look)() == expected:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_reload_shows_the_same_chat_and_no_line_twice(agent: User, page: Page) -> None:
    widget = await opened(page)
    await write(widget, "Before the reload")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await page.reload()
    widget = await widget_of(page)
    await sync_to_async(reply)(agent, "While closed")
    await expect(widget.locator("#unread")).to_have_text("1")
    await keep_picture(page, "widget-unread")
    await widget.click("#launcher")
    await expect(widget.locator(".words")).to_have_text(["Before the reload", "While closed"])
    await expect(widget.locator("#unread")).to_be_hidden()
    assert await sync_to_async(ChatSession.objects.count)() == 1


async def test_a_cut_loses_nothing_and_repeats_nothing(
    agent: User, page: Page, context: BrowserContext
) -> None:
    widget = await opened(page)
    await write(widget, "Before the cut")
    await expect(widget.locator("li.pending")).to_have_count(0)
    # The network is gone: sockets die and cannot be made anew.
    await context.set_offline(True)
    await widget.evaluate("window.dispatchEvent(new Event('offline'))")
    await page.route("**/*", lambda route: route.abort())
    await cut_sockets(widget)
    await expect(widget.locator("#state")).to_have_text("No connection. Trying again…")
    await write(widget, "Written in the tunnel")
    await expect(widget.locator("li.pending .delivery")).to_contain_text("Not sent yet")
    await keep_picture(page, "widget-cut")
    for n in range(3):
        await sync_to_async(reply)(agent, f"Answer {n}")
    await page.unroute("**/*")
    await context.set_offline(False)
    await expect(widget.locator(".words")).to_have_text(
        ["Before the cut", "Answer 0", "Answer 1", "Answer 2", "Written in the tunnel"],
        timeout=20_000,
    )
    await expect(widget.locator("li.pending")).to_have_count(0)
    await expect(widget.locator("#state")).to_be_hidden()
    assert await patients_lines() == ["Before the cut", "Written in the tunnel"]


async def cut_sockets(widget: Frame) -> None:
    """Close the app's socket as a dying server does; it must come back by itself."""
    await widget.evaluate("window.__sockets.forEach((socket) => socket.close())")


async def test_words_that_were_not_sent_survive_a_reload_and_are_sent_once(
    agent: User, page: Page, hub: HubProcesses
) -> None:
    widget = await opened(page)
    await write(widget, "First")
    await expect(widget.locator("li.pending")).to_have_count(0)
    hub.kill("web")
    await expect(widget.locator("#state")).to_be_visible()
    await write(widget, "While the hub was down")
    hub.start("web")
    await page.reload()
    widget = await opened(page)
    await expect(widget.locator(".words")).to_have_text(["First", "While the hub was down"])
    await expect(widget.locator("li.pending")).to_have_count(0)
    assert await patients_lines() == ["First", "While the hub was down"]


async def test_a_second_tab_goes_on_in_the_same_chat(
    agent: User, page: Page, context: BrowserContext, clinic: ClinicSite
) -> None:
    widget = await opened(page)
    second = await context.new_page()
    await second.goto(clinic.origin)
    other = await opened(second)
    await write(widget, "From the first")
    await expect(other.locator(".words")).to_have_text(["From the first"])
    await write(other, "From the second")
    await expect(widget.locator(".words")).to_have_text(["From the first", "From the second"])
    assert await sync_to_async(ChatSession.objects.count)() == 1


async def test_without_a_websocket_requests_do_the_same(
    clinic: ClinicSite, browser: Browser, widget_site: ChatSite, agent: User
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.route_web_socket("**/chat/socket", lambda socket: socket.close())
    await page.goto(f"{clinic.hub}/chat/page/riverside")
    await page.fill("#text", "Through a strict proxy")
    await page.press("#text", "Enter")
    await expect(page.locator("li.mine:not(.pending) .words")).to_have_text(
        "Through a strict proxy", timeout=20_000
    )
    await sync_to_async(reply)(agent, "I hear you")
    await expect(page.locator("li.theirs .words")).to_have_text("I hear you", timeout=20_000)
    assert await patients_lines() == ["Through a strict proxy"]
    await context.close()


async def test_what_is_typed_never_becomes_code(agent: User, page: Page) -> None:
    agent.name = f"{XSS} Ortiz"
    await agent.asave()
    widget = await opened(page)
    await write(widget, XSS)
    await expect(widget.locator("li.mine .words")).to_have_text(XSS)
    await widget.set_input_files(
        "#file", {"name": f"{XSS}.txt", "mimeType": "text/plain", "buffer": b"plain words"}
    )
    await write(widget, "with a file")
    await expect(widget.locator("li:not(.pending) .file-name")).to_be_visible()
    await sync_to_async(reply)(agent, XSS)
    await expect(widget.locator("li.theirs .words")).to_have_text(XSS)
    assert await widget.evaluate("window.hacked") is None
    assert await page.evaluate("window.hacked") is None
    assert await widget.locator("#lines img, #lines script").count() == 0


async def test_a_picture_is_sent_shown_and_saved(agent: User, page: Page) -> None:
    widget = await opened(page)
    picture = await page.screenshot()
    await widget.set_input_files(
        "#file", {"name": "rash.png", "mimeType": "image/png", "buffer": picture}
    )
    await keep_picture(page, "widget-file")
    await widget.click("#send")
    shown = widget.locator("img.picture")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("(image) => image.naturalWidth") == 1280
    async with page.expect_download() as waiting:
        await widget.get_by_role("button", name="Save rash.png").click()
    download = await waiting.value
    assert download.suggested_filename == "rash.png"


async def test_a_file_that_may_not_pass_is_refused_with_a_sentence(agent: User, page: Page) -> None:
    widget = await opened(page)
    await widget.set_input_files(
        "#file", {"name": "page.png", "mimeType": "image/png", "buffer": b"<html>hello</html>"}
    )
    await widget.click("#send")
    await expect(widget.locator(".refused .delivery")).to_contain_text("Only pictures, PDF")
    await widget.get_by_role("button", name="Remove").click()
    await expect(widget.locator("li.pending")).to_have_count(0)


async def test_name_and_birth_date_are_asked_one_at_a_time_and_may_be_skipped(
    agent: User, page: Page
) -> None:
    widget = await opened(page)
    await write(widget, "Hello")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await widget.get_by_label("Name", exact=True).fill("Ana Morales")
    await widget.locator("#ask button[type=submit]").click()
    await expect(widget.locator("#ask-title")).to_have_text("What is your date of birth?")
    await widget.get_by_label("Month").fill("13")
    await widget.get_by_label("Day").fill("12")
    await widget.get_by_label("Year").fill("1961")
    await widget.locator("#ask button[type=submit]").click()
    await expect(widget.locator("#ask-error")).to_contain_text("check the date")
    await keep_picture(page, "widget-birth-date")
    await widget.get_by_label("Month").fill("3")
    await widget.locator("#ask button[type=submit]").click()
    await expect(widget.locator("#ask")).to_be_hidden()
    assert await becomes(
        lambda: said_in(latest_conversation()), Said("Ana Morales", date(1961, 3, 12))
    )


async def test_nobody_there_is_said_with_the_number_to_text(page: Page) -> None:
    widget = await opened(page)
    await expect(widget.locator("#subtitle")).to_contain_text("Nobody is here right now")
    text = widget.get_by_role("link", name="Go on by text: (555) 010-0100")
    await expect(text).to_have_attribute("href", "sms:+15550100100")
    await expect(widget.locator(".emergency")).to_contain_text("911")
    await write(widget, "Hello?")
    automatic = widget.locator("li.automatic")
    await expect(automatic.locator(".by")).to_have_text("Automatic answer")
    await expect(automatic.locator(".words")).to_contain_text("911")
    await keep_picture(page, "widget-nobody")


async def test_notes_stay_inside_and_the_end_is_told(agent: User, page: Page) -> None:
    widget = await opened(page)
    await write(widget, "Hello")
    await expect(widget.locator("li.pending")).to_have_count(0)
    conversation = await sync_to_async(latest_conversation)()
    await sync_to_async(note)(conversation, "Between us", intent=uuid4(), by=agent)
    await sync_to_async(resolve)(conversation, "answered", by=agent)
    await expect(widget.locator("#state")).to_contain_text("closed by our staff")
    assert "Between us" not in await widget.content()
    await write(widget, "One more thing")
    await expect(widget.locator(".words")).to_have_text(["Hello", "One more thing"])
    await expect(widget.locator("#state")).to_be_hidden()


async def test_ending_the_chat_clears_the_screen_for_the_next_person(
    agent: User, page: Page
) -> None:
    widget = await opened(page)
    await write(widget, "Private words")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await widget.get_by_role("button", name="End chat").click()
    await keep_picture(page, "widget-end")
    await widget.get_by_role("button", name="Yes, end it").click()
    await expect(widget.locator("#gate-title")).to_have_text("This chat is over")
    assert "Private words" not in await widget.content()
    await page.reload()
    widget = await opened(page)
    assert await widget.locator(".words").count() == 0
    await expect(widget.locator("#composer")).to_be_visible()


async def test_spanish_and_back(agent: User, page: Page) -> None:
    widget = await opened(page)
    await widget.get_by_role("button", name="En español").click()
    await expect(widget.locator("html")).to_have_attribute("lang", "es")
    await expect(widget.locator("#subtitle")).to_have_text("Le responde una persona")
    await write(widget, "Se me acabó la medicina")
    await expect(widget.locator("#ask-title")).to_have_text("¿Cómo se llama?")
    await keep_picture(page, "widget-spanish")
    await page.reload()
    widget = await opened(page)
    await expect(widget.locator("html")).to_have_attribute("lang", "es")
    await widget.get_by_role("button", name="In English").click()
    await expect(widget.locator("#text")).to_have_attribute("placeholder", "Write a message")


async def test_the_page_and_the_widget_cannot_reach_into_one_another(
    agent: User, page: Page
) -> None:
    await opened(page)
    reached = await page.evaluate(
        "() => { try { return document.querySelector('iframe').contentWindow.document.title }"
        " catch (error) { return error.name } }"
    )
    assert reached == "SecurityError"
    assert await page.evaluate("Object.keys(localStorage).length") == 0
    assert await page.context.cookies() == []
    # A message that looks like the widget's, but comes from the page itself, moves nothing.
    width = await page.evaluate("document.querySelector('iframe').offsetWidth")
    await page.evaluate("window.postMessage({from: 'hub-chat', type: 'size', open: false}, '*')")
    await asyncio.sleep(0.2)
    assert await page.evaluate("document.querySelector('iframe').offsetWidth") == width


async def test_a_site_that_is_not_on_the_list_gets_no_widget(
    browser: Browser, clinic: ClinicSite, widget_site: ChatSite
) -> None:
    with serve() as stranger:
        stranger.hub = clinic.hub
        context = await browser.new_context()
        page = await context.new_page()
        refused: list[str] = []
        page.on("console", lambda said: refused.append(said.text))
        await page.goto(stranger.origin)
        frame = await (await page.wait_for_selector("iframe")).content_frame()
        assert frame is not None
        await asyncio.sleep(0.5)
        assert await frame.locator("#launcher").count() == 0
        assert any("frame-ancestors" in line for line in refused), refused
        await context.close()


async def test_the_whole_chat_works_by_keyboard(agent: User, page: Page) -> None:
    widget = await widget_of(page)
    for _ in range(3):
        await page.keyboard.press("Tab")
        if await widget.evaluate("document.activeElement.id") == "launcher":
            break
    await page.keyboard.press("Enter")
    await expect(widget.locator("#text")).to_be_focused()
    await page.keyboard.type("By keyboard")
    await page.keyboard.press("Enter")
    await expect(widget.locator("li.mine .words")).to_have_text("By keyboard")
    await page.keyboard.press("Escape")
    await expect(widget.locator("#launcher")).to_be_focused()
    await expect(widget.locator("#panel")).to_be_hidden()
