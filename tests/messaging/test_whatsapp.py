"""WhatsApp and Messenger by the same adapter as texts: prefixes, switches, the window, STOP."""

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import inbox, outbox
from channels_app.files import accept_bytes
from channels_app.messaging import prefixes
from channels_app.models import Receipt
from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.settings import PAGE
from hub.conversations import errors, window
from hub.conversations.actions import addresses, send
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send_template import Press, send_template
from hub.conversations.models import (
    META,
    Channel,
    ChannelPrivacy,
    Conversation,
    Delivery,
    Entry,
    HubAddress,
    Leg,
    TemplateUse,
)
from hub.routing.rules import rules_of
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import Department, User
from patients import consent
from patients.models import ContactPoint
from patients.normal_form import NotAnAddress
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    LinkFactory,
    TemplateFactory,
    UserFactory,
    inbound,
)
from tests.messaging.test_webhooks import INBOUND, fields, post
from tests.walk.clinic import PNG

pytestmark = pytest.mark.django_db(transaction=True)
CLINIC, ANA, PSID = "+15550100100", "+15550100142", "6000015550100142"


@pytest.fixture
def department() -> Department:
    """One whose administrator has decided for plain words."""
    made = DepartmentFactory()
    for channel in META:
        ChannelPrivacy.objects.create(department=made, channel=channel, secure=False)
    return made


@pytest.fixture
def agent(department: Department) -> User:
    return UserFactory(departments=[department])


@pytest.fixture
def administrator() -> User:
    return UserFactory(administrator=True)


@pytest.fixture
def whatsapp(department: Department) -> HubAddress:
    """The clinic at WhatsApp, switched on."""
    return HubAddressFactory(channel=Channel.WHATSAPP, value=CLINIC, department=department)


@pytest.fixture
def messenger(department: Department) -> HubAddress:
    """The clinic's page at Messenger, switched on."""
    return HubAddressFactory(channel=Channel.MESSENGER, value=PAGE, department=department)


def arrive(sender: str, to: str, body: str = "Hola", **more: Any) -> Receipt:
    """Take an inbound message as the webhook does."""
    sid = f"SM{uuid4().hex}"
    fields = {"MessageSid": sid, "From": sender, "To": to, "Body": body, "NumMedia": "0"} | more
    channel, _address = prefixes.split(to)
    receipt = inbox.accept("AC1", f"{channel}.inbound", sid, fields)
    inbox.work(receipt)
    return Receipt.objects.get(uuid=receipt.uuid)


def by_whatsapp(body: str = "Hola") -> Conversation:
    """Ana writes by WhatsApp."""
    arrive(f"whatsapp:{ANA}", f"whatsapp:{CLINIC}", body)
    return Conversation.objects.latest("id")


def leg_of(conversation: Conversation, channel: Channel = Channel.WHATSAPP) -> Leg:
    return conversation.legs.get(channel=channel)


def answer(leg: Leg, by: User, body: str = "Buenos días", **more: Any) -> Entry:
    said = send.Answer(body=body, leg_id=leg.pk, intent=uuid4(), **more)
    return send.send(Conversation.objects.get(pk=leg.conversation_id), said, by=by)


# --- Prefixes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "channel", "address"),
    [
        ("+15550100142", "sms", "+15550100142"),
        ("whatsapp:+15550100142", "whatsapp", "+15550100142"),
        ("messenger:6217", "messenger", "6217"),
        ("WhatsApp:+15550100142", "sms", "WhatsApp:+15550100142"),
        ("", "sms", ""),
    ],
)
def test_a_prefix_names_the_channel(written: str, channel: str, address: str) -> None:
    assert prefixes.split(written) == (channel, address)
    assert prefixes.join(channel, address) == written


def test_whatsapp_and_text_of_one_number_are_one_contact_point(
    whatsapp: HubAddress, department: Department
) -> None:
    HubAddressFactory(value=CLINIC, department=department)
    arrive(ANA, CLINIC, "By text")
    arrive(f"whatsapp:{ANA}", f"whatsapp:{CLINIC}", "By WhatsApp")
    [point] = ContactPoint.objects.all()
    assert (point.system, point.value) == ("phone", ANA)
    legs = Leg.objects.filter(contact_point=point, ended_at=None)
    assert sorted(legs.values_list("channel", flat=True)) == ["sms", "whatsapp"]


