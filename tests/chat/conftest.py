"""A clinic with a chat on its site, and what a visitor's app does."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from channels_app.chat.models import ChatSession, ChatSite
from hub.conversations.models import Channel, HubAddress
from hub.staff.models import Department, Role, User
from tests.factories import DepartmentFactory, UserFactory

SITE_ORIGIN = "https://www.clinic.example"
OWN_ORIGIN = "http://testserver"


class Visitor:
    """A browser with the chat app in it, as far as the API goes."""

    def __init__(self, site: str = "riverside") -> None:
        self.site = site
        self.token = ""
        self.client = Client(headers={"origin": OWN_ORIGIN})

    def start(self, **said: str) -> "Visitor":
        answer = self.post("/chat/sessions", {"site": self.site, "language": "en", **said})
        assert answer.status_code == 201, answer.content
        self.token = answer.json()["token"]
        return self

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}", "chat-site": self.site}

    def post(self, path: str, data: dict[str, Any], **headers: str) -> Any:
        return self.client.post(
            path, data, content_type="application/json", headers={**self.headers, **headers}
        )

    def write(self, text: str, intent: str = "") -> Any:
        return self.post("/chat/messages", {"intent": intent or str(uuid4()), "text": text})

    def upload(self, text: str, *files: Any, intent: str = "") -> Any:
        return self.client.post(
            "/chat/messages",
            {"intent": intent or str(uuid4()), "text": text, "files": list(files)},
            headers=self.headers,
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={**self.headers, **headers})

    def page(self, after: int = 0) -> dict[str, Any]:
        answer = self.get(f"/chat/messages?after={after}")
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def texts(self) -> list[str]:
        return [line["text"] for line in self.page()["lines"]]

    @property
    def session(self) -> ChatSession:
        from channels_app.chat.tokens import hash_of

        return ChatSession.objects.get(token_hash=hash_of(self.token))


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    cache.clear()


@pytest.fixture
def department(db: None) -> Department:
    return DepartmentFactory(name="Cardiology", slug="cardiology")


@pytest.fixture
def site(department: Department) -> ChatSite:
    return make_site(department, "riverside")


def make_site(department: Department, key: str) -> ChatSite:
    address = HubAddress.objects.create(
        channel=Channel.CHAT, value=key, label=key.title(), department=department
    )
    return ChatSite.objects.create(
        hub_address=address, key=key, allowed_origins=[SITE_ORIGIN], text_number="+15550100100"
    )


@pytest.fixture
def text_address(department: Department) -> HubAddress:
    return HubAddress.objects.create(
        channel=Channel.SMS, value="+15550100100", label="Main number", department=department
    )


@pytest.fixture
def lena(department: Department) -> User:
    return UserFactory(name="Lena Ortiz", role=Role.AGENT, departments=[department])


@pytest.fixture
def visitor(site: ChatSite) -> Visitor:
    return Visitor().start()
