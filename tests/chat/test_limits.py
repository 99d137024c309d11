"""Nobody can do more than a person would."""

import pytest
from django.conf import settings
from django.core.cache import cache
from redis import Redis

from channels_app.chat import limits
from channels_app.chat.models import ChatSession, ChatSite
from channels_app.chat.refusals import TooOften
from hub.conversations.models import Entry
from tests.chat.conftest import Visitor, make_site
from tests.factories import DepartmentFactory

pytestmark = pytest.mark.django_db


def test_sessions_are_limited_by_address_and_site(site: ChatSite) -> None:
    for _ in range(limits.SESSIONS.count):
        Visitor().start()
    refused = Visitor().post("/chat/sessions", {"site": "riverside"})
    assert refused.status_code == 429
    assert refused.json()["message"].startswith("That was a lot")
    assert int(refused["Retry-After"]) == limits.SESSIONS.seconds
    assert ChatSession.objects.count() == limits.SESSIONS.count
    make_site(DepartmentFactory(), "hillside")
    Visitor("hillside").start()


def test_messages_are_limited_by_session(visitor: Visitor) -> None:
    for n in range(limits.MESSAGES.count):
        assert visitor.write(f"m{n}").status_code == 201
    assert visitor.write("one too many").status_code == 429
    assert Entry.objects.filter(author_kind="patient").count() == limits.MESSAGES.count
    other = Visitor().start()
    assert other.write("not I").status_code == 201


def test_the_sentence_is_in_the_language_of_the_visitor(visitor: Visitor) -> None:
    cache.clear()
    for _ in range(limits.MESSAGES.count):
        limits.count(limits.MESSAGES, visitor.session.pk)
    refused = visitor.post(
        "/chat/messages", {"text": "x"}, **{"chat-language": "es", "accept-language": "en"}
    )
    assert refused.status_code == 429
    assert refused.json()["error"] == "too_often"


def test_guessing_tokens_is_limited_by_address(site: ChatSite) -> None:
    visitor = Visitor()
    seen = set()
    for n in range(limits.STRANGERS.count + 1):
        visitor.token = f"guess-{n}"
        seen.add(visitor.get("/chat/messages").status_code)
    assert seen == {401, 429}


def test_a_counter_starts_anew_after_its_time() -> None:
    brief = limits.Limit("brief", 1, 1)
    limits.count(brief, "me")
    with pytest.raises(TooOften):
        limits.count(brief, "me")
    with Redis.from_url(settings.REDIS_URL) as redis:
        [key] = redis.keys("*chat:brief:*")
        assert 0 < redis.ttl(key) <= 1


def test_the_counters_name_nobody(visitor: Visitor) -> None:
    visitor.write("hello")
    with Redis.from_url(settings.REDIS_URL) as redis:
        names = b" ".join(redis.keys(f"{settings.CHANNEL_PREFIX}*chat:*")).decode()
    assert "chat:message:" in names
    assert "127.0.0.1" not in names
    assert visitor.token not in names


def test_without_a_cache_patients_can_still_write(
    visitor: Visitor, settings: pytest.FixtureRequest
) -> None:
    settings.CACHES = {  # type: ignore[attr-defined]
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1",
        }
    }
    assert visitor.write("Does anybody hear me?").status_code == 201
    assert visitor.texts()[0] == "Does anybody hear me?"
