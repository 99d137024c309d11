"""WhatsApp and Messenger in the console, and the administrators' pages about them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from hub.conversations.actions.identity import identify_as
from hub.conversations.actions.receive import receive
from hub.conversations.models import (
    Channel,
    ChannelPrivacy,
    Conversation,
    Delivery,
    HubAddress,
    Leg,
    MessageTemplate,
    TemplateUse,
)
from hub.staff.models import User
from patients.models import ContactPoint
from tests.console.conftest import Desk
from tests.factories import HubAddressFactory, TemplateFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db
LogIn = Callable[[User], Client]
AT = "/staff/whatsapp/"
PSID = "6000015550100142"


@pytest.fixture
def whatsapp(desk: Desk) -> HubAddress:
    return HubAddressFactory(channel=Channel.WHATSAPP, department=desk.department)


def wrote(desk: Desk, address: HubAddress, ago: timedelta = timedelta(0)) -> Conversation:
    """The patient wrote by WhatsApp, so long ago."""
    at = timezone.now() - ago
    return receive(inbound(address, "Hola", number=desk.number, at=at)).conversation


def page(browser: Client, found: Conversation) -> str:
    return browser.get(f"/console/c/{found.uuid}/").content.decode()


def picker(browser: Client, found: Conversation) -> str:
    leg = found.legs.get(channel=Channel.WHATSAPP)
    return browser.get(f"/console/c/{found.uuid}/template?leg={leg.uuid}").content.decode()


def press(found: Conversation, template: MessageTemplate, **more: Any) -> dict[str, Any]:
    leg = found.legs.get(channel=Channel.WHATSAPP)
    return {"leg": leg.uuid, "template": template.uuid, "intent": uuid4(), **more}


# --- The console --------------------------------------------------------------------------------


def test_a_conversation_by_whatsapp_says_so(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    found = wrote(desk, whatsapp)
    shown = page(log_in(desk.agent), found)
    assert "by WhatsApp" in shown and 'data-channel="whatsapp"' in shown
    assert 'data-limit="1600" data-window="open"' in shown
    assert "WhatsApp" in shown.partition('class="head-sub"')[2][:1500]


def test_a_conversation_in_messenger_says_so(desk: Desk, log_in: LogIn) -> None:
    address = HubAddressFactory(channel=Channel.MESSENGER, value="1", department=desk.department)
    ChannelPrivacy.objects.create(
        department=desk.department, channel=Channel.MESSENGER, secure=False
    )
    system = ContactPoint.System.MESSENGER
    found = receive(inbound(address, number=PSID, contact_system=system)).conversation
    shown = page(log_in(desk.agent), found)
    assert "in Messenger" in shown and "They get this in Messenger" in shown
    assert PSID not in shown


def test_after_24_hours_the_composer_offers_templates_alone(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    found = wrote(desk, whatsapp, timedelta(hours=25))
    browser = log_in(desk.agent)
    assert 'data-window="closed"' in page(browser, found)
    leg = found.legs.get()
    said = {"body": "Are you there?", "leg": leg.uuid, "intent": uuid4()}
    refusal = browser.post(f"/console/c/{found.uuid}/send", said)
    assert (refusal.status_code, refusal.json()["code"]) == (409, "WindowClosed")
    assert "24 hours" in refusal.json()["error"]
    wrote(desk, whatsapp)
    assert 'data-window="open"' in browser.get(f"/console/c/{found.uuid}/routes").content.decode()
    assert browser.post(f"/console/c/{found.uuid}/send", said).status_code == 200


def test_the_picker_shows_what_the_patient_will_read(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    found = wrote(desk, whatsapp, timedelta(hours=25))
    TemplateFactory(
        name="Call us",
        preview="Hello {{1}}, {{2}} here. Call us by {{3}}, {{4}}.",
        variables=["first_name", "clinic_name", "date", "time"],
    )
    TemplateFactory(name="Switched off", is_on=False)
    TemplateFactory(name="Of Messenger", channel="messenger")
    browser = log_in(desk.agent)
    before = picker(browser, found)
    assert "Confirm first whom this conversation is about" in before
    assert "Switched off" not in before and "Of Messenger" not in before
    identify_as(found, desk.patient, by=desk.agent, confirmed_how="birth_date")
    shown = picker(browser, found)
    assert "Hello Ana, Riverside Clinic here. Call us by (date), (time)." in shown
    assert 'name="day"' in shown and 'name="clock"' in shown


def test_the_patients_language_comes_first(desk: Desk, whatsapp: HubAddress, log_in: LogIn) -> None:
    found = wrote(desk, whatsapp)
    desk.patient.language = "es"
    desk.patient.save(update_fields=["language"])
    identify_as(found, desk.patient, by=desk.agent)
    TemplateFactory(name="A in English")
    TemplateFactory(name="B in Spanish", language="es")
    shown = picker(log_in(desk.agent), found)
    assert shown.index("B in Spanish") < shown.index("A in English")


def test_without_a_template_the_picker_says_what_to_do(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    shown = picker(log_in(desk.agent), wrote(desk, whatsapp))
    assert "An administrator keeps them" in shown and 'type="submit"' not in shown


def test_a_template_is_sent_once_and_stands_in_the_timeline(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    found = wrote(desk, whatsapp, timedelta(hours=25))
    template = TemplateFactory(preview="Call us by {{1}} at {{2}}.", variables=["date", "time"])
    browser = log_in(desk.agent)
    said = press(found, template, day="2026-12-03", clock="14:30")
    path = f"/console/c/{found.uuid}/template"
    answer = browser.post(path, said).json()
    assert browser.post(path, said).json()["number"] == answer["number"]
    entry = found.entries.get(number=answer["number"])
    assert entry.body == "Call us by December 3, 2026 at 2:30 PM."
    assert any(entry.body in line["html"] for line in answer["entries"])
    assert Delivery.objects.filter(entry=entry).count() == TemplateUse.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"template": ""}, 400, "Choose a template"),
        ({"day": ""}, 409, "Fill in the date"),
        ({"template": str(uuid4()), "day": "2026-12-03"}, 409, "cannot be sent"),
        ({"leg": str(uuid4()), "day": "2026-12-03"}, 409, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_said(
    desk: Desk,
    whatsapp: HubAddress,
    log_in: LogIn,
    fields: dict[str, str],
    status: int,
    words: str,
) -> None:
    found = wrote(desk, whatsapp)
    said = press(found, TemplateFactory(preview="{{1}}", variables=["date"])) | fields
    refusal = log_in(desk.agent).post(f"/console/c/{found.uuid}/template", said)
    assert refusal.status_code == status and words in refusal.json()["error"]


def test_the_picker_of_somebody_elses_leg_is_not_there(
    desk: Desk, whatsapp: HubAddress, log_in: LogIn
) -> None:
    found = wrote(desk, whatsapp)
    other = Leg.objects.get(conversation=desk.receive(number="+15550100199"))
    browser = log_in(desk.agent)
    for leg in (other.uuid, "", "nothing"):
        assert browser.get(f"/console/c/{found.uuid}/template?leg={leg}").status_code == 409


def test_switched_off_it_cannot_be_chosen(desk: Desk, whatsapp: HubAddress, log_in: LogIn) -> None:
    found = wrote(desk, whatsapp)
    HubAddress.objects.filter(pk=whatsapp.pk).update(state=HubAddress.State.OFF)
    shown = page(log_in(desk.agent), found)
    assert "(switched off)" in shown and "There is no open way to the patient now" in shown


def test_whatsapp_stands_in_the_panel_only_where_we_are_there(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    browser = log_in(desk.agent)
    assert "channel=whatsapp" not in page(browser, found)
    address = HubAddressFactory(
        channel=Channel.WHATSAPP, department=desk.department, state=HubAddress.State.NEW
    )
    assert "channel=whatsapp" not in page(browser, found)
    HubAddress.objects.filter(pk=address.pk).update(state=HubAddress.State.ON)
    assert "channel=whatsapp" in page(browser, found)


# --- The administrators' pages ------------------------------------------------------------------


@pytest.fixture
def ada(client: Client) -> User:
    user = UserFactory(administrator=True, name="Ada Admin")
    client.force_login(user)
    return user


def template(**more: str) -> dict[str, str]:
    return {
        "name": "Call us",
        "channel": "whatsapp",
        "language": "en",
        "content_sid": "HX" + "a" * 32,
        "preview": "Hello {{1}}, call {{2}}.",
        "variable_1": "first_name",
        "variable_2": "clinic_name",
    } | more


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_others_are_refused(client: Client, desk: Desk, whatsapp: HubAddress, role: str) -> None:
    client.force_login(UserFactory(role=role, departments=[desk.department]))
    assert client.get(AT).status_code == 403
    assert client.post(f"{AT}{whatsapp.uuid}/switch/").status_code == 403
    assert client.post(f"{AT}templates/add/", template()).status_code == 403
    whatsapp.refresh_from_db()
    assert whatsapp.state == HubAddress.State.ON and not MessageTemplate.objects.exists()


def test_an_address_is_added_off_and_switched_on_and_off(
    client: Client, ada: User, desk: Desk
) -> None:
    new = {"channel": "whatsapp", "value": "(555) 010-0100", "department": desk.department.pk}
    shown = client.post(f"{AT}add/", new, follow=True).content.decode()
    assert "It is off until you switch it on" in shown and "Not switched on yet" in shown
    assert "/twilio/messaging/inbound#rc=3" in shown
    address = HubAddress.objects.get(channel="whatsapp")
    assert (address.value, address.label, address.state) == ("+15550100100", "Front desk", "new")
    switch = f"{AT}{address.uuid}/switch/"
    for fields, state in (({"on": "on"}, "on"), ({}, "off"), ({"on": "on"}, "on")):
        assert client.post(switch, fields).status_code == 302
        address.refresh_from_db()
        assert address.state == state
    again = client.post(f"{AT}add/", new).content.decode()
    assert "The hub has this address already" in again


def test_what_is_no_address_is_said(client: Client, ada: User, desk: Desk) -> None:
    for channel, value in (("whatsapp", "our page"), ("messenger", "our page")):
        fields = {"channel": channel, "value": value, "department": desk.department.pk}
        assert "not an address on this channel" in client.post(f"{AT}add/", fields).content.decode()
    assert not HubAddress.objects.filter(channel__in=["whatsapp", "messenger"]).exists()


def test_a_number_of_texts_is_not_switched_here(client: Client, ada: User, desk: Desk) -> None:
    assert client.post(f"{AT}{desk.address.uuid}/switch/").status_code == 404


def test_a_template_from_nothing_to_its_use(client: Client, ada: User) -> None:
    form = client.get(f"{AT}templates/add/").content.decode()
    assert "No health information" in form
    assert client.post(f"{AT}templates/add/", template()).status_code == 302
    made = MessageTemplate.objects.get()
    assert (made.variables, made.is_on) == (["first_name", "clinic_name"], False)
    assert client.post(f"{AT}templates/{made.uuid}/switch/", {"on": "on"}).status_code == 302
    change = f"{AT}templates/{made.uuid}/"
    assert "Hello {{1}}, call {{2}}." in client.get(change).content.decode()
    fields = template(preview="Call {{1}}.", variable_1="clinic_name", variable_2="")
    assert client.post(change, fields).status_code == 302
    made.refresh_from_db()
    assert (made.preview, made.variables, made.is_on) == ("Call {{1}}.", ["clinic_name"], True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"content_sid": "HX12"}, "HX and 32 digits"),
        ({"preview": "Hello"}, "must have the places"),
        ({"variable_2": "", "variable_3": "clinic_name"}, "without a gap"),
        ({"variable_1": "diagnosis"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_template_stands_in_its_form(
    client: Client, ada: User, fields: dict[str, str], words: str
) -> None:
    assert words in client.post(f"{AT}templates/add/", template(**fields)).content.decode()
    assert not MessageTemplate.objects.exists()
