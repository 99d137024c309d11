"""What every page carries: security headers, cookie flags; and what is not there at all."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client

from hub.staff.models import User
from tests.factories import PASSWORD, DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db

ENTRANCES = ("/accounts/login/", "/accounts/password/reset/", "/staff/welcome/", "/healthz")
PAGES = [
    *ENTRANCES,
    "/no-such-page",
    "/console/",
    "/console/search",
    "/staff/me/",
    "/accounts/2fa/",
]


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def user() -> User:
    return UserFactory(password=PASSWORD, departments=[DepartmentFactory()])


@pytest.fixture
def staff(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def get(staff: Client, path: str):
    return (Client() if path in ENTRANCES else staff).get(path)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_carries_the_headers(staff: Client, path: str) -> None:
    response = get(staff, path)
    assert response.status_code in (200, 404), response.status_code
    policy = _policy(response.headers["Content-Security-Policy"])
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]
    scripts = policy.get("script-src", policy["default-src"])
    styles = policy.get("style-src", policy["default-src"])
    for loose in ("'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:", "http:"):
        assert loose not in scripts and loose not in styles
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_what_the_policy_would_block(staff: Client, path: str) -> None:
    """Inline scripts, styles and handlers would be dead, or tempt somebody to loosen the policy."""
    html = get(staff, path).content.decode()
    for tag in re.findall(r"<script\b[^>]*>", html):
        assert "src=" in tag or 'type="application/json"' in tag, tag
    assert not re.search(r"<style\b", html)
    assert not re.search(r"<[^>]+\s(?:on[a-z]+|style)=", html)
    assert not re.search(r"""(?:href|src|action)=["']?\s*javascript:""", html, re.IGNORECASE)


def test_https_is_told_to_stay(staff: Client, settings) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    said = Client().get("/accounts/login/", secure=True).headers["Strict-Transport-Security"]
    assert "max-age=31536000" in said and "includeSubDomains" in said


def test_pages_with_patients_are_kept_by_no_cache(staff: Client) -> None:
    for path in ("/console/", "/console/rows", "/console/search"):
        assert "no-store" in staff.get(path).headers["Cache-Control"], path


def test_the_log_in_cookie_is_for_no_script_and_no_foreign_page(user: User, settings) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    client = Client()
    client.get("/accounts/login/", secure=True)
    answer = client.post(
        "/accounts/login/", {"login": user.email, "password": PASSWORD}, secure=True
    )
    assert answer.status_code == 302
    session = answer.cookies[django_settings.SESSION_COOKIE_NAME]
    assert session["httponly"] and session["secure"] and session["samesite"] == "Lax"
    assert not session["expires"] and not session["max-age"], "it outlives the browser"
    csrf = client.cookies[django_settings.CSRF_COOKIE_NAME]
    assert csrf["secure"] and csrf["samesite"] == "Lax"


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "evil.example:80"])
def test_a_forged_host_gets_nothing(user: User, host: str) -> None:
    answer = Client().get("/accounts/login/", headers={"host": host})
    assert answer.status_code == 400
    assert b"evil" not in answer.content


def test_a_forged_host_does_not_get_into_the_reset_mail(user: User, mailoutbox) -> None:
    """Vesta CVE-2020-10966: the link in the mail led to whoever asked for it."""
    client = Client(
        headers={"x-forwarded-host": "evil.example", "x-forwarded-server": "evil.example"}
    )
    client.post("/accounts/password/reset/", {"email": user.email})
    [mail] = mailoutbox
    assert "evil" not in mail.body and "http://testserver/accounts/password/reset/key/" in mail.body


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/login/", "/console/admin/", "/accounts/signup/"]
)
def test_there_is_no_second_door(staff: Client, path: str) -> None:
    assert Client().get(path).status_code == 404
    assert staff.get(path).status_code == 404
    assert "django.contrib.admin" not in django_settings.INSTALLED_APPS


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_log_in_leads_to_no_foreign_page(user: User, wanted: str) -> None:
    answer = Client().post(
        f"/accounts/login/?next={wanted}",
        {"login": user.email, "password": PASSWORD, "next": wanted},
    )
    assert answer.status_code == 302 and answer.url == "/console/"


def test_an_error_page_tells_nothing(staff: Client) -> None:
    staff.raise_request_exception = False
    answer = staff.get("/console/rows?after=%00")
    assert answer.status_code == 400
    assert b"Traceback" not in answer.content and b"cursor" not in answer.content.lower()


def _policy(header: str) -> dict[str, list[str]]:
    parts = [part.split() for part in header.split(";") if part.strip()]
    return {name: values for name, *values in parts}
