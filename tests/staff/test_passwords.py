"""Rules for passwords, changing and resetting them."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from hub.audit.models import AuditEvent
from hub.staff.connections import still_allowed
from tests.factories import PASSWORD, UserFactory
from tests.staff.conftest import log_in
from tests.staff.test_login import logged_in

pytestmark = pytest.mark.django_db

NEW = "another battery 5 horse"


def reset_link(client: Client, user: object, mailoutbox: list, **headers: str) -> str:
    client.post("/accounts/password/reset/", {"email": user.email}, headers=headers)
    return re.search(r"https?://\S+", mailoutbox[-1].body)[0]


def choose_new_password(client: Client, link: str, password: str) -> object:
    path = re.sub(r"^https?://[^/]+", "", link)
    form = client.get(path, follow=True)
    return client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})


def change(client: Client, old: str, new: str) -> object:
    return client.post(
        "/accounts/password/change/", {"oldpassword": old, "password1": new, "password2": new}
    )


@pytest.mark.parametrize(
    ("password", "why"),
    [("short 1 pass", None), ("short 1 pas", "12 characters"), ("1qaz2wsx3edc", "too common"),
     ("kim.tester@example.org", "too similar")],
)  # fmt: skip
def test_rules(client: Client, password: str, why: str | None) -> None:
    user = UserFactory(password=PASSWORD, email="kim.tester@example.org")
    log_in(client, user)
    response = change(client, PASSWORD, password)
    if why is None:
        assert response.status_code == 302
    else:
        assert why in response.content.decode()
    user.refresh_from_db()
    assert user.check_password(password) is (why is None)


def test_a_long_password_is_taken_whole(client: Client) -> None:
    user = UserFactory(password=PASSWORD)
    log_in(client, user)
    change(client, PASSWORD, "long " * 20 + "end")
    user.refresh_from_db()
    assert user.check_password("long " * 20 + "end")
    assert not user.check_password("long " * 20 + "end!")


def test_changing_it_logs_out_elsewhere_and_is_audited(new_client: Callable[[], Client]) -> None:
    user = UserFactory(password=PASSWORD)
    here, elsewhere = new_client(), new_client()
    log_in(here, user)
    log_in(elsewhere, user)
    key = elsewhere.session.session_key
    change(here, PASSWORD, NEW)
    assert logged_in(here)
    assert not logged_in(elsewhere)
    assert still_allowed({key}) == {key: "gone"}
    assert AuditEvent.objects.get(action="password_changed").actor_id == user.pk


def test_a_reset_link_works_once_and_logs_out_everywhere(
    new_client: Callable[[], Client], mailoutbox: list
) -> None:
    user = UserFactory(password=PASSWORD)
    logged_in_before, stranger = new_client(), new_client()
    log_in(logged_in_before, user)
    link = reset_link(stranger, user, mailoutbox)
    choose_new_password(stranger, link, NEW)
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert not logged_in(logged_in_before)
    choose_new_password(new_client(), link, "a third password 6")
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_reset_tells_no_stranger_who_has_an_account(client: Client, mailoutbox: list) -> None:
    user = UserFactory(password=PASSWORD)
    answers = [
        client.post("/accounts/password/reset/", {"email": email})
        for email in (user.email, "nobody@example.org")
    ]
    assert [(answer.status_code, answer.url) for answer in answers] == [
        (302, "/accounts/password/reset/done/")
    ] * 2
    assert len(mailoutbox) == 2
    assert "/key/" not in mailoutbox[1].body


def test_a_switched_off_person_gets_no_reset_link(client: Client, mailoutbox: list) -> None:
    user = UserFactory(password=PASSWORD, is_active=False)
    client.post("/accounts/password/reset/", {"email": user.email})
    assert all("/key/" not in mail.body for mail in mailoutbox)


def test_a_forged_host_never_gets_into_the_reset_mail(
    client: Client, mailoutbox: list, settings: object
) -> None:
    user = UserFactory(password=PASSWORD)
    settings.PUBLIC_URL = "https://hub.example.org"
    settings.ALLOWED_HOSTS = ["testserver", "other.example.org"]
    forged = client.post(
        "/accounts/password/reset/", {"email": user.email}, headers={"Host": "evil.example"}
    )
    assert forged.status_code == 400
    for host in ("other.example.org", "testserver"):
        link = reset_link(
            client, user, mailoutbox, **{"Host": host, "X-Forwarded-Host": "evil.example"}
        )
        assert link.startswith("https://hub.example.org/accounts/password/reset/key/")
        assert "evil" not in mailoutbox[-1].body + mailoutbox[-1].subject
        assert host not in mailoutbox[-1].body + mailoutbox[-1].subject
