"""A call's whole life in a real browser: menu, ring, talk, hold, reload, introduction, notes."""

import re

from asgiref.sync import sync_to_async
from playwright.async_api import Page, expect

from channels_app.simulator.headless import SimulatedPhone, SimulatedTwilio
from channels_app.voice.models import Call
from hub.conversations.models import Attachment, Conversation, Entry
from hub.staff.models import User
from tests.browser import keep_picture, violations
from tests.hub_processes import HubProcesses
from tests.journeys.conftest import LogIn

JO = "+15550100150"
CLINIC = "+15550100100"
PATIENCE = 30_000  # milliseconds; the machine may be busy


def to_the_front_desk(phone: SimulatedPhone) -> None:
    """Call the clinic and go through its menu in English."""
    phone.dial(CLINIC)
    phone.wait_for_heard("dial 911", 30)
    phone.wait_for_heard("For English, press 1", 30)
    phone.press("1")
    phone.wait_for_heard("appointments and everything else", 30)
    phone.press("1")
    phone.wait_for_heard("may be recorded", 30)


def whats() -> list[str]:
    """What happened in the only conversation by phone, in order."""
    entries = Entry.objects.filter(kind=Entry.Kind.CALL).order_by("number")
    return [entry.detail["what"] for entry in entries]


async def say(page: Page, words: str) -> None:
    """Speak through the demo's line of words, as the console's user would by voice."""
    field = page.get_by_placeholder(re.compile("^Say something"))
    await field.fill(words)
    await field.press("Enter")


async def test_a_calls_whole_life(
    clinic: HubProcesses, simulator: SimulatedTwilio, log_in: LogIn
) -> None:
    simulator.chaos(speech_factor=0.3, recording_delay=0.2)
    await sync_to_async(User.objects.exclude(name="Lena Moreau").filter(role="agent").update)(
        chosen_presence="busy"
    )
    lena, kwame = await log_in("lena"), await log_in("kwame")
    jo = simulator.phone(JO)
    await sync_to_async(to_the_front_desk)(jo)
    await sync_to_async(jo.wait_for_heard)("keep your place", 30)

    # It rings at Lena's, and at nobody else's; she takes it by the keyboard.
    ring = lena.locator("#ring")
    await expect(ring).to_contain_text("Jo Hale", timeout=PATIENCE)
    await expect(ring).to_contain_text("Front desk")
    await keep_picture(lena, "call-1-rings")
    assert await violations(lena) == []
    await expect(kwame.locator("#ring")).to_be_hidden()
    accept = ring.get_by_role("button", name="Accept")
    await expect(accept).to_be_enabled(timeout=PATIENCE)
    await accept.press("Enter")
    bar = lena.get_by_role("group", name="The call")
    await expect(bar).to_be_visible(timeout=PATIENCE)
    await sync_to_async(jo.wait_until)("bridged", 30)

    # They hear each other.
    await say(lena, "Good morning, this is Lena")
    await sync_to_async(jo.wait_for_heard)("this is Lena", 30)
    await sync_to_async(jo.say)("I need another appointment")
    await expect(lena.locator("body")).to_contain_text("I need another appointment")
    await expect(lena.locator("body")).to_contain_text("Recorded", timeout=PATIENCE)
    await keep_picture(lena, "call-2-talks")
    assert await violations(lena) == []

    # Music while on hold.
    await bar.get_by_role("button", name="Hold").click()
    await expect(lena.locator(".bar-tag.is-held")).to_be_visible(timeout=PATIENCE)
    await expect(bar.get_by_role("button", name="Hold")).to_have_attribute("aria-pressed", "true")
    await bar.get_by_role("button", name="Hold").click()
    await expect(lena.locator(".bar-tag.is-held")).to_be_hidden(timeout=PATIENCE)

    # A reload in the middle loses nobody: the patient has music, and her phone comes back.
    await lena.reload()
    await sync_to_async(jo.wait_until)("bridged", 60)
    bar = lena.get_by_role("group", name="The call")
    await expect(bar).to_be_visible(timeout=PATIENCE)
    await say(lena, "I am back")
    await sync_to_async(jo.wait_for_heard)("I am back", 30)

    # She introduces Kwame, and leaves.
    await sync_to_async(User.objects.filter(name="Kwame Boateng").update)(chosen_presence="")
    await bar.get_by_role("button", name="Hand over").click()
    await lena.get_by_placeholder("Name of a person or department").fill("Kwame")
    await lena.locator(".pick", has_text="Kwame Boateng").click()
    ring = kwame.locator("#ring")
    await expect(ring).to_contain_text("Jo Hale", timeout=PATIENCE)
    await ring.get_by_role("button", name="Accept").click()
    complete = lena.get_by_role("button", name="Hand over now")
    await expect(complete).to_be_visible(timeout=PATIENCE)
    await say(lena, "Kwame, Jo needs another appointment")
    await expect(kwame.locator("body")).to_contain_text("Jo needs another", timeout=PATIENCE)
    assert "Jo needs another" not in " ".join(await sync_to_async(jo.heard)())
    await keep_picture(lena, "call-3-introduces")
    await complete.click()
    await sync_to_async(jo.wait_until)("bridged", 60)
    await say(kwame, "Hello, this is Kwame")
    await sync_to_async(jo.wait_for_heard)("this is Kwame", 30)

    # Lena is at her notes meanwhile, and done with them.
    wrap_up = lena.locator("#wrap-up")
    await expect(wrap_up).to_be_visible(timeout=PATIENCE)
    await wrap_up.get_by_role("button", name=re.compile("^Done")).click()
    await expect(wrap_up).to_be_hidden(timeout=PATIENCE)

    # The patient hangs up; the whole call stands in the timeline, with its recording to play.
    await sync_to_async(jo.hang_up)()
    await expect(kwame.locator("#wrap-up")).to_be_visible(timeout=PATIENCE)
    conversation = await sync_to_async(Conversation.objects.get)(
        pk=(await sync_to_async(Call.objects.get)()).conversation_id
    )
    assert conversation.holder_id == (await User.objects.aget(name="Kwame Boateng")).pk
    for _ in range(100):
        stored = Attachment.objects.filter(
            entry__kind=Entry.Kind.RECORDING, state=Attachment.State.STORED
        )
        if await stored.aexists():
            break
        await kwame.wait_for_timeout(300)
    await kwame.goto(f"{clinic.url}/console/c/{conversation.uuid}/?list=mine")
    timeline = kwame.locator("#timeline, .timeline").first
    await expect(timeline).to_contain_text("The patient calls")
    await expect(timeline).to_contain_text("the caller hung up")
    await expect(timeline.locator("audio, [data-sound], .sound").first).to_be_visible()
    await keep_picture(kwame, "call-4-timeline")
    assert await violations(kwame) == []
    happened = await sync_to_async(whats)()
    expected = ["arrived", "chose_department", "answered", "agent_returned", "handed_over", "ended"]
    assert [what for what in happened if what in expected] == expected