def test_two_legs_at_once_are_answered_each_on_its_own(
    twilio: SimulatedTwilio, whatsapp: HubAddress, department: Department, agent: User
) -> None:
    """A confirmed patient's two ways lead to one conversation, with a leg for each."""
    text = HubAddressFactory(value=CLINIC, department=department)
    LinkFactory(contact_point__value=ANA, verified=True)
    arrive(ANA, CLINIC)
    conversation = by_whatsapp()
    assert Conversation.objects.count() == 1
    Delivery.objects.all().delete()
    twilio.phone(ANA).send("Hola", channel="whatsapp")  # opens the window there
    answer(leg_of(conversation), agent, "on WhatsApp")
    answer(leg_of(conversation, Channel.SMS), agent, "by text")
    for delivery in Delivery.objects.order_by("id"):
        outbox.deliver(delivery.pk)
    twilio.settle()
    sent = {m["body"]: m["from"] for m in twilio.messages() if m["direction"] == "outbound"}
    assert sent == {"on WhatsApp": f"whatsapp:{CLINIC}", "by text": CLINIC}
    assert text.value == whatsapp.value


def test_messenger_is_of_a_system_of_its_own(messenger: HubAddress) -> None:
    arrive(f"messenger:{PSID}", f"messenger:{PAGE}")
    [point] = ContactPoint.objects.all()
    assert (point.system, point.value) == ("messenger", PSID)
    assert Conversation.objects.get().channel == "messenger"


def test_addresses_of_two_channels_in_one_message_are_refused(whatsapp: HubAddress) -> None:
    receipt = arrive(ANA, f"whatsapp:{CLINIC}")
    assert (receipt.state, receipt.failures) == ("received", 1)
    assert not Conversation.objects.exists()


def test_the_webhook_tells_the_channels_apart(whatsapp: HubAddress, settings: Any) -> None:
    said = fields(settings, From=f"whatsapp:{ANA}", To=f"whatsapp:{CLINIC}", WaId=ANA[1:])
    assert post(settings, INBOUND, said).status_code == 200
    assert Receipt.objects.get().kind == "whatsapp.inbound"
    assert Entry.objects.get(channel="whatsapp", author_kind="patient").body == "Hello"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"Body": "", "Latitude": "38.89", "Longitude": "-77.03"}, "📍 38.89, -77.03"),
        (
            {"Latitude": "38.89", "Longitude": "-77.03", "Label": "Mall", "Address": "1 Main St"},
            "I am here\n📍 38.89, -77.03 · Mall · 1 Main St",
        ),
    ],
)
def test_a_place_is_told_in_words(whatsapp: HubAddress, fields: dict[str, str], body: str) -> None:
    arrive(f"whatsapp:{ANA}", f"whatsapp:{CLINIC}", "I am here", **fields)
    assert Entry.objects.get(author_kind="patient").body == body


# --- Off until switched on ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "raw", "sender"),
    [
        (Channel.WHATSAPP, "(555) 010-0100", f"whatsapp:{ANA}"),
        (Channel.MESSENGER, PAGE, f"messenger:{PSID}"),
    ],
)
def test_off_until_an_administrator_switches_it_on(
    channel: Channel, raw: str, sender: str, department: Department, administrator: User
) -> None:
    address = addresses.add_meta_address(
        channel, raw, label="", department=department, by=administrator
    )
    assert address.state == HubAddress.State.NEW
    ours = prefixes.join(channel, address.value)
    waiting = arrive(sender, ours)
    assert waiting.state == Receipt.State.RECEIVED and not Conversation.objects.exists()
    addresses.switch_address(address, on=True, by=administrator)
    assert inbox.work(waiting)
    assert Conversation.objects.get().channel == channel


