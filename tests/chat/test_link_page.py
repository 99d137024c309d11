"""A link from a text, in a real browser; and every face of the chat before axe-core."""

from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from playwright.async_api import Browser, BrowserContext, Frame, Page, expect

from channels_app.chat import links
from channels_app.chat.models import ChatLink, ChatSite
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send import Answer, send
from hub.conversations.inbound import Inbound
from hub.conversations.models import Channel, Conversation, Entry, HubAddress
from hub.staff.models import User
from patients.models import ContactPoint
from tests.browser import keep_picture, violations
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
from tests.chat.clinic_site import ClinicSite
from tests.chat.test_links import token_of
from tests.factories import LinkFactory, PatientFactory
from tests.hub_processes import HubProcesses

__all__ = ["agent", "clinic", "context", "hub", "widget_site"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def texting(widget_site: ChatSite) -> Conversation:
    """Ana has texted."""
    point = ContactPoint.objects.create(system="phone", value="+15550100142")
    LinkFactory(contact_point=point, patient=PatientFactory(legal_name="Ana Morales"))
    address = HubAddress.objects.create(
        channel=Channel.SMS,
        value="+15550100100",
        label="Main number",
        department=widget_site.hub_address.department,
    )
    return receive(
        Inbound(Channel.SMS, "phone", point.value, address.pk, "I missed my visit", timezone.now())
    ).conversation


@pytest.fixture
def link(texting: Conversation, agent: User, hub: HubProcesses) -> str:
    token = token_of(links.send_link(texting, by=agent))
    return f"{hub.url}/c/#{token}"


async def test_texts_and_chat_stand_in_one_timeline(
    link: str, texting: Conversation, agent: User, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(link)
    await expect(page.locator("#gate-title")).to_have_text("Riverside Clinic: continue here")
    await keep_picture(page, "link-start")
    # Not in the address bar, nor in the history, from here on.
    assert "#" not in page.url
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#text")).to_be_focused()
    await page.keyboard.type("I am here now")
    await page.keyboard.press("Enter")
    await expect(page.locator("li.mine:not(.pending) .words")).to_have_text("I am here now")
    await sync_to_async(reply)(agent, "Good to see you, Ana")
    await expect(page.locator(".words")).to_have_text(["I am here now", "Good to see you, Ana"])
    await keep_picture(page, "link-chat")
    assert "I missed my visit" not in await page.content()

    def timeline() -> list[tuple[str, str, str]]:
        lines = Entry.objects.filter(conversation=texting, kind="message", audience="patient")
        return [
            (entry.channel, entry.author_kind, entry.body)
            for entry in lines.order_by("number")
            if entry.author_kind != "automatic" and "/c/#" not in entry.body
        ]

    assert await sync_to_async(timeline)() == [
        ("sms", "patient", "I missed my visit"),
        ("chat", "patient", "I am here now"),
        ("chat", "staff", "Good to see you, Ana"),
    ]


async def test_the_same_browser_goes_on_and_another_is_offered_a_new_link(
    link: str, agent: User, browser: Browser, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_role("button", name="Start").click()
    await page.fill("#text", "From my phone")
    await page.press("#text", "Enter")
    await expect(page.locator("li.mine:not(.pending)")).to_have_count(1)
    await page.reload()
    await expect(page.locator(".words")).to_have_text("From my phone")
    # The link tapped again, in a new tab of the same browser.
    again = await context.new_page()
    await again.goto(link)
    await again.get_by_role("button", name="Start").click()
    await expect(again.locator(".words")).to_have_text("From my phone")

    stranger = await browser.new_context()
    other = await stranger.new_page()
    await other.goto(link)
    await other.get_by_role("button", name="Start").click()
    await expect(other.locator("#gate-title")).to_have_text("This link was opened before")
    assert "From my phone" not in await other.content()
    await keep_picture(other, "link-used")
    await other.get_by_role("button", name="Text me a new link").click()
    await expect(other.locator("#gate-note")).to_have_text(
        "A new link is on its way to your phone."
    )
    assert await sync_to_async(ChatLink.objects.count)() == 2
    await stranger.close()


async def test_the_page_without_a_link_and_the_expired_one_say_what_to_do(
    link: str, hub: HubProcesses, browser: Browser
) -> None:
    await sync_to_async(ChatLink.objects.update)(expires_at=timezone.now())
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{hub.url}/c/")
    await expect(page.locator("#gate-title")).to_have_text("Open the link in our text message")
    await expect(page.locator("#gate-button")).to_be_hidden()
    await page.goto(link)
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#gate-title")).to_have_text("This link has expired")
    await context.close()


async def test_the_token_reaches_no_log_of_the_running_hub(
    link: str, hub: HubProcesses, context: BrowserContext
) -> None:
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(link)
    await page.get_by_role("button", name="Start").click()
    await page.fill("#text", "Hello")
    await page.press("#text", "Enter")
    await expect(page.locator("li.mine:not(.pending)")).to_have_count(1)
    token = link.partition("#")[2]
    kept = await page.evaluate("JSON.parse(localStorage.getItem('hub-chat:c')).token")
    log = hub.log("web").read_text()
    assert "request_finished" in log
    for secret in (token, kept):
        assert secret not in log
        assert not [url for url in asked if secret in url.partition("#")[0]]


# --- Looks ----------------------------------------------------------------------------------------


def fill_the_thread(by: User) -> None:
    """Lines of all kinds: long, Spanish, Chinese, Arabic, a long word, an automatic answer."""
    conversation = latest_conversation()
    leg = conversation.legs.latest("pk")
    for text in (
        "Thank you for waiting, Ana, and I am sorry about Friday's missed call. I am with you now.",
        "¿Le queda alguna pastilla para esta noche? 请稍等。 سأكون معك بعد قليل.",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    ):
        send(conversation, Answer(text, leg.pk, uuid4()), by=by)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
async def test_axe_finds_nothing_on_any_face_of_the_chat(
    scheme: str,
    width: int,
    height: int,
    link: str,
    clinic: ClinicSite,
    agent: User,
    browser: Browser,
) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=width < 600,
        # axe is brought in by the test; the page itself would not run it.
        bypass_csp=True,
    )
    size = f"{scheme}-{width}"
    found: dict[str, list[tuple[str, list[str]]]] = {}
    page = await context.new_page()
    await page.goto(clinic.origin)
    widget = await widget_of(page)
    found["closed"] = await violations(widget)
    await keep_picture(page, f"{size}-closed")
    await widget.click("#launcher")
    await widget.wait_for_selector("#panel:visible")
    found["open"] = await violations(widget)
    await keep_picture(page, f"{size}-open")
    await widget.fill("#text", "I am here now")
    await widget.press("#text", "Enter")
    await expect(widget.locator("li.pending")).to_have_count(0)
    await sync_to_async(fill_the_thread)(agent)
    await expect(widget.locator("li.theirs")).to_have_count(3)
    found["chat"] = await violations(widget)
    await keep_picture(page, f"{size}-chat")
    assert await no_sideways_scrolling(widget)
    await small_targets_are_none(widget)
    await widget.locator("#ask-skip").click()
    found["birth"] = await violations(widget)
    await keep_picture(page, f"{size}-birth")
    await widget.get_by_role("button", name="End chat").click()
    found["end"] = await violations(widget)

    await page.goto(f"{clinic.hub}/chat/page/riverside")
    await page.wait_for_selector("#composer:visible")
    found["page"] = await violations(page)
    await keep_picture(page, f"{size}-page")
    await page.goto(link)
    await page.wait_for_selector("#gate:visible")
    found["link"] = await violations(page)
    await keep_picture(page, f"{size}-link")
    await page.get_by_role("button", name="Start").click()
    await page.wait_for_selector("#composer:visible")
    found["link chat"] = await violations(page)
    await keep_picture(page, f"{size}-link-chat")
    await context.close()
    assert [f"{face}: {one}" for face, all_ in found.items() for one in all_] == []


async def no_sideways_scrolling(target: Page | Frame) -> bool:
    fits: bool = await target.evaluate(
        "document.getElementById('thread').scrollWidth"
        " <= document.getElementById('thread').clientWidth"
    )
    return fits


async def small_targets_are_none(target: Page | Frame) -> None:
    """What is pressed with a thumb measures 44 px each way; words as links may be narrower."""
    small = await target.evaluate(
        """() => [...document.querySelectorAll(
                'button, input.field, textarea, a.way, label.attach')]
            .filter((one) => one.offsetParent !== null)
            .map((one) => [one.id || one.className, one.offsetWidth, one.offsetHeight])
            .filter(([name, width, height]) =>
                height < 44 || (width < 44 && name !== 'ask-skip'))"""
    )
    assert small == []
