"""Authenticator apps, passkeys and recovery codes."""

import base64
import json
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from asgiref.sync import async_to_sync
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from hub.audit.models import AuditEvent
from hub.staff import second_factors
from hub.staff.connections import session_of, still_allowed
from hub.staff.models import User
from tests.factories import PASSWORD, UserFactory
from tests.staff.conftest import log_in
from tests.staff.test_login import logged_in

pytestmark = pytest.mark.django_db

SECRET = base64.b32encode(b"twenty bytes secret!").decode()


def code_now(secret: str = SECRET) -> str:
    # allauth judges by the clock; a code that is about to expire would make this test flicker.
    if time.time() % 30 > 27:
        time.sleep(30 - time.time() % 30)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


@pytest.fixture
def user() -> User:
    return UserFactory(password=PASSWORD)


def with_app(user: User) -> Authenticator:
    authenticator = TOTP.activate(user, SECRET).instance
    RecoveryCodes.activate(user)
    return authenticator


def enter_code(client: Client, code: str) -> object:
    return client.post("/accounts/2fa/authenticate/", {"code": code})


def test_password_alone_does_not_log_in_who_has_an_app(client: Client, user: User) -> None:
    with_app(user)
    assert log_in(client, user).url == "/accounts/2fa/authenticate/"
    assert not logged_in(client)
    enter_code(client, code_now())
    assert logged_in(client)
    assert AuditEvent.objects.get(action="sign_in").detail == {"by": ["password", "totp"]}


def test_a_code_works_once(user: User, new_client: Callable[[], Client]) -> None:
    with_app(user)
    code = code_now()
    owner, thief = new_client(), new_client()
    for client in (owner, thief):
        log_in(client, user)
        enter_code(client, code)
    assert logged_in(owner)
    assert not logged_in(thief)
    assert AuditEvent.objects.filter(detail__why="second_factor", object_ids=[user.pk]).exists()


def test_guessing_codes_is_blocked(client: Client, user: User) -> None:
    with_app(user)
    log_in(client, user)
    good = code_now()
    for number in range(5):
        enter_code(client, f"{(int(good) + 1 + number) % 1_000_000:06d}")
    enter_code(client, good)
    assert not logged_in(client)


def test_a_recovery_code_works_once(user: User, new_client: Callable[[], Client]) -> None:
    with_app(user)
    codes = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES).wrap()
    code = codes.get_unused_codes()[0]
    first, second = new_client(), new_client()
    for client in (first, second):
        log_in(client, user)
        enter_code(client, code)
    assert logged_in(first)
    assert not logged_in(second)


