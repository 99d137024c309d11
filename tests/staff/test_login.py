"""Logging in by e-mail and password."""

import time

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import NoReverseMatch, reverse

from hub.audit.models import AuditEvent
from tests.factories import PASSWORD, UserFactory
from tests.staff.conftest import log_in

pytestmark = pytest.mark.django_db


def logged_in(client: Client) -> bool:
    return client.get("/staff/session/").json()["state"] != "gone"


def test_right_password_logs_in_and_is_audited(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    response = log_in(client, user)
    assert (response.status_code, response.url) == (302, "/console/")
    assert logged_in(client)
    event = AuditEvent.objects.get(action="sign_in")
    assert (event.actor_id, event.detail, event.ip) == (user.pk, {"by": ["password"]}, "127.0.0.1")


def test_address_in_other_case_is_the_same_person(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    user.email = user.email.upper()
    log_in(client, user)
    assert logged_in(client)


def test_log_out_ends_the_session_and_is_audited(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    assert client.get("/accounts/logout/").status_code == 200  # asks first: GET changes nothing
    assert logged_in(client)
    client.post("/accounts/logout/")
    assert not logged_in(client)
    assert AuditEvent.objects.get(action="sign_out").actor_id == user.pk


def test_wrong_password_is_audited_without_what_was_typed(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    log_in(client, user, "a wrong password 1")
    assert not logged_in(client)
    event = AuditEvent.objects.get(action="sign_in_failed")
    assert (event.actor_id, event.object_ids, event.detail) == (None, [user.pk], {"why": "wrong"})


def test_unknown_address_and_wrong_password_are_answered_alike(client: Client) -> None:
    known = UserFactory(password=PASSWORD)
    unknown = UserFactory.build(email="nobody@example.org")
    log_in(client, unknown, "warm up the hasher")
    cache.clear()
    pages, seconds = [], []
    for person in (known, unknown):
        began = time.perf_counter()
        response = log_in(client, person, "a wrong password 1")
        seconds.append(time.perf_counter() - began)
        page = response.content.decode().replace(person.email, "")
        pages.append("\n".join(line for line in page.splitlines() if "csrf" not in line))
        assert response.status_code == 200
    assert pages[0] == pages[1]
    # Both hash a password once, which takes tens of milliseconds; skipping it would show.
    assert min(seconds) > max(seconds) / 3


def test_sixth_wrong_password_is_blocked_whatever_address_the_client_claims(
    client: Client,
) -> None:
    user = UserFactory(password=PASSWORD)
    for number in range(5):
        log_in(client, user, "wrong", **{"X-Forwarded-For": f"198.51.100.{number}"})
    response = log_in(client, user, PASSWORD, **{"X-Forwarded-For": "198.51.100.77"})
    assert "Too many failed" in response.content.decode()
    assert not logged_in(client)
    whys = AuditEvent.objects.filter(action="sign_in_failed").values_list("detail__why", flat=True)
    assert list(whys.order_by("pk")) == ["wrong"] * 5 + ["too_many"]


def test_guessing_many_accounts_is_blocked_by_the_true_address(
    client: Client, settings: object
) -> None:
    # Behind one proxy only the last address is the proxy's word; the rest the client wrote.
    settings.TRUSTED_PROXY_COUNT = 1
    for number in range(10):
        guess = UserFactory.build(email=f"guess{number}@example.org")
        log_in(client, guess, "wrong", **{"X-Forwarded-For": f"203.0.113.{number}, 192.0.2.7"})
    user = UserFactory(password=PASSWORD)
    log_in(client, user, PASSWORD, **{"X-Forwarded-For": "203.0.113.99, 192.0.2.7"})
    assert not logged_in(client)
    log_in(client, user, PASSWORD, **{"X-Forwarded-For": "203.0.113.99, 192.0.2.8"})
    assert logged_in(client)


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"],
)
def test_next_never_leads_off_the_site(client: Client, target: str) -> None:
    user = UserFactory(password=PASSWORD)
    response = client.post(
        f"/accounts/login/?next={target}",
        {"login": user.email, "password": PASSWORD, "next": target},
    )
    assert response.url == "/console/"


def test_next_leads_on_within_the_site(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    response = client.post(
        "/accounts/login/", {"login": user.email, "password": PASSWORD, "next": "/staff/me/"}
    )
    assert response.url == "/staff/me/"


def test_nobody_signs_up(client: Client) -> None:
    form = {"email": "x@example.org", "password1": PASSWORD, "password2": PASSWORD}
    assert client.get("/accounts/signup/").status_code == 404
    assert client.post("/accounts/signup/", form).status_code == 404
    assert not UserFactory._meta.model.objects.filter(email="x@example.org").exists()


def test_pages_that_an_invited_staff_has_no_use_for_do_not_exist() -> None:
    for name in ("account_email", "account_confirm_login_code", "mfa_signup_webauthn"):
        with pytest.raises(NoReverseMatch):
            reverse(name)


def test_a_switched_off_person_with_the_right_password_is_told_and_not_let_in(
    client: Client,
) -> None:
    user = UserFactory(password=PASSWORD, is_active=False)
    response = log_in(client, user)
    assert response.url == "/accounts/inactive/"
    assert not logged_in(client)
    assert AuditEvent.objects.filter(action="sign_in_failed", object_ids=[user.pk]).exists()


def test_no_page_of_the_log_in_runs_an_inline_script(client: Client) -> None:
    response = client.get("/accounts/login/")
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    for tag in response.content.decode().split("<script")[1:]:
        head = tag.partition(">")[0]
        assert "src=" in head or 'type="application/json"' in head
    assert "style=" not in response.content.decode()


def test_administrators_land_on_people_since_they_see_no_content(client: Client) -> None:
    assert (
        log_in(client, UserFactory(administrator=True, password=PASSWORD)).url == "/staff/people/"
    )