def test_only_an_administrator_adds_and_switches(
    whatsapp: HubAddress, agent: User, department: Department, administrator: User
) -> None:
    with pytest.raises(NotAnAdministrator):
        addresses.add_meta_address(
            Channel.WHATSAPP, "+15550100101", label="", department=department, by=agent
        )
    with pytest.raises(NotAnAdministrator):
        addresses.switch_address(whatsapp, on=False, by=agent)
    with pytest.raises(addresses.NotSwitchable):
        addresses.switch_address(HubAddressFactory(), on=False, by=administrator)
    with pytest.raises(NotAnAddress):
        addresses.add_meta_address(
            Channel.WHATSAPP, "our page", label="", department=department, by=administrator
        )


def test_off_nothing_goes_out_and_what_comes_in_is_shown(
    twilio: SimulatedTwilio, whatsapp: HubAddress, agent: User, administrator: User
) -> None:
    conversation = by_whatsapp()
    Delivery.objects.all().delete()
    written = answer(leg_of(conversation), agent)
    addresses.switch_address(whatsapp, on=False, by=administrator)
    outbox.deliver(written.deliveries.get().pk)
    assert written.deliveries.get().error_code == "switched_off"
    with pytest.raises(errors.SwitchedOff):
        answer(leg_of(conversation), agent)
    assert arrive(f"whatsapp:{ANA}", f"whatsapp:{CLINIC}", "Hello?").state == Receipt.State.DONE
    assert conversation.entries.filter(author_kind="patient").latest("number").body == "Hello?"
    assert [m for m in twilio.messages() if m["direction"] == "outbound"] == []


def test_one_that_was_never_on_stays_new_when_it_is_switched_off(
    department: Department, administrator: User
) -> None:
    address = addresses.add_meta_address(
        Channel.WHATSAPP, CLINIC, label="", department=department, by=administrator
    )
    addresses.switch_address(address, on=False, by=administrator)
    assert address.state == HubAddress.State.NEW


# --- The window ---------------------------------------------------------------------------------


def test_the_window_closes_24_hours_after_the_patients_last_message(whatsapp: HubAddress) -> None:
    at = timezone.now() - timedelta(hours=5)
    leg = receive(inbound(whatsapp, number=ANA, at=at)).entry.leg
    later = at + timedelta(hours=3)
    receive(inbound(whatsapp, number=ANA, at=later))
    closes = later + timedelta(hours=24)
    assert window.closes_at(leg) == closes
    assert window.is_open(leg, closes - timedelta(microseconds=1))
    assert not window.is_open(leg, closes)


def test_each_pair_of_addresses_has_a_window_of_its_own(
    whatsapp: HubAddress, department: Department
) -> None:
    other = HubAddressFactory(channel=Channel.WHATSAPP, value="+15550100200", department=department)
    old = timezone.now() - timedelta(hours=30)
    leg = receive(inbound(whatsapp, number=ANA, at=old)).entry.leg
    receive(inbound(other, number=ANA))
    receive(inbound(whatsapp, number="+15550100143"))
    receive(inbound(HubAddressFactory(value=CLINIC, department=department), number=ANA))
    assert not window.is_open(leg, timezone.now())


def test_texts_have_no_window(department: Department, agent: User) -> None:
    text = HubAddressFactory(value=CLINIC, department=department)
    leg = receive(inbound(text, number=ANA, at=timezone.now() - timedelta(days=9))).entry.leg
    assert answer(leg, agent).delivery_state == "ready"


@pytest.mark.parametrize(
    ("ago", "goes"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False)]
)
def test_outside_of_it_free_words_are_refused_and_a_template_goes(
    twilio: SimulatedTwilio, whatsapp: HubAddress, agent: User, ago: timedelta, goes: bool
) -> None:
    received = receive(inbound(whatsapp, number=ANA, at=timezone.now() - ago))
    Delivery.objects.all().delete()
    leg = received.entry.leg
    if goes:
        assert answer(leg, agent).delivery_state == "ready"
        return
    with pytest.raises(errors.WindowClosed):
        answer(leg, agent)
    assert not Delivery.objects.exists()
    received.conversation.refresh_from_db()
    assert received.conversation.holder is None
    template = TemplateFactory(
        content_sid=twilio.content("{{1}}: please write to us."),
        preview="{{1}}: please write to us.",
        variables=["clinic_name"],
    )
    press = Press(template=template.uuid, leg_id=leg.pk, intent=uuid4())
    entry = send_template(received.conversation, press, by=agent)
    assert entry.body == "Riverside Clinic: please write to us."
    assert send_template(received.conversation, press, by=agent).pk == entry.pk
    outbox.deliver(entry.deliveries.get().pk)
    twilio.settle()
    assert twilio.phone(ANA).received() == [entry.body]
    assert TemplateUse.objects.get().filled == {"1": "Riverside Clinic"}


