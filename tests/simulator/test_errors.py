"""Refusals: magic numbers, rules of the API, and what Twilio's document does not allow."""

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import StandInHub

ANA = "+15550100142"


def refusal(twilio: Client, **fields: object) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as caught:
        twilio.messages.create(**({"to": ANA, "from_": CLINIC, "body": "hi"} | fields))
    return caught.value


@pytest.mark.parametrize(
    ("fields", "code", "status"),
    [
        ({"to": "+15005550001"}, 21211, 400),
        ({"to": "+15005550002"}, 21612, 400),
        ({"to": "+15005550003"}, 21408, 400),
        ({"to": "+15005550004"}, 21610, 400),
        ({"to": "+15005550009"}, 21614, 400),
        ({"to": "+15550100429"}, 20429, 429),
        ({"to": "banana"}, 21211, 400),
        ({"to": ""}, 21604, 400),
        ({"to": CLINIC}, 21266, 400),
        ({"from_": "+15005550001"}, 21212, 400),
        ({"from_": "+15005550007"}, 21606, 400),
        ({"from_": "+15005550008"}, 21611, 400),
        ({"from_": "+15550100999"}, 21659, 400),
        ({"from_": ""}, 21603, 400),
        ({"body": ""}, 21602, 400),
        ({"body": "x" * 1601}, 21617, 400),
        ({"media_url": ["not an address"]}, 21620, 400),
        ({"media_url": ["http://127.0.0.1/x.png"] * 11}, 21623, 400),
        ({"status_callback": "ftp://127.0.0.1/x"}, 21609, 400),
        ({"from_": "", "messaging_service_sid": "MG" + "0" * 32}, 21701, 404),
        ({"schedule_type": "fixed", "send_at": "2030-01-01T00:00:00Z"}, 35118, 400),
    ],
)
def test_refusal_has_twilios_code_and_shape(
    twilio: Client, fields: dict[str, object], code: int, status: int
) -> None:
    error = refusal(twilio, **fields)
    assert (error.code, error.status) == (code, status)
    assert twilio.messages.list() == []


@pytest.mark.parametrize(
    ("send_at", "code"),
    [("2020-01-01T00:00:00Z", 35114), ("2090-01-01T00:00:00Z", 35114), ("tomorrow", 20001)],
)
def test_schedule_outside_the_window_is_refused(twilio: Client, send_at: str, code: int) -> None:
    error = refusal(
        twilio,
        from_="",
        messaging_service_sid="MG" + "5" * 32,
        schedule_type="fixed",
        send_at=send_at,
    )
    assert error.code == code


def test_error_body_is_twilios(simulator: SimulatedTwilio, twilio: Client) -> None:
    answer = httpx.post(
        f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json",
        auth=twilio.auth,
        data={"To": "+15005550004", "From": CLINIC, "Body": "hi"},
    )
    assert answer.json() == {
        "code": 21610,
        "message": "Attempt to send to unsubscribed recipient",
        "more_info": "https://www.twilio.com/docs/errors/21610",
        "status": 400,
    }


def test_rate_limited_number_says_when_to_come_again(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    answer = httpx.post(
        f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json",
        auth=twilio.auth,
        data={"To": "+15550100429", "From": CLINIC, "Body": "hi"},
    )
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("ending", "code"),
    [("0003", 30003), ("0005", 30005), ("0006", 30006), ("0007", 30007), ("0008", 30008)],
)
def test_magic_ending_is_accepted_and_reported_undelivered(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, ending: str, code: int
) -> None:
    to = f"+1555010{ending}"
    sent = twilio.messages.create(
        to=to, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status"
    )
    simulator.settle()
    assert hub.statuses() == ["sent", "undelivered"]
    assert hub.seen[-1].fields["ErrorCode"] == str(code)
    assert twilio.messages(sent.sid).fetch().error_code == code
    assert simulator.phone(to).received() == []


def test_wrong_credentials_are_refused(simulator: SimulatedTwilio, twilio: Client) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json"
    for auth in (None, (twilio.username, "wrong"), ("AC" + "9" * 32, twilio.password)):
        answer = httpx.get(url, auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    garbled = httpx.get(url, headers={"Authorization": "Basic ¤¤".encode()})
    assert garbled.status_code == 401


def test_another_account_is_not_found(simulator: SimulatedTwilio, twilio: Client) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/AC{'9' * 32}/Messages.json"
    assert httpx.get(url, auth=twilio.auth).json()["code"] == 20404


@pytest.mark.parametrize("path", ["Keys.json", "Messages/SM12.json", "Nothing", "Messages.xml"])
def test_what_does_not_exist_is_not_found(
    simulator: SimulatedTwilio, twilio: Client, path: str
) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/{path}"
    answer = httpx.get(url, auth=twilio.auth)
    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_method_that_a_resource_does_not_take(simulator: SimulatedTwilio, twilio: Client) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json"
    answer = httpx.delete(url, auth=twilio.auth)
    assert (answer.status_code, answer.json()["code"]) == (405, 20004)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"Boddy": "a typing mistake"}, "Boddy"),
        ({"ContentRetention": "forever"}, "ContentRetention"),
        ({"ValidityPeriod": "soon"}, "ValidityPeriod"),
        ({"SmartEncoded": "maybe"}, "SmartEncoded"),
        ({"MessagingServiceSid": "MG12"}, "MessagingServiceSid"),
        ({"Body": ["one", "two"]}, "Body"),
    ],
)
def test_document_refuses_what_it_does_not_know(
    simulator: SimulatedTwilio, twilio: Client, fields: dict[str, object], named: str
) -> None:
    answer = httpx.post(
        f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json",
        auth=twilio.auth,
        data={"To": ANA, "From": CLINIC, "Body": "hi"} | fields,
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == 20001
    assert named in answer.json()["message"]


def test_parameter_that_the_sdk_knows_before_the_document(twilio: Client) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="hi", message_intent="notifications")
    assert sent.status == "queued"


def test_unknown_query_parameter_is_refused(simulator: SimulatedTwilio, twilio: Client) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json"
    answer = httpx.get(url, auth=twilio.auth, params={"Tto": ANA})
    assert answer.json()["code"] == 20001


def test_only_a_form_in_utf8_is_read(simulator: SimulatedTwilio, twilio: Client) -> None:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Messages.json"
    as_json = httpx.post(url, auth=twilio.auth, json={"To": ANA})
    assert as_json.status_code == 415
    latin = httpx.post(
        url,
        auth=twilio.auth,
        content=b"Body=caf\xe9",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (latin.status_code, latin.json()["code"]) == (400, 20001)
