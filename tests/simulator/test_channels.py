"""WhatsApp and Messenger at the simulated Twilio: prefixes, the 24 hours, and templates."""

from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, SimulatedTwilio
from channels_app.simulator.settings import PAGE
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import Answer, StandInHub
from tests.simulator.test_phone_page import ANA, OpenPage, open_page, phone

__all__ = ["open_page"]

DAY = 24 * 60 * 60
PSID = "6000015550100142"


def send(twilio: Client, **fields: object) -> str:
    """Send to Ana by WhatsApp; returns the SID."""
    known = {"to": f"whatsapp:{ANA}", "from_": f"whatsapp:{CLINIC}"}
    message = twilio.messages.create(**(known | fields))
    assert message.status == "queued"
    return str(message.sid)


def outcome(twilio: Client, sid: str) -> tuple[str, int | None]:
    """What became of a message."""
    message = twilio.messages(sid).fetch()
    return message.status, message.error_code


def test_whatsapp_comes_in_as_twilio_sends_it(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.phone(ANA).send("Hola", channel="whatsapp")
    simulator.settle()
    fields = hub.seen[-1].fields
    assert (fields["From"], fields["To"]) == (f"whatsapp:{ANA}", f"whatsapp:{CLINIC}")
    assert (fields["WaId"], fields["ProfileName"]) == ("15550100142", "Ana")
    assert (fields["Body"], fields["MessageType"]) == ("Hola", "text")
    assert "FromCountry" not in fields


def test_messenger_comes_in_with_ids_and_goes_back(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.phone(ANA).send("Hi", channel="messenger")
    simulator.settle()
    fields = hub.seen[-1].fields
    assert (fields["From"], fields["To"]) == (f"messenger:{PSID}", f"messenger:{PAGE}")
    sid = send(twilio, to=fields["From"], from_=fields["To"], body="Hello Ana")
    simulator.settle()
    assert outcome(twilio, sid) == ("delivered", None)
    assert simulator.phone(ANA).received() == ["Hello Ana"]


def test_status_callbacks_carry_the_prefix(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.phone(ANA).send("Hola", channel="whatsapp")
    send(twilio, body="Hi", status_callback=f"{hub.url}/status")
    simulator.settle()
    assert hub.statuses() == ["sent", "delivered"]
    fields = hub.seen[-1].fields
    assert (fields["From"], fields["To"]) == (f"whatsapp:{CLINIC}", f"whatsapp:{ANA}")
    assert (fields["ChannelPrefix"], fields["ChannelToAddress"]) == ("whatsapp", f"whatsapp:{ANA}")


def test_free_words_go_for_24_hours_after_the_patients(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.step_time()
    simulator.phone(ANA).send("Hola", channel="whatsapp")
    simulator.advance(DAY - 60)
    inside = send(twilio, body="Just in time")
    simulator.advance(61)
    outside = send(twilio, body="Too late")
    simulator.advance(60)
    assert outcome(twilio, inside) == ("delivered", None)
    assert outcome(twilio, outside) == ("failed", 63016)
    assert simulator.phone(ANA).received() == ["Just in time"]
    simulator.phone(ANA).send("Still there?", channel="whatsapp")
    assert outcome(twilio, send(twilio, body="Yes")) == ("queued", None)
    simulator.advance(60)
    assert simulator.phone(ANA).received() == ["Just in time", "Yes"]


def test_a_text_opens_no_window_on_whatsapp(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.phone(ANA).send("Hi")
    sid = send(twilio, body="Hello")
    simulator.settle()
    assert outcome(twilio, sid) == ("failed", 63016)


def test_a_template_goes_at_any_time(simulator: SimulatedTwilio, twilio: Client) -> None:
    content = simulator.content("Hello {{1}}, {{2}} here.")
    sid = send(twilio, content_sid=content, content_variables='{"1":"Ana","2":"Riverside"}')
    simulator.settle()
    assert outcome(twilio, sid) == ("delivered", None)
    assert twilio.messages(sid).fetch().body == "Hello Ana, Riverside here."
    assert simulator.phone(ANA).received() == ["Hello Ana, Riverside here."]


@pytest.mark.parametrize("variables", ["{}", '{"1":"Ana"}', '{"1":"a","2":"b","3":"c"}'])
def test_a_template_whose_variables_do_not_fit_fails_later(
    simulator: SimulatedTwilio, twilio: Client, variables: str
) -> None:
    content = simulator.content("Hello {{1}}, {{2}} here.")
    sid = send(twilio, content_sid=content, content_variables=variables)
    simulator.settle()
    assert outcome(twilio, sid) == ("failed", 63028)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content_sid": "HX" + "0" * 32}, 21655),
        ({"content_sid": "nothing"}, 20001),  # Twilio's own document refuses it
        ({"body": "Hi", "content_variables": "{}"}, 21656),
        ({"body": "Hi", "from_": CLINIC}, 21910),
        ({"body": "Hi", "to": ANA}, 21910),
        ({"body": "Hi", "from_": "whatsapp:+15550100999"}, 63007),
        ({"body": "Hi", "from_": "messenger:1", "to": f"messenger:{PSID}"}, 63007),
        ({"body": "Hi", "to": "whatsapp:nobody"}, 21211),
        ({"body": "Hi", "to": f"whatsapp:{CLINIC}"}, 21266),
        ({"body": "x" * 1601}, 21617),
        ({"media_url": ["http://127.0.0.1/1.png", "http://127.0.0.1/2.png"]}, 21623),
    ],
)
def test_refused_at_once(twilio: Client, fields: dict[str, object], code: int) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        send(twilio, **fields)
    assert (refusal.value.code, refusal.value.status) == (code, 400)
    assert twilio.messages.list() == []


@pytest.mark.parametrize("variables", ["nothing", "[]", '{"1": 2}'])
def test_variables_are_an_object_of_texts(
    simulator: SimulatedTwilio, twilio: Client, variables: str
) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        send(twilio, content_sid=simulator.content("{{1}}"), content_variables=variables)
    assert refusal.value.code == 21656


def test_words_beside_a_template_are_refused(simulator: SimulatedTwilio, twilio: Client) -> None:
    with pytest.raises(TwilioRestException) as refusal:
        send(twilio, content_sid=simulator.content("Hello"), body="more")
    assert refusal.value.code == 20001


def test_a_number_that_is_not_there_fails_with_a_code_of_its_own(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.phone("+15550100005").send("Hi", channel="whatsapp")
    sid = send(twilio, to="whatsapp:+15550100005", body="Hello")
    simulator.settle()
    assert outcome(twilio, sid) == ("undelivered", 63024)


def test_stop_is_the_hubs_on_whatsapp(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    simulator.opt_out("advanced")
    simulator.phone(ANA).send("STOP", channel="whatsapp")
    simulator.settle()
    assert "OptOutType" not in hub.seen[-1].fields
    assert simulator.phone(ANA).received() == []
    assert twilio.messages.create(to=ANA, from_=CLINIC, body="A text still goes").sid


def test_an_answer_by_twiml_goes_back_on_the_same_channel(
    simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    hub.answer = lambda seen: Answer(200, b"<Response><Message>Thanks</Message></Response>")
    simulator.phone(ANA).send("Hola", channel="whatsapp")
    simulator.settle()
    [reply] = [m for m in simulator.messages() if m["direction"] == "outbound"]
    assert (reply["from"], reply["to"]) == (f"whatsapp:{CLINIC}", f"whatsapp:{ANA}")


def test_there_are_three_channels(simulator: SimulatedTwilio) -> None:
    with pytest.raises(ControlRefused, match="sms, whatsapp, messenger"):
        simulator.phone(ANA).send("Hi", channel="fax")
    with pytest.raises(ControlRefused, match="404"):
        simulator.phone(ANA).send("Hi", channel="messenger", to="1")


async def test_the_page_switches_a_phone_to_whatsapp(
    open_page: OpenPage, simulator: SimulatedTwilio, hub: StandInHub, twilio: Client
) -> None:
    page = await open_page()
    ana = phone(page)
    await ana.get_by_label("By").select_option("whatsapp")
    await ana.get_by_label("Text message").fill("Hola")
    await page.keyboard.press("Enter")
    await expect(ana.locator(".line.mine .fate")).to_contain_text("WhatsApp · Delivered")
    assert hub.seen[-1].fields["From"] == f"whatsapp:{ANA}"
    assert urlsplit(hub.seen[-1].path).path == "/twilio/messaging/inbound"
    send(twilio, body="Buenos días")
    await expect(ana.locator(".line:not(.mine)")).to_contain_text("Buenos días")
    await expect(ana.locator(".line:not(.mine) .fate")).to_contain_text("WhatsApp")
