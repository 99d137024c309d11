"""Log-in, passkeys and the idle lock in a real browser, under our own content policy."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from playwright.async_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from channels_app.voice import setting_up
from channels_app.voice.models import PhoneLine
from hub.staff import sessions
from hub.staff.models import Department, StaffSession, User
from hub.staff.sessions import SessionStore
from tests.browser import keep_picture
from tests.factories import PASSWORD, DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

AXE = (django_settings.NODE_MODULES / "axe-core" / "axe.min.js").read_text()
OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
def person(live_server: LiveServer) -> User:
    ward = DepartmentFactory(name="Cardiology")
    return UserFactory(administrator=True, name="Ada Admin", password=PASSWORD, departments=[ward])


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser of its own; a script that fails, or that our policy stops, fails the test."""
    context = await browser.new_context()
    complaints: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )

    context.on("page", watch)
    yield context
    await context.close()
    assert [each for each in complaints if "Failed to load resource" not in each] == []


async def log_in(page: Page, server: LiveServer, person: User) -> None:
    await page.goto(f"{server.url}/accounts/login/")
    await page.get_by_label("E-mail").fill(person.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in", exact=True).click()
    await page.wait_for_url(lambda url: "/login/" not in url)


async def age(context: BrowserContext, **by: timedelta) -> None:
    """Make the browser's log-in older."""
    cookies = {cookie["name"]: cookie["value"] for cookie in await context.cookies()}

    def work() -> None:
        session = SessionStore(cookies["sessionid"])
        for name, ago in by.items():
            key = {"started": sessions.STARTED_AT, "active": sessions.ACTIVE_AT}[name]
            session[key] -= ago.total_seconds()
        session.save()

    await sync_to_async(work)()


async def check_session(page: Page) -> None:
    """Let the page ask now, as it does by itself when the limit should have come."""
    await page.evaluate("document.dispatchEvent(new Event('hub:check-session'))")


async def test_a_locked_screen_keeps_the_page_and_its_text(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    await log_in(page, live_server, person)
    await page.goto(f"{live_server.url}/staff/people/invite/")
    await page.get_by_label("Name").fill("Half a na")
    await age(context, active=timedelta(minutes=15))
    await check_session(page)
    screen = page.get_by_role("dialog", name="Ada Admin")
    await expect(screen).to_be_visible()
    await expect(page).to_have_title("Locked")
    await expect(page.get_by_role("heading", name="Invite a person")).to_be_hidden()
    for _ in range(3):
        await page.keyboard.press("Escape")
    await expect(screen).to_be_visible()
    await screen.get_by_label("Password").fill("not my password")
    await screen.get_by_role("button", name="Unlock", exact=True).click()
    await expect(screen.get_by_role("alert")).to_have_text("That is not your password.")
    await screen.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(screen).to_be_hidden()
    await expect(page.get_by_label("Name")).to_have_value("Half a na")
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.keyboard.type("me")
    await expect(page.get_by_label("Name")).to_have_value("Half a name")


async def test_a_warning_comes_first_and_a_sign_of_life_is_enough(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    await log_in(page, live_server, person)
    await age(context, active=timedelta(minutes=14, seconds=5))
    await page.goto(f"{live_server.url}/staff/me/")
    warning = page.get_by_role("dialog", name="Still there?")
    await expect(warning).to_be_visible()
    await warning.get_by_role("button", name="I am here").click()
    await expect(warning).to_be_hidden()
    row = await sync_to_async(StaffSession.objects.get)(user=person)
    assert (row.active_at - row.started_at) < timedelta(minutes=1)
    assert (await page.request.get(f"{live_server.url}/staff/session/")).status == 200
    answer = await (await page.request.get(f"{live_server.url}/staff/session/")).json()
    assert answer["locks_in"] > 14 * 60


async def test_real_input_is_reported_and_a_scripts_is_not(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    await log_in(page, live_server, person)
    await age(context, active=timedelta(minutes=5))
    reports: list[str] = []
    page.on(
        "request",
        lambda asked: reports.append(asked.url) if "/activity/" in asked.url else None,
    )
    await page.goto(f"{live_server.url}/staff/me/")
    await expect(page.locator("html[data-session=ok]")).to_be_attached()
    await page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'a'}))")
    assert reports == []
    async with page.expect_response("**/staff/session/activity/"):
        await page.mouse.move(200, 200)
    await page.mouse.move(300, 300)
    await page.keyboard.press("Tab")
    assert len(reports) == 1


async def test_unlocking_one_tab_unlocks_the_other(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    first = await context.new_page()
    await log_in(first, live_server, person)
    await first.goto(f"{live_server.url}/staff/me/")
    second = await context.new_page()
    await second.goto(f"{live_server.url}/staff/people/")
    await first.evaluate("document.dispatchEvent(new Event('hub:lock-now'))")
    for page in (first, second):
        await expect(page.locator("#lock-screen")).to_be_visible()
    await second.locator("#lock-password").fill(PASSWORD)
    await second.keyboard.press("Enter")
    for page in (first, second):
        await expect(page.locator("#lock-screen")).to_be_hidden()


async def test_after_the_end_a_log_in_elsewhere_brings_the_page_back_working(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    await log_in(page, live_server, person)
    await page.goto(f"{live_server.url}/staff/people/invite/")
    await page.get_by_label("Name").fill("Nadia New")
    await age(context, started=timedelta(hours=12))
    await check_session(page)
    await expect(page.get_by_text("Your log-in has ended.")).to_be_visible()
    async with context.expect_page() as opened:
        await page.get_by_role("link", name="Log in again").click()
    await log_in(await opened.value, live_server, person)
    await expect(page.locator("#lock-screen")).to_be_hidden(timeout=10_000)
    await page.get_by_label("E-mail").fill("nadia@example.org")
    await page.get_by_role("button", name="Send the invitation").click()
    await expect(page.get_by_text("Nadia New gets a mail")).to_be_visible()


async def test_a_passkey_is_added_logs_in_alone_and_unlocks(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    devices = await context.new_cdp_session(page)
    await devices.send("WebAuthn.enable")
    await devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    await log_in(page, live_server, person)
    await page.goto(f"{live_server.url}/accounts/2fa/webauthn/add/")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_label("Log in with it alone").check()
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    await page.goto(f"{live_server.url}/accounts/logout/")
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/accounts/login/**")

    await page.goto(f"{live_server.url}/accounts/login/?next=/staff/me/")
    await page.get_by_role("button", name="Log in with a passkey").click()
    await page.wait_for_url(f"{live_server.url}/staff/me/")

    await page.evaluate("document.dispatchEvent(new Event('hub:lock-now'))")
    await expect(page.locator("#lock-screen")).to_be_visible()
    await page.get_by_role("button", name="Unlock with a passkey").click()
    await expect(page.locator("#lock-screen")).to_be_hidden()


async def violations(page: Page) -> list[object]:
    await page.evaluate(AXE)
    return await page.evaluate(
        "async () => (await axe.run()).violations.map(v => [v.id, v.nodes.map(n => n.html)])"
    )


OPEN = ["/accounts/login/", "/accounts/password/reset/", "/staff/welcome/", "/accounts/inactive/"]
BEHIND = [
    *("/staff/me/", "/staff/people/", "/staff/people/invite/", "/accounts/2fa/"),
    "/staff/departments/",
    *("/staff/phone/", "/staff/phone/add/", "/staff/phone/recording/"),
    *("/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/", "/accounts/sessions/"),
    *("/accounts/password/change/", "/accounts/logout/", "/accounts/2fa/webauthn/"),
]


def a_phone_line(ward: Department, by: User) -> list[str]:
    """Set up a line with a menu below a menu, in two languages; return its pages."""
    line = setting_up.add_line("+15550100100", ward, by=by)
    parent = None
    for digit, action in (("1", "menu"), ("2", "menu"), ("3", "announcement")):
        label, text = {"en": f"choice {digit}"}, {"en": "We are open from eight to six."}
        choice = setting_up.Choice(digit, action, label, text=text, parent=parent)
        parent = setting_up.add_choice(line, choice, by=by)
    assert parent is not None
    PhoneLine.objects.update(languages=["en", "es"])  # the Spanish words are missing, and named
    at = f"/staff/phone/{line.hub_address.uuid}/"
    pages = [at, f"{at}change/", f"{at}choices/add/", f"{at}choices/{parent.uuid}/"]
    return [*pages, f"/staff/phone/recording/{ward.uuid}/"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_no_page_has_a_barrier(
    browser: Browser, live_server: LiveServer, person: User, theme: str, width: int
) -> None:
    context = await browser.new_context(
        color_scheme=theme, viewport={"width": width, "height": 844}
    )
    page = await context.new_page()
    found: dict[str, object] = {}

    async def look(path: str) -> None:
        await page.goto(live_server.url + path)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        await keep_picture(page, f"{path.strip('/').replace('/', '-')}-{theme}-{width}")
        problems = [*(await violations(page)), *([f"{wide} px wide"] if wide > width else [])]
        if problems:
            found[path] = problems

    for path in OPEN:
        await look(path)
    await log_in(page, live_server, person)
    await page.goto(f"{live_server.url}/accounts/reauthenticate/")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Go on").click()
    await page.wait_for_url(lambda url: "reauthenticate" not in url)
    ward = await person.departments.aget()
    ours = [f"/staff/people/{person.uuid}/", f"/staff/departments/{ward.uuid}/"]
    for path in [*BEHIND, *ours, *(await sync_to_async(a_phone_line)(ward, person))]:
        await look(path)
    await page.goto(f"{live_server.url}/staff/me/")
    await page.evaluate("document.dispatchEvent(new Event('hub:lock-now'))")
    await expect(page.locator("#lock-screen")).to_be_visible()
    found |= {"locked": problems} if (problems := await violations(page)) else {}
    await look("/staff/session/unlock/")
    await context.close()
    assert found == {}


async def test_a_late_answer_does_not_open_a_locked_screen(
    context: BrowserContext, live_server: LiveServer, person: User
) -> None:
    page = await context.new_page()
    await log_in(page, live_server, person)
    await page.goto(f"{live_server.url}/staff/me/")
    await expect(page.locator("html[data-session=ok]")).to_be_attached()
    held: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/staff/session/", held.put)
    await check_session(page)
    route = await held.get()
    early = await route.fetch()  # answered "ok" before the lock …
    await page.evaluate("document.dispatchEvent(new Event('hub:lock-now'))")
    await expect(page.locator("#lock-screen")).to_be_visible()
    async with page.expect_response("**/staff/session/"):
        await route.fulfill(response=early)  # … and arriving after it
    await page.wait_for_timeout(200)
    await expect(page.locator("#lock-screen")).to_be_visible()
