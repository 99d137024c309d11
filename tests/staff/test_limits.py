"""The idle lock and the end of a log-in after half a day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpResponse
from django.test import AsyncRequestFactory, Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.staff import actions, lock
from hub.staff.connections import session_of, still_allowed
from hub.staff.middleware import PUBLIC_PREFIXES, SessionLimitsMiddleware
from hub.staff.models import StaffSession, User
from hub.staff.presence import open_tab, presence_of
from hub.staff.sessions import SessionStore
from tests.factories import PASSWORD, UserFactory
from tests.staff.conftest import age

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SCRIPT = {"Sec-Fetch-Mode": "cors", "Accept": "application/json"}
PAGE = {"Sec-Fetch-Mode": "navigate"}


@pytest.fixture
def user() -> User:
    return UserFactory(password=PASSWORD)


@pytest.fixture
def here(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def state(client: Client) -> str:
    return client.get("/staff/session/").json()["state"]


@pytest.mark.parametrize(
    ("idle", "since", "expected"),
    [
        (14 * MINUTE, HOUR, "ok"),
        (15 * MINUTE, HOUR, "locked"),
        (3 * HOUR, 4 * HOUR, "locked"),
        (MINUTE, 12 * HOUR - MINUTE, "ok"),
        (MINUTE, 12 * HOUR, "gone"),
        (15 * MINUTE, 12 * HOUR, "gone"),
    ],
)
def test_limits(here: Client, idle: timedelta, since: timedelta, expected: str) -> None:
    age(here, active=idle, started=since)
    assert state(here) == expected
    key = here.session.session_key or ""
    assert still_allowed({key})[key] == expected


def test_limits_to_the_second() -> None:
    start = datetime(2026, 11, 24, 8, tzinfo=UTC)
    for seconds, expected in ((899, "ok"), (900, "locked"), (43_199, "locked"), (43_200, "gone")):
        now = start + timedelta(seconds=seconds)
        found = lock.limits(started_at=start, active_at=start, locked_at=None, now=now)
        assert found.state == expected


def test_locked_pages_lead_to_the_unlock_page_and_back(here: Client) -> None:
    age(here, active=15 * MINUTE)
    response = here.get("/staff/me/?a=1", headers=PAGE)
    assert response.status_code == 302
    assert response.url == "/staff/session/unlock/?next=%2Fstaff%2Fme%2F%3Fa%3D1"
    assert here.get(response.url).status_code == 200
    unlocked = here.post("/staff/session/unlock/", {"password": PASSWORD, "next": "/staff/me/?a=1"})
    assert unlocked.url == "/staff/me/?a=1"
    assert here.get("/staff/me/").status_code == 200


@pytest.mark.parametrize("headers", [SCRIPT, {"HX-Request": "true"}])
def test_locked_scripts_get_423_and_no_content(here: Client, headers: dict[str, str]) -> None:
    age(here, active=15 * MINUTE)
    response = here.get("/staff/me/", headers=headers)
    assert (response.status_code, response.json()) == (423, {"state": "locked"})


def test_locked_posts_change_nothing(here: Client, user: User) -> None:
    age(here, active=15 * MINUTE)
    here.post("/staff/me/", {"name": "Somebody Else", "language": "en", "theme": ""})
    user.refresh_from_db()
    assert user.name != "Somebody Else"


def test_unlock_refuses_a_wrong_password_and_limits_guesses(here: Client, user: User) -> None:
    age(here, active=15 * MINUTE)
    for _ in range(5):
        response = here.post("/staff/session/unlock/", {"password": "wrong"}, headers=SCRIPT)
        assert response.status_code == 403
        assert response.json()["error"]
    assert (
        here.post("/staff/session/unlock/", {"password": PASSWORD}, headers=SCRIPT).status_code
        == 403
    )
    assert state(here) == "locked"
    whys = AuditEvent.objects.filter(action="sign_in_failed", object_ids=[user.pk])
    assert [event.detail["why"] for event in whys.order_by("pk")] == ["wrong"] * 5 + ["too_many"]


def test_unlock_keeps_the_session_and_is_audited(here: Client, user: User) -> None:
    key = here.session.session_key
    age(here, active=HOUR)
    assert (
        here.post("/staff/session/unlock/", {"password": PASSWORD}, headers=SCRIPT).json()["state"]
        == "ok"
    )
    assert here.session.session_key == key
    assert AuditEvent.objects.filter(actor=user, detail__unlock=True).count() == 1


def test_unlock_with_another_persons_password_fails(here: Client) -> None:
    UserFactory(password="other person 99 pass")
    age(here, active=HOUR)
    here.post("/staff/session/unlock/", {"password": "other person 99 pass"}, headers=SCRIPT)
    assert state(here) == "locked"


def test_unlock_never_leads_off_the_site(here: Client) -> None:
    age(here, active=HOUR)
    response = here.post(
        "/staff/session/unlock/", {"password": PASSWORD, "next": "https://evil.example/"}
    )
    assert response.url == "/console/"


def test_only_reported_activity_puts_the_lock_off(here: Client) -> None:
    age(here, active=14 * MINUTE)
    before = here.session["hub.active_at"]
    for path in ("/staff/session/", "/staff/me/", "/accounts/sessions/"):
        assert here.get(path, headers=SCRIPT).status_code == 200
        assert here.get(path, headers=PAGE).status_code == 200
    assert here.session["hub.active_at"] == before
    assert here.post("/staff/session/activity/").json()["locks_in"] > 14 * 60
    assert here.session["hub.active_at"] > before + 13 * 60


def test_activity_is_written_at_most_once_a_minute(here: Client) -> None:
    age(here, active=59 * MINUTE / 60)
    before = here.session["hub.active_at"]
    with CaptureQueriesContext(connection) as queries:
        here.post("/staff/session/activity/")
    assert here.session["hub.active_at"] == before
    assert not [query for query in queries if query["sql"].startswith(("UPDATE", "INSERT"))]


def test_activity_reported_too_late_does_not_unlock(here: Client) -> None:
    age(here, active=15 * MINUTE)
    assert here.post("/staff/session/activity/", headers=SCRIPT).status_code == 423
    assert state(here) == "locked"


def test_a_person_can_lock_at_once(here: Client, user: User) -> None:
    open_tab(user, here.session.session_key or "")
    assert here.post("/staff/session/lock/", headers=SCRIPT).json()["state"] == "locked"
    assert here.get("/staff/me/", headers=SCRIPT).status_code == 423
    assert presence_of([user.pk]) == {user.pk: "away"}
    here.post("/staff/session/unlock/", {"password": PASSWORD}, headers=SCRIPT)
    assert presence_of([user.pk]) == {user.pk: "available"}


def test_after_twelve_hours_a_new_log_in_is_needed(here: Client) -> None:
    age(here, started=12 * HOUR)
    assert here.get("/staff/me/", headers=SCRIPT).status_code == 401
    client = Client()
    client.force_login(UserFactory())
    age(client, started=12 * HOUR)
    response = client.get("/staff/me/", headers=PAGE)
    assert response.url.startswith("/accounts/login/?next=")
    assert not client.session.get("_auth_user_id")


def test_activity_does_not_put_the_end_off(here: Client) -> None:
    age(here, started=11 * HOUR, active=5 * MINUTE)
    ends = StaffSession.objects.get(session_key=here.session.session_key).expire_date
    here.post("/staff/session/activity/")
    row = StaffSession.objects.get(session_key=here.session.session_key)
    assert row.expire_date == ends
    assert row.expire_date - timezone.now() < HOUR


def test_a_script_without_log_in_is_told_so(client: Client) -> None:
    assert client.get("/staff/me/", headers=SCRIPT).status_code == 401
    assert client.get("/staff/me/", headers=PAGE).url.startswith("/accounts/login/")


def test_a_switched_off_persons_session_is_dead_at_once(here: Client, user: User) -> None:
    key = here.session.session_key or ""
    open_tab(user, key)
    actions.switch_off(UserFactory(administrator=True), user)
    assert state(here) == "gone"
    assert here.get("/staff/me/", headers=PAGE).url.startswith("/accounts/login/")
    assert still_allowed({key}) == {key: "gone"}
    assert presence_of([user.pk]) == {user.pk: "offline"}


def test_switched_off_in_the_database_alone_is_enough(here: Client, user: User) -> None:
    key = here.session.session_key or ""
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert state(here) == "gone"
    assert still_allowed({key}) == {key: "gone"}


def test_many_sockets_are_judged_by_one_query(new_client: Callable[[], Client]) -> None:
    keys = {}
    for name, by in {"ok": {}, "locked": {"active": HOUR}, "gone": {"started": 13 * HOUR}}.items():
        client = new_client()
        client.force_login(UserFactory())
        age(client, **by)
        keys[client.cookies["sessionid"].value] = name
    asked = {*keys, "no-such-session"}
    with CaptureQueriesContext(connection) as queries:
        found = still_allowed(asked)
    assert len(queries) == 1
    assert found["no-such-session"] == "gone"
    assert {key: found[key] for key in keys} == keys


def test_a_socket_gets_its_session(here: Client, user: User) -> None:
    scope = {"user": user, "session": SessionStore(here.session.session_key)}
    found = async_to_sync(session_of)(scope)
    assert found is not None
    assert (found.user, found.session_key, found.state) == (user, here.session.session_key, "ok")
    age(here, active=HOUR)
    scope["session"] = SessionStore(here.session.session_key)
    assert async_to_sync(session_of)(scope).state == "locked"
    age(here, started=13 * HOUR)
    scope["session"] = SessionStore(here.session.session_key)
    assert async_to_sync(session_of)(scope) is None
    assert async_to_sync(session_of)({"user": AnonymousUser(), "session": SessionStore()}) is None
    assert async_to_sync(session_of)({}) is None


class TestMiddleware:
    """The middleware by itself, in both kinds."""

    @pytest.mark.parametrize("path", PUBLIC_PREFIXES)
    def test_other_peoples_pages_cost_no_query_and_are_never_locked(
        self, here: Client, path: str
    ) -> None:
        age(here, active=HOUR)
        request = RequestFactory().get(path)
        request.session = SessionStore(here.session.session_key)
        with CaptureQueriesContext(connection) as queries:
            answer = SessionLimitsMiddleware(lambda request: HttpResponse("open"))(request)
        assert answer.content == b"open"
        assert len(queries) == 0

    def test_a_page_costs_the_session_and_nothing_more(self, here: Client) -> None:
        request = RequestFactory().get("/console/")
        request.session = SessionStore(here.session.session_key)
        with CaptureQueriesContext(connection) as queries:
            SessionLimitsMiddleware(lambda request: HttpResponse("open"))(request)
        assert len(queries) == 1

    def test_asynchronous(self, here: Client) -> None:
        async def view(request: object) -> HttpResponse:
            return HttpResponse("open")

        def ask() -> HttpResponse:
            request = AsyncRequestFactory().get("/console/", headers=SCRIPT)
            request.session = SessionStore(here.cookies["sessionid"].value)
            return async_to_sync(SessionLimitsMiddleware(view))(request)

        assert ask().content == b"open"
        age(here, active=HOUR)
        assert ask().status_code == 423
        age(here, started=13 * HOUR)
        assert ask().status_code == 401


def test_state_says_when_it_locks_and_ends_and_renews_the_token(here: Client, user: User) -> None:
    age(here, active=5 * MINUTE, started=11 * HOUR)
    answer = here.get("/staff/session/").json()
    assert answer["user"] == str(user.uuid)
    assert 590 <= answer["locks_in"] <= 600
    assert 3590 <= answer["ends_in"] <= 3600
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = here.cookies
    token = strict.get("/staff/session/").json()["csrf"]
    assert strict.post("/staff/session/activity/").status_code == 403
    ok = strict.post("/staff/session/activity/", {"csrfmiddlewaretoken": token})
    assert ok.status_code == 200
