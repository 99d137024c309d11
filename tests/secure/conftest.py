"""A department that answers by secure link, a patient with a phone, and their browser."""

import re
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client

from channels_app.secure.outgoing import words_of
from hub.conversations.actions import send
from hub.conversations.actions.receive import receive
from hub.conversations.models import (
    ChannelPrivacy,
    Conversation,
    Delivery,
    Entry,
    HubAddress,
)
from hub.staff.models import User
from patients.models import ContactPoint, Patient
from tests.factories import HubAddressFactory, LinkFactory, PatientFactory, UserFactory, inbound

OURS, THEIRS = "+15550100100", "+15550100142"
BORN = date(1961, 3, 9)
WORDS = "Your potassium is back to normal"


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    cache.clear()


@pytest.fixture
def address(db: None) -> HubAddress:
    address = HubAddressFactory(value=OURS)
    ChannelPrivacy.objects.create(department=address.department, channel="sms", secure=True)
    return address


@pytest.fixture
def agent(address: HubAddress) -> User:
    return UserFactory(name="Lena Ortiz", departments=[address.department])


@pytest.fixture
def patient(address: HubAddress) -> Patient:
    found = PatientFactory(legal_name="Ana Morales", birth_date=BORN)
    point = ContactPoint.objects.create(system="phone", value=THEIRS)
    LinkFactory(contact_point=point, patient=found)
    return found


@pytest.fixture
def conversation(address: HubAddress, patient: Patient) -> Conversation:
    found = receive(inbound(address, "What did the lab say?", THEIRS)).conversation
    Delivery.objects.all().delete()
    return found


def answer(conversation: Conversation, by: User, body: str = WORDS, **more: Any) -> Entry:
    conversation = Conversation.objects.get(pk=conversation.pk)
    leg = conversation.legs.get(ended_at=None)
    said = send.Answer(body=body, leg_id=leg.pk, intent=uuid4(), **more)
    return send.send(conversation, said, by=by)


def notice_of(entry: Entry) -> str:
    return words_of(entry.deliveries.select_related("entry").get()).body


def token_in(notice: str) -> str:
    found = re.search(r"/s/#([A-Za-z0-9_-]+)", notice)
    assert found, notice
    return found[1]


class Page:
    """A patient's browser at the secure page, as far as its forms go."""

    def __init__(self, token: str = "", language: str = "en") -> None:
        self.token = token
        self.client = Client(
            headers={"origin": "http://testserver", "accept-language": language},
        )
        self.html, self.status = "", 0

    def _took(self, response: Any) -> "Page":
        self.html, self.status = response.content.decode(), response.status_code
        return self

    def open(self, born: date = BORN, token: str | None = None) -> "Page":
        fields = {
            "token": self.token if token is None else token,
            "month": born.month,
            "day": born.day,
            "year": born.year,
        }
        response = self.client.post("/s/open", fields)
        if response.status_code == 302:
            assert response.headers["Location"] == "/s/thread"
            return self.look()
        return self._took(response)

    def look(self, **query: str) -> "Page":
        return self._took(self.client.get("/s/thread", query))

    def write(self, text: str, *files: Any, intent: str = "", **more: Any) -> "Page":
        fields = {"text": text, "intent": intent or str(uuid4()), "files": list(files), **more}
        response = self.client.post("/s/answer", fields)
        return self.look() if response.status_code == 302 else self._took(response)

    def leave(self) -> "Page":
        return self._took(self.client.post("/s/leave", {}))

    @property
    def intent(self) -> str:
        return re.findall(r'name="intent" value="([^"]+)"', self.html)[0]


@pytest.fixture
def page(conversation: Conversation, agent: User) -> Page:
    """The page of a link that was sent and not opened yet."""
    return Page(token_in(notice_of(answer(conversation, agent))))
