"""The phone page in a real browser: text in, text out, live; and no barrier for anybody."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, WebSocketRoute, expect
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.pictures import picture
from channels_app.simulator.scenes import SCENES
from tests.simulator.conftest import CLINIC
from tests.simulator.fixtures import PROJECT
from tests.simulator.standin import Answer, StandInHub

ANA = "+15550100142"
AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(browser: Browser, simulator: SimulatedTwilio) -> AsyncIterator[OpenPage]:
    """Opens a page of the simulator; a script error or a blocked resource fails the test."""
    contexts, complaints = [], []

    async def open_it(path: str = "/", theme: str = "light", width: int = 1280) -> Page:
        context = await browser.new_context(
            color_scheme=theme, viewport={"width": width, "height": 800}, bypass_csp=False
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        await page.goto(simulator.url + path)
        return page

    yield open_it
    for context in contexts:
        await context.close()
    # A refused request is told by the browser too; those the tests provoke are answered 4xx.
    assert [c for c in complaints if "Failed to load resource" not in c] == []


def phone(page: Page, e164: str = ANA) -> Locator:
    return page.locator(f'[data-phone="{e164}"].phone')


async def test_patient_writes_and_reads_the_answer(
    open_page: OpenPage, simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    page = await open_page()
    ana = phone(page)
    await ana.get_by_label("Text message").fill("¿Están abiertos hoy? 👋")
    await page.keyboard.press("Enter")
    mine = ana.locator(".line.mine")
    await expect(mine.locator(".bubble")).to_contain_text("¿Están abiertos hoy? 👋")
    await expect(mine.locator("[data-fate]")).to_have_text("Delivered")
    assert hub.bodies() == ["¿Están abiertos hoy? 👋"]
    await expect(ana.get_by_label("Text message")).to_have_value("")

    twilio.messages.create(to=ANA, from_=CLINIC, body="Yes. More: http://127.0.0.1:1/c/abc?x=1.")
    answer = ana.locator(".line:not(.mine) .bubble")
    link = answer.get_by_role("link")
    await expect(link).to_have_attribute("href", "http://127.0.0.1:1/c/abc?x=1")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")


async def test_text_is_shown_as_text(
    open_page: OpenPage, simulator: SimulatedTwilio, twilio: Client
) -> None:
    page = await open_page()
    twilio.messages.create(to=ANA, from_=CLINIC, body="<img src=x onerror=alert(1)> & more")
    bubble = phone(page).locator(".bubble [data-body]")
    await expect(bubble).to_have_text("<img src=x onerror=alert(1)> & more")
    assert await bubble.locator("img").count() == 0


async def test_thread_is_there_after_a_reload(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    for index in range(3):
        simulator.phone(ANA).send(f"text {index}")
    page = await open_page()
    await expect(phone(page).locator(".bubble")).to_have_count(3)
    await page.reload()
    await expect(phone(page).locator(".bubble")).to_have_count(3)


async def test_hub_that_refuses_is_shown_on_the_bubble(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(403)
    page = await open_page()
    simulator.phone(ANA).send("hi")
    await expect(phone(page).locator(".line.failed [data-fate]")).to_have_text(
        "Not taken by the hub"
    )
    await expect(page.locator(".webhooks .bad").first).to_have_text("403")


async def test_stop_button_texts_stop(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    await phone(page).get_by_role("button", name="STOP").click()
    await expect(phone(page).locator(".line.mine [data-fate]")).to_have_text("Delivered")
    assert hub.bodies() == ["STOP"]


async def test_picture_is_chosen_taken_back_and_sent(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub, tmp_path: Path
) -> None:
    files = []
    for name in ("card.png", "other.png"):
        files.append(tmp_path / name)
        files[-1].write_bytes(picture("card"))
    page = await open_page()
    ana = phone(page)
    await ana.locator("input[type=file]").set_input_files(files)
    await ana.get_by_role("button", name="Remove other.png").click()
    await expect(ana.locator(".chosen li")).to_have_count(1)
    await ana.get_by_role("button", name="Send").click()
    image = ana.get_by_role("img", name="Picture you sent")
    await expect(image).to_be_visible()
    assert await image.evaluate("async (i) => { await i.decode(); return i.naturalWidth }") == 240
    await expect(ana.locator(".line.mine [data-fate]")).to_have_text("Delivered")
    (seen,) = hub.seen
    assert (seen.fields["NumMedia"], seen.fields["MediaContentType0"]) == ("1", "image/png")


async def test_another_phone_is_laid_down_and_put_away(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Another phone").click()
    second = phone(page, "+15550100143")
    await expect(second.get_by_label("Text message")).to_be_focused()
    await page.get_by_label("Number").fill("+15550100177")
    await page.get_by_role("button", name="Another phone").click()
    await expect(page.locator(".phone")).to_have_count(3)
    await second.get_by_label("Text message").fill("from the second")
    await second.get_by_role("button", name="Send").click()
    await expect(second.locator(".bubble")).to_have_count(1)
    await expect(phone(page).locator(".bubble")).to_have_count(0)
    await second.get_by_role("button", name="Put this phone away").click()
    await expect(page.locator(".phone")).to_have_count(2)
    # It is not gone: it lies with the others, thread and all.
    await page.locator(".other", has_text="from the second").click()
    await expect(second.locator(".bubble")).to_have_count(1)


async def test_text_to_the_second_number(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    await phone(page).get_by_label("To").select_option("+15550100200")
    await phone(page).get_by_label("Text message").fill("hi")
    await phone(page).get_by_role("button", name="Send").click()
    await expect(phone(page).locator("[data-fate]")).to_have_text("Delivered")
    assert hub.seen[0].fields["To"] == "+15550100200"


async def test_scene_plays_live_and_stops(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    await page.get_by_label("Speed").select_option("20")
    await page.get_by_role("button", name="Play A busy Monday morning").click()
    await expect(page.locator(".other", has_text="Rosa’s and Mateo’s phone")).to_be_visible()
    await expect(phone(page).locator(".bubble")).to_contain_text("metoprolol")
    await expect(page.locator(".other", has_text="holiday hours")).to_be_visible()
    await page.get_by_role("button", name="Stop A busy Monday morning").click()
    await expect(page.get_by_role("button", name="Play A busy Monday morning")).to_be_visible()
    simulator.settle()


async def test_knobs_turn_and_go_calm(open_page: OpenPage, simulator: SimulatedTwilio) -> None:
    page = await open_page()
    slider = page.get_by_label("Duplicates")
    await slider.focus()
    async with page.expect_response("**/simulator/chaos"):
        await slider.press("ArrowRight")
    assert simulator.ask("GET", "/chaos")["duplicate_p"] == pytest.approx(0.01)
    simulator.chaos(delay_ms=250)
    await expect(page.locator(".knob", has_text="Delay").locator(".knob-value")).to_have_text(
        "250 ms"
    )
    await page.get_by_role("button", name="All calm").click()
    await expect(page.locator(".knob.on")).to_have_count(0)
    assert simulator.ask("GET", "/chaos")["delay_ms"] == 0


async def test_webhook_log_follows(
    open_page: OpenPage, simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    page = await open_page()
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    rows = page.locator(".webhooks tbody tr")
    await expect(rows.nth(0)).to_contain_text("status delivered")
    await expect(rows.nth(1)).to_contain_text("status sent")
    await expect(rows.nth(0).locator(".good")).to_have_text("204")


async def test_page_catches_up_after_the_socket_was_cut(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    sockets: list[WebSocketRoute] = []
    line = {"cut": False}

    async def pass_on(socket: WebSocketRoute) -> None:
        if line["cut"]:
            await socket.close()
            return
        socket.connect_to_server()
        sockets.append(socket)

    await page.route_web_socket("**/simulator/socket", pass_on)
    await page.reload()
    await expect(page.locator(".scene")).to_have_count(len(SCENES))
    line["cut"] = True
    await sockets[0].close()
    await expect(page.get_by_role("status")).to_have_text("Reconnecting…")
    simulator.phone(ANA).send("while you were away")
    line["cut"] = False
    await expect(phone(page).locator(".bubble")).to_contain_text("while you were away")
    await expect(page.get_by_role("status")).to_be_hidden()


async def test_reset_clears_the_desk(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    page = await open_page()
    simulator.phone(ANA).send("hi")
    await expect(phone(page).locator(".bubble")).to_have_count(1)
    simulator.reset()
    await expect(phone(page).locator(".bubble")).to_have_count(0)
    await expect(page.get_by_text("Nothing was sent to the hub yet.")).to_be_visible()


async def test_banner_says_that_nothing_is_real(open_page: OpenPage) -> None:
    page = await open_page()
    await expect(page.get_by_role("banner")).to_contain_text(
        "Simulated telephony: nothing here leaves this computer"
    )


async def test_site_of_a_clinic_carries_the_widget_by_one_tag(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(
        200,
        b"document.body.dataset.widget = document.currentScript.dataset.site",
        "text/javascript",
    )
    page = await open_page("/site")
    await expect(page.locator("body")).to_have_attribute("data-widget", "riverside")
    assert [s.path for s in hub.seen] == ["/chat/widget.js"]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_barrier_and_no_sideways_scrolling(
    open_page: OpenPage,
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    theme: str,
    width: int,
) -> None:
    simulator.step_time()
    simulator.play("busy-monday-morning")
    simulator.advance(260)
    hub.answer = lambda seen: Answer(500)
    simulator.phone(ANA).send("refused", media=[("image/png", picture("card"))])
    twilio.messages.create(to=ANA, from_=CLINIC, body="See http://127.0.0.1:1/c/abc")
    simulator.advance(1)
    for path in ("/", "/site"):
        page = await open_page(path, theme, width)
        if path == "/":
            await expect(phone(page).get_by_role("link", name="127.0.0.1")).to_be_visible()
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await page.evaluate("axe.run({resultTypes: ['violations']})")
        told = [f"{v['id']}: {n['html']}" for v in found["violations"] for n in v["nodes"]]
        assert told == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
