"""Webhooks: their fields, signatures, retries, and where they may go."""

from collections import Counter

import pytest
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import Answer, StandInHub

ANA = "+15550100142"
STRANGE = "¿Qué tal? <b>&amp;</b> 100% +1 = \N{WAVING HAND SIGN} שלום\r\nnext\x00line"


def point(twilio: Client, url: str, **fields: str) -> None:
    """Let the clinic's number call this address."""
    (number,) = twilio.incoming_phone_numbers.list(phone_number=CLINIC)
    number.update(sms_url=url, **fields)


def test_inbound_text_has_exactly_twilios_fields(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    sid = simulator.phone(ANA).send(STRANGE)
    simulator.settle()
    (seen,) = hub.seen
    assert seen.path == "/twilio/messaging/inbound"
    assert seen.fields == {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": twilio.username,
        "From": ANA,
        "To": CLINIC,
        "Body": STRANGE,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "FromCity": "",
        "FromState": "",
        "FromZip": "",
        "FromCountry": "US",
        "ToCity": "",
        "ToState": "",
        "ToZip": "",
        "ToCountry": "US",
    }


def test_webhook_is_signed_as_the_sdk_checks_it(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    simulator.phone(ANA).send(STRANGE)
    simulator.settle()
    (seen,) = hub.seen
    assert seen.signed
    assert seen.headers["User-Agent"] == "TwilioProxy/1.1"
    assert seen.headers["Content-Type"].startswith("application/x-www-form-urlencoded")


def test_inbound_pictures_are_named_by_twilios_own_address(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    pictures = [("image/png", b"one"), ("image/jpeg", b"two")]
    sid = simulator.phone(ANA).send("", media=pictures)
    simulator.settle()
    (seen,) = hub.seen
    assert sid.startswith("MM")
    assert seen.fields["NumMedia"] == "2"
    assert seen.fields["Body"] == ""
    assert [seen.fields[f"MediaContentType{i}"] for i in range(2)] == ["image/png", "image/jpeg"]
    start = f"https://api.twilio.com/2010-04-01/Accounts/{twilio.username}/Messages/{sid}/Media/ME"
    assert seen.fields["MediaUrl0"].startswith(start)
    assert seen.fields["MediaUrl1"] != seen.fields["MediaUrl0"]


def test_status_callbacks_come_in_order_and_say_when(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    sent = twilio.messages.create(
        to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status"
    )
    simulator.settle()
    assert hub.statuses() == ["sent", "delivered"]
    assert all(s.signed for s in hub.seen)
    first, last = (s.fields for s in hub.seen)
    assert first == {
        "MessageSid": sent.sid,
        "SmsSid": sent.sid,
        "MessageStatus": "sent",
        "SmsStatus": "sent",
        "AccountSid": twilio.username,
        "From": CLINIC,
        "To": ANA,
        "ApiVersion": "2010-04-01",
    }
    assert last["RawDlrDoneDate"].isdecimal()
    assert len(last["RawDlrDoneDate"]) == 10


def test_slow_hub_gets_the_callbacks_of_a_message_one_after_the_other(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.chaos(sent_delay=0, dlr_delay=0)
    hub.answer = lambda seen: Answer(after=0.3 if seen.fields["MessageStatus"] == "sent" else 0)
    for _ in range(5):
        twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/s")
    simulator.settle()
    for sid in {s.fields["MessageSid"] for s in hub.seen}:
        mine = [s.fields["MessageStatus"] for s in hub.seen if s.fields["MessageSid"] == sid]
        assert mine == ["sent", "delivered"]


def test_no_callback_without_being_asked(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    simulator.settle()
    assert hub.seen == []


def test_retry_carries_the_same_token_and_stops_at_success(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(500 if len(hub.seen) < 3 else 204)
    simulator.phone(ANA).send("hi")
    simulator.settle()
    tokens = [s.headers["I-Twilio-Idempotency-Token"] for s in hub.seen]
    assert len(tokens) == 3
    assert len(set(tokens)) == 1
    assert [w["status"] for w in simulator.webhooks()] == [500, 500, 204]


def test_different_events_have_different_tokens(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    simulator.phone(ANA).send("one")
    simulator.phone(ANA).send("two")
    simulator.settle()
    assert len({s.headers["I-Twilio-Idempotency-Token"] for s in hub.seen}) == 2


@pytest.mark.parametrize(
    ("fragment", "status", "tries"),
    [
        ("", 500, 1),
        ("#rc=2", 500, 1),
        ("#rc=2&rp=5xx", 500, 3),
        ("#rc=2&rp=5xx", 404, 1),
        ("#rc=2&rp=4xx", 404, 3),
        ("#rc=2&rp=all", 404, 3),
        ("#rc=0&rp=all", 500, 1),
        ("#rc=5&rp=all", 503, 6),
        ("#rc=99&rp=all", 503, 2),
        ("#rc=2&rp=nonsense", 500, 1),
    ],
)
def test_overrides_in_the_fragment_decide_on_retries(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    fragment: str,
    status: int,
    tries: int,
) -> None:
    hub.answer = lambda seen: Answer(status)
    point(twilio, f"{hub.url}/in{fragment}")
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert len(hub.seen) == tries
    assert all(s.signed and s.path == "/in" for s in hub.seen)


def test_slow_answer_is_retried_only_if_asked(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(after=0.4)
    point(twilio, f"{hub.url}/in#rt=100&rc=1&rp=rt")
    simulator.phone(ANA).send("one")
    simulator.settle()
    point(twilio, f"{hub.url}/in#rt=100&rc=1&rp=ct")
    simulator.phone(ANA).send("two")
    simulator.settle()
    assert Counter(hub.bodies()) == {"one": 2, "two": 1}
    assert {w["outcome"] for w in simulator.webhooks()} == {"no answer in time"}


def test_hub_that_is_down_is_tried_again(simulator: SimulatedTwilio) -> None:
    simulator.phone(ANA).send("anybody there?")
    simulator.settle()
    attempts = simulator.webhooks("inbound")
    assert [a["try_number"] for a in attempts] == [1, 2, 3, 4]
    assert {a["outcome"] for a in attempts} == {"no connection"}
    (message,) = simulator.phone(ANA).messages()
    assert message["handover"] == "lost"


def test_fallback_is_told_what_failed(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(500 if seen.path == "/in" else 204)
    point(twilio, f"{hub.url}/in", sms_fallback_url=f"{hub.url}/spare")
    simulator.phone(ANA).send("hi")
    simulator.settle()
    main, spare = hub.seen
    assert spare.path == "/spare"
    assert spare.signed
    assert spare.fields["ErrorCode"] == "11200"
    assert spare.fields["ErrorUrl"] == f"{hub.url}/in"
    assert main.fields.items() <= spare.fields.items()
    assert simulator.phone(ANA).messages()[0]["handover"] == "taken"


def test_nothing_is_ever_sent_but_to_the_hub(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    with StandInHub() as stranger:
        twilio.messages.create(
            to=ANA, from_=CLINIC, body="hi", status_callback=f"{stranger.url}/status"
        )
        point(twilio, f"{stranger.url}/in")
        simulator.phone(ANA).send("hi")
        simulator.settle()
        assert stranger.seen == []
    assert {w["outcome"] for w in simulator.webhooks()} == {"not sent: not the hub's address"}
    assert hub.seen == []


def test_twiml_answer_is_texted_back(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    twiml = (
        '<?xml version="1.0"?><Response><Message statusCallback="/status">One &amp; all</Message>'
        "<Message><Body>Two</Body></Message></Response>"
    )
    hub.answer = lambda seen: Answer(200, twiml.encode()) if seen.path != "/status" else Answer()
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert simulator.phone(ANA).received() == ["One & all", "Two"]
    assert hub.statuses() == ["sent", "delivered"]
    assert {m.direction for m in twilio.messages.list(to=ANA)} == {"outbound-reply"}


def test_plain_text_answer_is_texted_back_too(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    hub.answer = lambda seen: Answer(200, b"OK", "text/plain; charset=utf-8")
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert simulator.phone(ANA).received() == ["OK"]


def test_redirect_asks_the_next_document(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    answers = {
        "/twilio/messaging/inbound": b"<Response><Redirect>../next</Redirect></Response>",
        "/twilio/next": b"<Response><Message>there</Message></Response>",
    }
    hub.answer = lambda seen: Answer(200, answers[seen.path])
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert simulator.phone(ANA).received() == ["there"]


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"<Response><Message>", "text/xml", "12100"),
        (b"<Reply/>", "text/xml", "12100"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><Response>&a;</Response>", "text/xml", "12100"),
        (b"<Response><Dial>+1</Dial></Response>", "text/xml", "12200"),
        (b"{}", "application/json", "12300"),
    ],
)
def test_answer_that_is_no_twiml_is_reported_and_sends_nothing(
    simulator: SimulatedTwilio, hub: StandInHub, body: bytes, content_type: str, code: str
) -> None:
    hub.answer = lambda seen: Answer(200, body, content_type)
    simulator.phone(ANA).send("hi")
    simulator.settle()
    (warning,) = simulator.webhooks("warning")
    assert warning["outcome"].startswith(f"error {code}")
    assert simulator.phone(ANA).received() == []
