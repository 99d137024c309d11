"""Calls on the phone page in a real browser: dialled, heard, rung, and what stays of them."""

from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.browser import violations
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub
from tests.simulator.test_phone_page import ANA, OpenPage, open_page, phone  # noqa: F401

EMERGENCY = "If this is an emergency, hang up and dial 911."
MENU = (
    f"<Say>{EMERGENCY}</Say>"
    '<Gather input="dtmf speech" numDigits="1" timeout="60" action="/menu">'
    "<Say>To speak with a nurse, press 3.</Say></Gather>"
)
WAIT = "<Say>You are number 2 in line.</Say><Play>/music.wav</Play>"


@pytest.fixture
def menu(script: Script, simulator: SimulatedTwilio) -> Script:
    """The clinic's line: the notice, a menu, and a queue with music."""
    simulator.chaos(music_factor=0.02)
    script[INCOMING] = MENU
    script["/menu"] = lambda seen: (
        '<Enqueue waitUrl="/wait">nurses</Enqueue>'
        if seen.fields.get("Digits") == "3"
        else "<Say>That is not one of the choices.</Say>" + MENU
    )
    script["/wait"] = WAIT
    return script


def call_screen(page: Page) -> Locator:
    return phone(page).locator(".call")


async def dial(page: Page) -> Locator:
    await phone(page).get_by_role("button", name="Call the clinic").click()
    screen = call_screen(page)
    await expect(screen.get_by_text(EMERGENCY)).to_be_visible()
    return screen


async def test_patient_dials_hears_presses_and_waits(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    menu: Script,
    hub: StandInHub,
) -> None:
    page = await open_page()
    screen = await dial(page)
    await expect(screen.get_by_role("status")).to_have_text("In the menu")
    await expect(screen.get_by_text("press 3")).to_be_visible()
    await screen.get_by_role("button", name="3", exact=True).click()
    await expect(screen.get_by_text("You pressed 3")).to_be_visible()
    await expect(screen.get_by_role("status")).to_have_text("Waiting")
    await expect(screen.get_by_text("You are number 2 in line.")).to_be_visible()
    await expect(screen.locator(".heard.music")).to_have_count(1)
    # What is heard again and again while waiting is written once, and counted.
    await expect(screen.locator(".heard", has_text="number 2").get_by_text("×")).to_be_visible()
    await expect(screen.get_by_role("timer")).to_have_text("00:01")
    await screen.get_by_role("button", name="Hang up").click()
    await expect(screen).to_be_hidden()
    await expect(phone(page).locator(".past-call summary")).to_contain_text("You called, 00:0")
    assert hub.asked(INCOMING)[0]["To"] == CLINIC


async def test_keys_and_words_by_keyboard(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    menu: Script,
    hub: StandInHub,
) -> None:
    page = await open_page()
    await phone(page).get_by_label("To").select_option("+15550100200")
    screen = await dial(page)
    await expect(screen).to_be_focused()
    await page.keyboard.press("9")
    await expect(screen.get_by_text("not one of the choices")).to_be_visible()
    await screen.get_by_label("Say something").fill("the nurse 3 please")
    await page.keyboard.press("Enter")
    await expect(screen.locator(".heard.said")).to_contain_text("the nurse 3 please")
    await expect(screen.locator(".heard.pressed")).to_have_count(1)
    hub.wait_for("/menu", 2)
    assert hub.asked("/menu")[1]["SpeechResult"] == "the nurse 3 please"
    assert hub.asked(INCOMING)[0]["To"] == "+15550100200"


async def test_incoming_call_rings_is_answered_and_ends(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    twilio: Client,
    script: Script,
) -> None:
    page = await open_page()
    twilio.calls.create(
        to=ANA, from_=CLINIC, twiml="<Response><Say>Hello Ana.</Say><Pause length='2'/></Response>"
    )
    screen = call_screen(page)
    await expect(screen.get_by_role("status")).to_have_text("Incoming call")
    await screen.get_by_role("button", name="Answer").click()
    await expect(screen.get_by_text("Hello Ana.")).to_be_visible()
    # It stays to be read when the other side hung up.
    await expect(screen.get_by_role("status")).to_have_text("The call has ended")
    await screen.get_by_role("button", name="Close").click()
    await expect(screen).to_be_hidden()
    past = phone(page).locator(".past-call")
    await expect(past).to_contain_text("The clinic called")
    await past.locator("summary").click()
    await expect(past.get_by_text("Hello Ana.")).to_be_visible()


async def test_agent_talks_holds_and_leaves(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    twilio: Client,
    script: Script,
    open_device: Callable[..., Device],
) -> None:
    script[INCOMING] = "<Dial><Conference waitUrl=''>room</Conference></Dial><Say>Bye.</Say>"
    agent = open_device("agent_7")
    page = await open_page()
    await phone(page).get_by_role("button", name="Call the clinic").click()
    screen = call_screen(page)
    state = screen.get_by_role("status")
    await expect(state).to_have_text("Waiting")
    twilio.calls.create(
        to="client:agent_7",
        from_=CLINIC,
        twiml="<Response><Dial><Conference>room</Conference></Dial></Response>",
    )
    agent.accept()
    await expect(state).to_have_text("Connected")
    agent.say("Good morning, this is Lena.")
    await expect(screen.locator(".heard.heard")).to_have_text(
        ["Clinic: “Good morning, this is Lena.”"]
    )
    await screen.get_by_label("Say something").fill("Good morning.")
    await screen.get_by_role("button", name="Say it").click()
    agent.wait_for_heard("Good morning.")
    (room,) = twilio.conferences.list()
    (patient,) = [p for p in room.participants.list() if p.call_sid != agent.current]
    patient.update(hold=True)
    await expect(state).to_have_text("On hold")
    await expect(screen.locator(".heard.music")).to_be_visible()
    patient.update(hold=False)
    await expect(state).to_have_text("Connected")
    # Nobody is at the other end any more, and the call goes on.
    agent.hang_up()
    await expect(state).to_have_text("Waiting")