def test_a_repeat_of_a_press_is_answered_though_the_window_has_closed_meanwhile(
    whatsapp: HubAddress, agent: User
) -> None:
    almost_over = timezone.now() - timedelta(hours=24) + timedelta(seconds=1)
    received = receive(inbound(whatsapp, number=ANA, at=almost_over))
    leg = received.entry.leg
    said = send.Answer(body="Hi", leg_id=leg.pk, intent=uuid4())
    first = send.send(received.conversation, said, by=agent)
    time.sleep(1)
    assert not window.is_open(leg, timezone.now())
    assert send.send(received.conversation, said, by=agent).pk == first.pk


def test_twilios_own_refusal_is_told(
    twilio: SimulatedTwilio, whatsapp: HubAddress, agent: User
) -> None:
    """The hub took the message for fresh, and Twilio knows of none: its word counts."""
    conversation = by_whatsapp()
    Delivery.objects.all().delete()
    delivery = answer(leg_of(conversation), agent).deliveries.get()
    outbox.deliver(delivery.pk)
    twilio.settle()
    [failed] = [one for one in twilio.webhooks("status") if "failed" in one["label"]]
    fields = dict(failed["parameters"]) | {"d": str(delivery.uuid)}
    inbox.work(inbox.accept("AC1", "whatsapp.status", "1", fields))
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("failed", "63016")


