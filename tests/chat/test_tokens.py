"""A token opens its own session at its own site, while it lives, and nothing else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.chat.models import ChatSession, ChatSite
from hub.staff.models import Department
from tests.chat.conftest import OWN_ORIGIN, SITE_ORIGIN, Visitor, make_site

pytestmark = pytest.mark.django_db

GUARDED = [
    ("get", "/chat/messages"),
    ("post", "/chat/messages"),
    ("post", "/chat/seen"),
    ("post", "/chat/said"),
    ("post", "/chat/end"),
    ("get", "/chat/files/6f1c7f3e-6c0e-4c79-9d0e-0b8a4ff0a111"),
]


def ask(visitor: Visitor, method: str, path: str) -> int:
    answer = (
        visitor.get(path) if method == "get" else visitor.post(path, {"intent": "", "text": ""})
    )
    status: int = answer.status_code
    return status


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("token", ["", "x", "A" * 43, "null", "' OR 1=1 --"])
def test_guessed_tokens_open_nothing(site: ChatSite, method: str, path: str, token: str) -> None:
    visitor = Visitor()
    visitor.token = token
    assert ask(visitor, method, path) == 401


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_the_hash_of_a_token_is_no_token(visitor: Visitor, method: str, path: str) -> None:
    visitor.token = visitor.session.token_hash
    assert ask(visitor, method, path) == 401


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_expired_and_ended_sessions_open_nothing(visitor: Visitor, method: str, path: str) -> None:
    now = timezone.now()
    ChatSession.objects.update(expires_at=now)
    assert ask(visitor, method, path) == 401
    ChatSession.objects.update(expires_at=now + timedelta(days=1), ended_at=now)
    assert ask(visitor, method, path) == 401


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_token_of_one_site_opens_nothing_at_another(
    visitor: Visitor, department: Department, method: str, path: str
) -> None:
    make_site(department, "hillside")
    visitor.site = "hillside"
    assert ask(visitor, method, path) == 401


def test_a_token_in_the_address_or_in_a_cookie_is_not_looked_at(visitor: Visitor) -> None:
    client = Client(headers={"origin": OWN_ORIGIN, "chat-site": "riverside"})
    client.cookies["token"] = visitor.token
    assert client.get(f"/chat/messages?token={visitor.token}").status_code == 401


def test_writing_keeps_a_session_alive(visitor: Visitor) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    ChatSession.objects.update(expires_at=soon)
    visitor.write("Still here")
    assert visitor.session.expires_at > soon + timedelta(days=2)


def test_no_answer_of_the_chat_sets_a_cookie_or_may_be_kept(visitor: Visitor) -> None:
    answers = [
        visitor.write("Hello"),
        visitor.get("/chat/messages"),
        visitor.get("/chat/frame/riverside"),
        visitor.get("/chat/page/riverside"),
        visitor.get("/c/"),
        visitor.get("/chat/widget.js"),
    ]
    for answer in answers:
        assert not answer.cookies
        assert "Cookie" not in answer.get("Vary", "")
    for answer in answers[:5]:
        assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "origin", ["null", SITE_ORIGIN, "https://testserver", "http://testserver.evil.example", ""]
)
def test_foreign_origins_are_refused(visitor: Visitor, origin: str) -> None:
    for path in ("/chat/messages", "/chat/seen", "/chat/said", "/chat/end", "/chat/sessions"):
        refused = visitor.post(path, {"site": "riverside"}, origin=origin)
        assert refused.status_code == 403, path
    assert visitor.get("/chat/messages", origin=origin).status_code == (403)


def test_writing_needs_an_origin_and_reading_from_elsewhere_is_refused(visitor: Visitor) -> None:
    bare = Client()
    body = {"site": "riverside"}
    assert bare.post("/chat/sessions", body, content_type="application/json").status_code == 403
    reading = bare.get("/chat/messages", headers=visitor.headers | {"sec-fetch-site": "cross-site"})
    assert reading.status_code == 403
    same = bare.get("/chat/messages", headers=visitor.headers | {"sec-fetch-site": "same-origin"})
    assert same.status_code == 200


def test_no_answer_lets_another_origin_read_it(visitor: Visitor) -> None:
    answer = visitor.get("/chat/messages")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    preflight = visitor.client.options(
        "/chat/messages",
        headers={"origin": SITE_ORIGIN, "access-control-request-headers": "authorization"},
    )
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_a_session_needs_a_site_that_exists(site: ChatSite) -> None:
    visitor = Visitor("nowhere")
    refused = visitor.post("/chat/sessions", {"site": "nowhere"})
    assert refused.status_code == 404
    assert not ChatSession.objects.exists()