async def test_call_to_a_phone_that_is_not_on_the_desk(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    twilio: Client,
    script: Script,
) -> None:
    page = await open_page()
    number = "+15550100188"
    twilio.calls.create(to=number, from_=CLINIC, twiml="<Response><Pause length='30'/></Response>")
    other = page.locator(".other.ringing", has_text="Incoming call")
    await expect(other).to_be_visible()
    await expect(page.locator("#news")).to_have_text("(555) 010-0188: incoming call")
    await other.click()
    screen = phone(page, number).locator(".call")
    await screen.get_by_role("button", name="Answer").click()
    await expect(screen.get_by_role("status")).to_have_text("In the menu")


async def test_message_is_spoken_after_the_beep(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    script: Script,
    hub: StandInHub,
) -> None:
    script[INCOMING] = "<Record timeout='30' finishOnKey='#' action='/left'/>"
    page = await open_page()
    await phone(page).get_by_role("button", name="Call the clinic").click()
    screen = call_screen(page)
    await expect(screen.get_by_role("status")).to_have_text("Leaving a message")
    await expect(screen.locator(".heard.beep")).to_be_visible()
    await screen.get_by_label("Say something").fill("Please call me back.")
    await page.keyboard.press("Enter")
    await expect(screen.locator(".heard.said")).to_be_visible()
    await screen.get_by_role("button", name="Pound").click()
    await expect(screen.get_by_role("status")).to_have_text("The call has ended")
    assert hub.asked("/left")[0]["Digits"] == "#"


async def test_incoming_call_is_declined_and_the_line_is_busy_from_now(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    twilio: Client,
    script: Script,
) -> None:
    page = await open_page()
    twilio.calls.create(to=ANA, from_=CLINIC, twiml="<Response><Say>Hi</Say></Response>")
    await call_screen(page).get_by_role("button", name="Decline").click()
    await expect(phone(page).locator(".past-call")).to_contain_text("Declined call")
    await phone(page).get_by_label("If called").select_option("busy")
    await page.reload()
    await expect(phone(page).get_by_label("If called")).to_have_value("busy")


async def test_texts_stay_at_hand_during_a_call_that_a_reload_does_not_lose(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    menu: Script,
) -> None:
    page = await open_page()
    screen = await dial(page)
    await screen.get_by_role("button", name="Show the texts").click()
    await phone(page).get_by_label("Text message").fill("Can we chat instead?")
    await page.keyboard.press("Enter")
    await expect(phone(page).locator(".bubble")).to_contain_text("Can we chat instead?")
    await phone(page).get_by_role("button", name="back to the call").click()
    await expect(screen.get_by_text(EMERGENCY)).to_be_visible()
    await page.reload()
    await expect(screen.get_by_text(EMERGENCY)).to_be_visible()
    await expect(screen.get_by_role("status")).to_have_text("In the menu")


async def test_webhook_log_opens_the_answer_to_a_question(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    menu: Script,
) -> None:
    page = await open_page()
    await dial(page)
    await page.get_by_role("button", name="incoming call").click()
    verbs = page.locator(".webhook-answer .verbs").first
    await expect(verbs).to_contain_text(f"Say “{EMERGENCY}”")
    await expect(verbs).to_contain_text("Gather input dtmf speech, numDigits 1")


async def test_three_callers_at_once(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    menu: Script,
) -> None:
    page = await open_page()
    await page.get_by_label("Speed").select_option("20")
    await page.get_by_role("button", name="Play Three callers at once").click()
    await expect(page.locator(".call", has_text=EMERGENCY)).to_have_count(3)
    await page.get_by_role("button", name="Stop Three callers at once").click()
    await expect(page.locator(".call[data-phase=ended]")).to_have_count(3)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_barrier_in_calls(
    open_page: OpenPage,  # noqa: F811
    simulator: SimulatedTwilio,
    twilio: Client,
    menu: Script,
    theme: str,
    width: int,
) -> None:
    page = await open_page("/", theme, width)
    screen = await dial(page)
    await page.get_by_role("button", name="incoming call").click()
    await screen.get_by_role("button", name="3", exact=True).click()
    await expect(screen.locator(".heard.music")).to_have_count(1)
    assert await violations(page) == []
    await screen.get_by_role("button", name="Show the texts").click()
    assert await violations(page) == []
    await phone(page).get_by_role("button", name="back to the call").click()
    await screen.get_by_role("button", name="Hang up").click()
    await phone(page).locator(".past-call summary").click()
    await expect(phone(page).locator(".past-call").get_by_text(EMERGENCY)).to_be_visible()
    assert await violations(page) == []
    twilio.calls.create(to=ANA, from_=CLINIC, twiml="<Response><Say>Hi</Say></Response>")
    await expect(screen.get_by_role("button", name="Answer")).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