def test_no_secret_is_readable_in_the_database(client: Client, user: User) -> None:
    client.force_login(user)
    reauthenticate(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    pending = page.partition('id="authenticator_secret"')[2].partition('value="')[2][:32]
    assert len(base64.b32decode(pending)) == 20
    with_app(user)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data::text FROM mfa_authenticator")
        stored = " ".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT session_data FROM staff_staffsession")
        for (data,) in cursor.fetchall():
            stored += data + base64.b64decode(data).decode("latin-1")
    assert SECRET not in stored
    assert pending not in stored
    assert base64.b64encode(pending.encode()).decode()[:20] not in stored
    assert get_adapter().decrypt(json.loads(json.dumps(get_adapter().encrypt(SECRET)))) == SECRET


def reauthenticate(client: Client) -> None:
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


class TestRequired:
    """MFA_REQUIRED, as in production."""

    @pytest.fixture(autouse=True)
    def required(self, settings: object) -> None:
        settings.MFA_REQUIRED = True

    @pytest.mark.parametrize(
        "path", ["/console/", "/staff/me/", "/staff/people/", "/accounts/sessions/"]
    )
    def test_who_has_none_is_led_to_set_one_up(self, client: Client, path: str) -> None:
        client.force_login(UserFactory(administrator=True))
        response = client.get(path)
        assert response.status_code == 302
        assert response.url.startswith("/accounts/2fa/?next=")
        assert client.get(path, headers={"HX-Request": "true"}).status_code == 403

    @pytest.mark.django_db(transaction=True)  # allauth tells of it after the commit
    def test_setting_one_up_opens_the_rest(self, client: Client, user: User) -> None:
        log_in(client, user)
        reauthenticate(client)
        page = client.get("/accounts/2fa/totp/activate/").content.decode()
        secret = page.partition('id="authenticator_secret"')[2].partition('value="')[2][:32]
        code = code_now(secret)
        response = client.post("/accounts/2fa/totp/activate/", {"code": code})
        assert response.url == "/accounts/2fa/recovery-codes/"
        assert client.get("/staff/me/").status_code == 200
        changed = AuditEvent.objects.filter(action="second_factor_changed", actor=user)
        assert {event.detail["change"] for event in changed} == {"added"}

    def test_no_socket_without_one(self, client: Client, user: User) -> None:
        client.force_login(user)
        scope = {"user": user, "session": client.session}
        assert async_to_sync(session_of)(scope) is None

    def test_with_one_every_page_opens(self, client: Client, user: User) -> None:
        with_app(user)
        log_in(client, user)
        enter_code(client, code_now())
        assert client.get("/staff/me/").status_code == 200
        scope = {"user": user, "session": client.session}
        assert async_to_sync(session_of)(scope) is not None

    def test_the_last_one_cannot_be_removed(self, client: Client, user: User) -> None:
        authenticator = with_app(user)
        log_in(client, user)
        enter_code(client, code_now())
        cache.clear()
        client.post("/accounts/2fa/totp/deactivate/")
        assert Authenticator.objects.filter(pk=authenticator.pk).exists()

    def test_a_password_reset_keeps_it(
        self, client: Client, user: User, mailoutbox: list[object]
    ) -> None:
        from tests.staff.test_passwords import choose_new_password, reset_link

        with_app(user)
        choose_new_password(client, reset_link(client, user, mailoutbox), "another battery 5 horse")
        assert not logged_in(client)
        assert log_in(client, user, "another battery 5 horse").url == "/accounts/2fa/authenticate/"
        assert not logged_in(client)


def test_optional_in_the_demo(client: Client, user: User, settings: object) -> None:
    settings.MFA_REQUIRED = False
    client.force_login(user)
    assert client.get("/staff/me/").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_setting_one_up_logs_out_elsewhere(user: User, new_client: Callable[[], Client]) -> None:
    here, elsewhere = new_client(), new_client()
    for client in (here, elsewhere):
        log_in(client, user)
    reauthenticate(here)
    page = here.get("/accounts/2fa/totp/activate/").content.decode()
    secret = page.partition('id="authenticator_secret"')[2].partition('value="')[2][:32]
    code = code_now(secret)
    key = elsewhere.session.session_key
    here.post("/accounts/2fa/totp/activate/", {"code": code})
    assert still_allowed({key})[key] == "gone"
    assert logged_in(here)


def test_secrets_move_to_a_new_key(user: User, settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path  # the rotation counts files, too
    with_app(user)
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [("new", bytes(range(32))), *old]
    with pytest.raises(CommandError):
        call_command("rotate_keys", "--check", stdout=StringIO())
    call_command("rotate_keys", stdout=StringIO())
    assert set(second_factors.rows_by_key()) == {"new"}
    settings.ENCRYPTION_KEYS = settings.ENCRYPTION_KEYS[:1]  # the old key is thrown away
    app, codes = Authenticator.objects.filter(user=user).order_by("pk")
    assert app.wrap().validate_code(code_now())
    assert len(codes.wrap().get_unused_codes()) == 10
    settings.ENCRYPTION_KEYS = old


def test_a_passkey_that_is_not_accepted_is_audited(client: Client) -> None:
    client.get("/accounts/2fa/webauthn/login/", headers={"Accept": "application/json"})
    forged = {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"userHandle": "AA"}}
    client.post("/accounts/2fa/webauthn/login/", {"credential": json.dumps(forged)})
    assert not logged_in(client)
    assert AuditEvent.objects.get(action="sign_in_failed").detail == {"why": "passkey"}
