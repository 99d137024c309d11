"""A patient asks on the web to be called back; their number is proved first."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from channels_app.voice.models import Callback
from hub.conversations.models import Channel, Conversation, Delivery, Entry, HubAddress
from hub.routing.models import QueueEntry
from hub.selfservice import wishes
from hub.selfservice.models import CallWish
from hub.staff.models import Department
from patients.actions import agree
from patients.models import ContactPoint
from tests.factories import DepartmentFactory, LinkFactory

pytestmark = pytest.mark.django_db

NUMBER = "(212) 555-0142"
E164 = "+12125550142"


@pytest.fixture(autouse=True)
def _fresh_counters() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def department() -> Department:
    department = DepartmentFactory(name="Front desk", slug="front-desk")
    for channel in (Channel.SMS, Channel.VOICE):
        HubAddress.objects.create(
            channel=channel, value="+15550100100", label="Main", department=department
        )
    return department


class Browser:
    """Somebody at the page, without JavaScript."""

    def __init__(self, language: str = "en") -> None:
        self.client = Client()
        self.language = language
        self.html = ""
        self.status = 0

    def post(self, step: str, **fields: str) -> str:
        hidden = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', self.html)
        kept = {name: unescape(value) for name, value in hidden}
        answer = self.client.post(
            f"/callback/{step}", {"language": self.language, **kept, **fields}
        )
        self.html, self.status = answer.content.decode(), answer.status_code
        return self.html

    def wants(self, number: str = NUMBER) -> str:
        self.html = self.client.get(f"/callback/?language={self.language}").content.decode()
        return self.post("number", number=number)

    def prove(self) -> str:
        return self.post("code", code=texted())


def texted() -> str:
    """The code in the text that went out last."""
    body = Entry.objects.filter(detail__what="code").latest("pk").body
    [code] = re.findall(r"\b\d{6}\b", body)
    return code


def test_who_proves_their_number_is_called_back() -> None:
    browser = Browser()
    assert "What is the code" in browser.wants()
    delivery = Delivery.objects.get()
    assert (delivery.kind, delivery.contact_point.value) == ("message", E164)
    assert not Callback.objects.exists()
    assert not QueueEntry.objects.exists()
    assert "When should we call?" in browser.prove()
    assert not Callback.objects.exists()
    assert "as soon as it is your turn" in browser.post("time", start="", reason="My refill")
    callback = Callback.objects.get()
    assert (callback.source, callback.contact_point.value) == ("portal", E164)
    assert callback.reason == "My refill"
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.kind == QueueEntry.Kind.CALLBACK
    conversation = Conversation.objects.get()
    assert conversation.status == Conversation.Status.OPEN


def test_a_time_is_chosen_from_the_list() -> None:
    browser = Browser()
    browser.wants()
    browser.prove()
    starts = re.findall(r'<option value="([^"]+)"', browser.html)
    assert "We will call you" in browser.post("time", start=unescape(starts[2]))
    callback = Callback.objects.get()
    assert callback.slot_from is not None
    assert callback.slot_from.isoformat() == unescape(starts[2])


@pytest.mark.parametrize("start", ["2020-01-01T10:00:00+00:00", "soon", "2030-01-01T10:00"])
def test_a_time_that_was_not_offered_is_asked_again(start) -> None:
    browser = Browser()
    browser.wants()
    browser.prove()
    assert 'role="alert"' in browser.post("time", start=start, reason="My refill")
    assert "My refill" in browser.html
    assert not Callback.objects.exists()
    assert "We will call you" in browser.post("time", start="")


def test_a_code_works_once_and_so_does_a_wish() -> None:
    browser = Browser()
    page = browser.wants()
    code = texted()
    assert "When should we call?" in browser.post("code", code=f" {code[:3]} {code[3:]} ")
    asked = browser.html
    browser.html = page
    browser.post("code", code=code)
    assert browser.status == 410
    browser.html = asked
    browser.post("time", start="")
    browser.html = asked
    browser.post("time", start="")
    assert browser.status == 410
    assert Callback.objects.count() == 1


def test_five_tries_then_even_the_right_code_is_too_late() -> None:
    browser = Browser()
    browser.wants()
    code = texted()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for _ in range(5):
        assert "That is not the code" in browser.post("code", code=wrong)
    browser.post("code", code=code)
    assert browser.status == 410
    assert CallWish.objects.get().proved_at is None


def test_a_code_works_for_ten_minutes() -> None:
    browser = Browser()
    browser.wants()
    CallWish.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    browser.prove()
    assert browser.status == 410


def test_a_code_is_good_for_its_own_wish_alone() -> None:
    mine, theirs = Browser(), Browser()
    mine.wants("(212) 555-0143")
    code = texted()
    theirs.wants(NUMBER)
    other = texted()
    if code == other:  # one in a million
        return
    assert "That is not the code" in theirs.post("code", code=code)


def test_the_answer_is_the_same_for_known_and_unknown_and_stopped_numbers() -> None:
    def answered(number: str) -> tuple[int, str]:
        browser = Browser()
        browser.wants(number)
        return browser.status, re.sub(r'value="[^"]*"', "", browser.html)

    LinkFactory(contact_point=ContactPoint.objects.create(system="phone", value="+12125550144"))
    stopped = ContactPoint.objects.create(system="phone", value="+12125550145")
    agree.stop(stopped, channel="sms", source="keyword", evidence="STOP")
    answers = {answered(number) for number in (NUMBER, "+12125550144", "+12125550145")}
    assert len(answers) == 1
    # No text goes to who said STOP.
    assert not Delivery.objects.filter(contact_point=stopped).exists()


def test_without_a_proof_there_is_no_promise() -> None:
    browser = Browser()
    browser.wants()
    browser.post("time", start="")
    assert browser.status == 410
    browser.html = ""
    browser.post("time", token="guessed", start="")
    assert browser.status == 410
    assert not Callback.objects.exists()


def test_a_number_gets_few_codes_whoever_asks() -> None:
    codes = []
    for _ in range(4):
        browser = Browser()
        browser.wants()
        codes.append(browser.status)
    assert codes == [200, 200, 200, 429]
    assert Delivery.objects.count() == 3


def test_one_address_asks_for_few_numbers() -> None:
    codes = []
    for n in range(11):
        browser = Browser()
        browser.wants(f"(212) 555-01{n:02d}")
        codes.append(browser.status)
    assert codes == [200] * 10 + [429]


@pytest.mark.parametrize("number", ["", "12", "my phone", "<script>"])
def test_what_is_no_number_is_asked_again(number) -> None:
    browser = Browser()
    page = browser.wants(number)
    assert 'role="alert"' in page
    assert "<script>" not in page
    assert not CallWish.objects.exists()


def test_what_nobody_proves_leaves_nothing_in_the_lists() -> None:
    Browser().wants()
    later = timezone.now() + timedelta(minutes=11)
    wishes.forget(later)
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.resolution) == ("resolved", wishes.NOT_PROVED)
    assert not conversation.legs.filter(ended_at__isnull=True).exists()
    wishes.forget(later + timedelta(days=2))
    assert not CallWish.objects.exists()


def test_what_is_proved_is_not_closed() -> None:
    browser = Browser()
    browser.wants()
    browser.prove()
    browser.post("time", start="")
    wishes.forget(timezone.now() + timedelta(hours=1))
    assert Conversation.objects.get().status == Conversation.Status.OPEN
    assert Callback.objects.get().state == Callback.State.WAITING


def test_secrets_are_not_kept() -> None:
    browser = Browser()
    browser.wants()
    token = re.findall(r'name="token" value="([^"]+)"', browser.html)[0]
    wish = CallWish.objects.get()
    assert token not in (wish.token_hash, wish.code_hash)
    assert texted() not in wish.code_hash


def test_several_departments_are_a_question_of_their_own() -> None:
    DepartmentFactory(name="Cardiology", slug="cardiology")
    browser = Browser()
    page = browser.client.get("/callback/?language=en").content.decode()
    assert "Who should call?" in page
    browser.html = browser.client.get("/callback/?about=cardiology").content.decode()
    browser.post("number", number=NUMBER)
    browser.prove()
    browser.post("time", start="")
    assert QueueEntry.objects.get(ended_at__isnull=True).department.slug == "cardiology"


def test_pages_keep_nothing_and_need_no_script() -> None:
    answer = Client().get("/callback/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "<script" not in answer.content.decode()
    assert "911" in answer.content.decode()


def test_the_language_stays() -> None:
    browser = Browser("es")
    browser.wants()
    assert '<html lang="es">' in browser.html
    browser.prove()
    browser.post("time", start="")
    assert Callback.objects.get().language == "es"