def test_a_template_whose_answer_was_lost_is_found_and_not_sent_twice(
    twilio: SimulatedTwilio, whatsapp: HubAddress, agent: User
) -> None:
    conversation = by_whatsapp()
    Delivery.objects.all().delete()
    template = TemplateFactory(content_sid=twilio.content("As approved, to the letter."))
    press = Press(template=template.uuid, leg_id=leg_of(conversation).pk, intent=uuid4())
    delivery = send_template(conversation, press, by=agent).deliveries.get()
    twilio.chaos(ambiguous_p=1)
    outbox.deliver(delivery.pk)
    twilio.chaos(ambiguous_p=0)
    delivery.refresh_from_db()
    assert delivery.state == "unknown"
    Delivery.objects.update(next_attempt_at=timezone.now())
    outbox.inquire(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == "accepted" and delivery.provider_key
    twilio.settle()
    assert twilio.phone(ANA).received() == ["As approved, to the letter."]


# --- What a message may carry -------------------------------------------------------------------


def test_limits_are_those_of_the_channel(
    whatsapp: HubAddress, messenger: HubAddress, agent: User
) -> None:
    leg = leg_of(by_whatsapp())
    with pytest.raises(errors.TooLong):
        answer(leg, agent, "x" * 1601)
    assert answer(leg, agent, "x" * 1600)
    arrive(f"messenger:{PSID}", f"messenger:{PAGE}")
    other = Leg.objects.get(channel="messenger")
    with pytest.raises(errors.TooLong):
        answer(other, agent, "x" * 1901)
    assert answer(other, agent, "x" * 1900)


def test_one_file_at_a_time_and_no_words_beside_a_document(
    whatsapp: HubAddress, agent: User
) -> None:
    leg = leg_of(by_whatsapp())
    picture, another = accept_bytes([PNG], "a.png"), accept_bytes([PNG], "b.png")
    note = accept_bytes([b"Bring your card."], "note.txt")
    with pytest.raises(errors.OneFileAlone):
        answer(leg, agent, "", files=[picture, another])
    with pytest.raises(errors.OneFileAlone):
        answer(leg, agent, "Please read", files=[note])
    assert answer(leg, agent, "The form", files=[picture])
    assert answer(leg, agent, "", files=[note])


# --- No health information ----------------------------------------------------------------------


@pytest.mark.parametrize("channel", META)
def test_unless_somebody_decided_so_no_word_of_an_answer_goes_out(
    twilio: SimulatedTwilio,
    whatsapp: HubAddress,
    messenger: HubAddress,
    agent: User,
    channel: Channel,
) -> None:
    ChannelPrivacy.objects.all().delete()
    theirs, ours = {"whatsapp": (ANA, CLINIC), "messenger": (PSID, PAGE)}[channel]
    twilio.phone(ANA).send("Hola", channel=channel)
    arrive(prefixes.join(channel, theirs), prefixes.join(channel, ours))
    Delivery.objects.all().delete()
    written = answer(Leg.objects.get(channel=channel), agent, "Your result is negative")
    outbox.deliver(written.deliveries.get().pk)
    twilio.settle()
    [notice] = twilio.phone(ANA).received()
    assert "a message waits for you" in notice and "negative" not in notice
    assert written.deliveries.get().state == "accepted"


def test_what_is_written_on_the_secure_page_opens_no_window(whatsapp: HubAddress) -> None:
    old = timezone.now() - timedelta(hours=30)
    leg = receive(inbound(whatsapp, number=ANA, at=old)).entry.leg
    receive(inbound(whatsapp, number=ANA, is_secure=True))
    assert not window.is_open(leg, timezone.now())


def test_documents_by_secure_link_may_be_several(whatsapp: HubAddress, agent: User) -> None:
    ChannelPrivacy.objects.all().delete()
    leg = leg_of(by_whatsapp())
    files = [accept_bytes([b"Bring your card."], f"{name}.txt") for name in "ab"]
    assert answer(leg, agent, "Please read", files=files)


# --- STOP ---------------------------------------------------------------------------------------


def test_stop_on_whatsapp_stops_whatsapp_alone(
    twilio: SimulatedTwilio, whatsapp: HubAddress, department: Department, agent: User
) -> None:
    HubAddressFactory(value=CLINIC, department=department)
    arrive(ANA, CLINIC)
    text = Leg.objects.get(channel="sms")
    twilio.phone(ANA).send("STOP", channel="whatsapp")
    Delivery.objects.all().delete()
    conversation = by_whatsapp("STOP")
    point = ContactPoint.objects.get()
    assert consent.is_stopped(point.pk, "whatsapp") and not consent.is_stopped(point.pk, "sms")
    confirmation = Delivery.objects.get()
    assert (confirmation.channel, confirmation.confirms_stop) == ("whatsapp", True)
    outbox.deliver(confirmation.pk)
    twilio.settle()
    [told] = [m for m in twilio.messages() if m["direction"] == "outbound"]
    assert told["to"] == f"whatsapp:{ANA}" and told["status"] == "delivered"
    leg = conversation.legs.filter(channel="whatsapp").latest("id")
    Leg.objects.filter(pk=leg.pk).update(ended_at=None)
    with pytest.raises(errors.OptedOut):
        answer(leg, agent)
    assert answer(text, agent).delivery_state == "ready"


def test_a_template_is_stopped_too(whatsapp: HubAddress, agent: User) -> None:
    conversation = by_whatsapp()
    by_whatsapp("STOP")
    template = TemplateFactory()
    press = Press(template=template.uuid, leg_id=leg_of(conversation).pk, intent=uuid4())
    with pytest.raises(errors.OptedOut):
        send_template(conversation, press, by=agent)


def test_help_on_messenger_names_a_number_to_call(
    messenger: HubAddress, department: Department
) -> None:
    def told() -> str:
        arrive(f"messenger:{PSID}", f"messenger:{PAGE}", "HELP")
        return Entry.objects.filter(author_kind="automatic", body__isnull=False).latest("id").body

    assert "call Riverside Clinic. In an emergency call 911" in told()
    HubAddressFactory(value="+15550100900")
    assert "call +15550100900." in told()
    HubAddressFactory(value=CLINIC, channel=Channel.VOICE, department=department)
    HubAddressFactory(value="+15550100101", department=department)
    assert f"call {CLINIC}." in told()


# --- Routing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["whatsapp", "messenger"])
def test_they_are_routed_as_texts_are(department: Department, channel: str) -> None:
    rules = rules_of(department.pk)
    mine, text = rules.of(channel), rules.of("sms")
    assert (mine.offers, mine.capacity, mine.precedence) == (
        text.offers,
        text.capacity,
        text.precedence,
    )
    assert not mine.fills
