"""Links by text: opened once, by one browser, into the conversation that they were sent from."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from django.db import connections
from django.test import Client
from django.utils import timezone

from channels_app.chat import links
from channels_app.chat.models import ChatLink, ChatSession, ChatSite
from hub.conversations import errors
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send import Answer, note, send
from hub.conversations.actions.status import resolve
from hub.conversations.inbound import Inbound
from hub.conversations.models import Channel, Conversation, Delivery, Entry, HubAddress, Leg
from hub.staff.models import User
from patients import actions as patients
from patients.models import ContactPoint
from tests.chat.conftest import OWN_ORIGIN, Visitor
from tests.factories import LinkFactory, PatientFactory

pytestmark = pytest.mark.django_db
PHONE = "+15550100142"
BROWSER, OTHER_BROWSER = "b" * 32, "o" * 32


def text_in(address: HubAddress, text: str, phone: str = PHONE) -> Conversation:
    return receive(
        Inbound(
            channel=Channel.SMS,
            contact_system="phone",
            contact_value=phone,
            hub_address_id=address.pk,
            text=text,
            at=timezone.now(),
        )
    ).conversation


@pytest.fixture
def conversation(text_address: HubAddress, site: ChatSite) -> Conversation:
    ana = PatientFactory(legal_name="Ana Morales", language="es")
    point = ContactPoint.objects.create(system="phone", value=PHONE)
    LinkFactory(contact_point=point, patient=ana)
    return text_in(text_address, "I missed my visit")


def token_of(entry: Entry) -> str:
    found = re.search(r"/c/#(\S+)", entry.body)
    assert found
    return found[1]


def open_link(token: str, browser: str = BROWSER) -> object:
    return Client(headers={"origin": OWN_ORIGIN}).post(
        "/c/start", {"link": token, "browser": browser}, content_type="application/json"
    )


def come(token: str, browser: str = BROWSER) -> Visitor:
    answer = open_link(token, browser)
    assert answer.status_code == 201, answer.content  # type: ignore[attr-defined]
    told = answer.json()  # type: ignore[attr-defined]
    visitor = Visitor(told["site"])
    visitor.token = told["token"]
    return visitor


def test_the_link_goes_out_as_a_text_by_the_consoles_rules(
    conversation: Conversation, lena: User
) -> None:
    entry = links.send_link(conversation, by=lena)
    assert entry.channel == "sms"
    assert "http://testserver/c/#" in entry.body
    delivery = Delivery.objects.get(entry=entry)
    assert delivery.contact_point.value == PHONE
    conversation.refresh_from_db()
    assert conversation.holder == lena
    line = conversation.entries.get(kind=Entry.Kind.LINK)
    assert (line.audience, line.author, line.detail["what"]) == ("staff", lena, "sent")
    assert token_of(entry) not in str(line.detail)


def test_the_token_is_kept_as_a_hash_alone(conversation: Conversation, lena: User) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    assert len(token) >= 22
    row = ChatLink.objects.values().get()
    assert token not in str(row)


def test_no_link_without_an_open_text_leg_or_to_an_address_that_opted_out(
    conversation: Conversation, lena: User
) -> None:
    patients.stop(
        conversation.contact_point, channel="sms", source="staff", evidence="asked by phone"
    )
    with pytest.raises(errors.OptedOut):
        links.send_link(conversation, by=lena)
    assert not ChatLink.objects.exists()
    Leg.objects.update(ended_at=timezone.now())
    with pytest.raises(errors.ChannelClosed):
        links.send_link(conversation, by=lena)


def test_no_link_where_no_chat_is_set_up(
    conversation: Conversation, lena: User, site: ChatSite
) -> None:
    site.delete()
    with pytest.raises(links.NoChatSite):
        links.send_link(conversation, by=lena)
    assert not Entry.objects.filter(author_kind="staff").exists()


def test_two_presses_of_the_button_are_one_link(conversation: Conversation, lena: User) -> None:
    intent = uuid4()
    first = links.send_link(conversation, by=lena, intent=intent)
    assert links.send_link(conversation, by=lena, intent=intent) == first
    assert ChatLink.objects.count() == 1


def test_opening_the_page_uses_up_nothing(conversation: Conversation, lena: User) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    for _ in range(5):
        assert Client().get("/c/").status_code == 200
        assert Client().head("/c/").status_code == 200
    link = ChatLink.objects.get()
    assert (link.used_at, link.session) == (None, None)
    come(token)


def test_start_brings_the_chat_into_the_conversation_of_the_texts(
    conversation: Conversation, lena: User
) -> None:
    visitor = come(token_of(links.send_link(conversation, by=lena)))
    visitor.write("I am here now")
    conversation.refresh_from_db()
    assert Conversation.objects.count() == 1
    assert conversation.channel == "chat"
    leg = conversation.legs.get(channel="chat")
    assert (leg.contact_point.value, leg.ended_at) == (PHONE, None)
    # The text leg stays open: the patient may go back to it.
    assert conversation.legs.get(channel="sms").ended_at is None
    said = [
        (entry.channel, entry.body)
        for entry in conversation.entries.filter(author_kind="patient").order_by("number")
    ]
    assert said == [("sms", "I missed my visit"), ("chat", "I am here now")]
    opened = conversation.entries.filter(kind=Entry.Kind.LINK).last()
    assert opened is not None
    assert (opened.detail["what"], opened.audience) == ("opened", "staff")


def test_the_page_shows_nothing_that_was_said_before_or_elsewhere(
    conversation: Conversation, lena: User, text_address: HubAddress
) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    visitor = come(token)
    assert visitor.page()["lines"] == []
    text_in(text_address, "A text from the same phone")
    note(conversation, "Staff only", intent=uuid4(), by=lena)
    sms = conversation.legs.get(channel="sms")
    send(conversation, Answer("An answer by text", sms.pk, uuid4()), by=lena)
    chat = conversation.legs.get(channel="chat")
    send(conversation, Answer("An answer in the chat", chat.pk, uuid4()), by=lena)
    assert visitor.texts() == ["An answer in the chat"]
    assert visitor.page()["head"]["byLink"] is True
    assert visitor.page()["head"]["text"]["href"] == "+15550100100"


def test_the_same_browser_goes_on_and_another_one_is_refused(
    conversation: Conversation, lena: User
) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    first = come(token)
    first.write("Hello")
    assert come(token).token == first.token
    assert come(token).texts()[0] == "Hello"
    refused = open_link(token, OTHER_BROWSER)
    assert refused.status_code == 410  # type: ignore[attr-defined]
    assert refused.json()["error"] == "link_used"  # type: ignore[attr-defined]
    assert ChatSession.objects.count() == 1
    assert conversation.legs.filter(channel="chat").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_browsers_at_once_one_gets_the_session(
    conversation: Conversation, lena: User
) -> None:
    token = token_of(links.send_link(conversation, by=lena))

    def press(browser: str) -> int:
        try:
            return open_link(token, browser).status_code  # type: ignore[attr-defined]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(press, [BROWSER, OTHER_BROWSER, BROWSER, OTHER_BROWSER]))
    assert sorted(codes) == [201, 201, 410, 410]
    assert codes[0] == codes[2]
    assert ChatSession.objects.count() == 1
    assert conversation.legs.filter(channel="chat").count() == 1


def test_an_expired_link_is_refused_kindly(conversation: Conversation, lena: User) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    ChatLink.objects.update(expires_at=timezone.now())
    refused = open_link(token)
    assert refused.status_code == 410  # type: ignore[attr-defined]
    assert refused.json()["error"] == "link_expired"  # type: ignore[attr-defined]
    assert not ChatSession.objects.exists()


@pytest.mark.parametrize("token", ["", "x", "A" * 24, "../", "\0"])
def test_a_guessed_link_is_unknown(site: ChatSite, token: str) -> None:
    assert open_link(token).status_code == 404  # type: ignore[attr-defined]


@pytest.mark.parametrize("browser", ["", "short", "x" * 65, "with space and more characters"])
def test_a_weak_browser_secret_is_malformed(
    conversation: Conversation, lena: User, browser: str
) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    assert open_link(token, browser).status_code == 400  # type: ignore[attr-defined]
    assert ChatLink.objects.get().used_at is None


def test_guessing_links_is_limited(site: ChatSite) -> None:
    codes = {open_link(f"guess-{n}").status_code for n in range(21)}  # type: ignore[attr-defined]
    assert codes == {404, 429}


def test_a_newer_link_ends_the_older_chat_which_sees_nothing_more(
    conversation: Conversation, lena: User
) -> None:
    old = come(token_of(links.send_link(conversation, by=lena)))
    old.write("On my old phone")
    new = come(token_of(links.send_link(conversation, by=lena)), OTHER_BROWSER)
    new.write("On my new phone")
    assert new.texts() == ["On my new phone"]
    gone = old.get("/chat/messages")
    assert (gone.status_code, gone.json()["error"]) == (401, "moved")
    assert old.write("still me?").status_code == 401
    assert conversation.legs.filter(channel="chat", ended_at__isnull=True).count() == 1


def test_an_old_link_can_be_traded_for_a_new_one_to_the_same_number_once_a_day(
    conversation: Conversation, lena: User
) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    renew = Client(headers={"origin": OWN_ORIGIN})

    def ask() -> int:
        answer = renew.post("/c/renew", {"link": token}, content_type="application/json")
        status: int = answer.status_code
        return status

    assert ask() == 409  # it can still be used
    ChatLink.objects.update(expires_at=timezone.now())
    assert ask() == 204
    [new] = Entry.objects.filter(author_kind="automatic", detail__what="chat_link")
    assert Delivery.objects.get(entry=new).contact_point.value == PHONE
    assert ask() == 409
    assert ChatLink.objects.count() == 2
    come(token_of(new)).write("It works")


def test_no_new_link_after_a_week_a_stop_or_the_end(conversation: Conversation, lena: User) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    ChatLink.objects.update(expires_at=timezone.now())
    renew = Client(headers={"origin": OWN_ORIGIN})

    def ask() -> int:
        answer = renew.post("/c/renew", {"link": token}, content_type="application/json")
        status: int = answer.status_code
        return status

    ChatLink.objects.update(created_at=timezone.now() - timedelta(days=8))
    assert ask() == 409
    ChatLink.objects.update(created_at=timezone.now())
    patients.stop(conversation.contact_point, channel="sms", source="staff", evidence="")
    assert ask() == 409
    resolve(conversation, "answered", by=lena)
    assert ask() == 409
    assert ChatLink.objects.count() == 1


def test_a_link_into_a_resolved_conversation_reopens_it_with_the_first_message(
    conversation: Conversation, lena: User
) -> None:
    token = token_of(links.send_link(conversation, by=lena))
    resolve(conversation, "no_reply", by=lena)
    visitor = come(token)
    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.RESOLVED
    assert not conversation.legs.filter(ended_at__isnull=True).exists()
    visitor.write("Sorry, I was away")
    conversation.refresh_from_db()
    assert conversation.status == Conversation.Status.OPEN
    assert Conversation.objects.count() == 1
    assert visitor.texts()[0] == "Sorry, I was away"


def test_the_token_is_in_no_log_and_in_no_address(
    conversation: Conversation, lena: User, caplog: pytest.LogCaptureFixture
) -> None:
    with structlog.testing.capture_logs() as structured, caplog.at_level("DEBUG"):
        token = token_of(links.send_link(conversation, by=lena))
        visitor = come(token)
        open_link(token, OTHER_BROWSER)
        open_link(token + "x")
        visitor.write("hello")
        visitor.token += "x"
        visitor.get("/chat/messages")
    everything = caplog.text + str(structured)
    assert token not in everything
    assert visitor.token[:-1] not in everything
    urls = Path(links.__file__).parent.joinpath("link_urls.py").read_text()
    assert "<" not in urls, "an address of ours takes a part that could be a token"
