"""Twilio's webhooks: what is unsigned, altered or malformed leaves nothing; replays do nothing."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from twilio.request_validator import RequestValidator

from channels_app import inbox
from channels_app.models import Receipt
from hub.conversations.models import Attachment, Conversation, Delivery, Entry
from tests.factories import HubAddressFactory

pytestmark = pytest.mark.django_db
_FORM = "application/x-www-form-urlencoded"
INBOUND, STATUS = "/twilio/messaging/inbound", "/twilio/messaging/status"


@pytest.fixture(autouse=True)
def address():
    """The clinic's number."""
    return HubAddressFactory(value="+15550100100")


def fields(settings, **more: Any) -> dict[str, Any]:
    """What Twilio sends with a text."""
    return {
        "MessageSid": f"SM{1:032x}",
        "AccountSid": settings.TWILIO_ACCOUNT_SID,
        "From": "+15550100142",
        "To": "+15550100100",
        "Body": "Hello",
        "NumMedia": "0",
        "CallerName": "",
    } | more


def post(settings, path: str, data: dict[str, Any], *, token: str = "", signature: str = ""):
    """Post as Twilio does, signed unless told otherwise."""
    signature = signature or RequestValidator(
        token or settings.TWILIO_AUTH_TOKEN
    ).compute_signature(settings.PUBLIC_URL + path, data)
    return Client().post(
        path, _encode(data), content_type=_FORM, headers={"X-Twilio-Signature": signature}
    )


def _encode(data: dict[str, Any]) -> str:
    return urlencode(data, doseq=True)


def test_a_signed_text_is_stored_and_answered(settings) -> None:
    response = post(settings, INBOUND, fields(settings))
    assert response.status_code == 200 and b"<Response/>" in response.content
    assert Entry.objects.get(author_kind="patient").body == "Hello"
    assert Receipt.objects.get().state == "done"


@pytest.mark.parametrize("path", [INBOUND, STATUS])
def test_forged_requests_leave_nothing(settings, path: str) -> None:
    data = fields(settings)
    good = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
        settings.PUBLIC_URL + path, data
    )
    forged = [
        Client().post(path, _encode(data), content_type=_FORM),
        post(settings, path, data, token="somebody-elses-token"),
        post(settings, path, data | {"Body": "altered"}, signature=good),
        post(settings, path, {k: v for k, v in data.items() if k != "CallerName"}, signature=good),
        post(settings, path + "?d=1", data, signature=good),
        post(settings, path, data | {"AccountSid": "AC" + "9" * 32}),
    ]
    assert [response.status_code for response in forged] == [403] * len(forged)
    assert not Receipt.objects.exists() and not Conversation.objects.exists()


def test_malformed_requests_leave_nothing(settings) -> None:
    data = fields(settings)
    bad = [
        post(settings, INBOUND, data | {"MessageSid": "nonsense"}),
        post(settings, INBOUND, data | {"From": ""}),
        post(settings, STATUS + "?d=not-a-uuid", data),
        Client().post(INBOUND, {"a": 1}, content_type="application/json"),
    ]
    assert [response.status_code for response in bad] == [400] * 4
    assert Client().get(INBOUND).status_code == 405
    assert not Receipt.objects.exists()


def test_the_host_header_is_not_believed(settings) -> None:
    data = fields(settings)
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
        "http://127.0.0.1" + INBOUND, data
    )
    response = Client().post(
        INBOUND,
        _encode(data),
        content_type=_FORM,
        headers={"X-Twilio-Signature": signature, "Host": "127.0.0.1"},
    )
    assert response.status_code == 403


def test_a_replay_has_no_second_effect_and_the_same_answer(settings) -> None:
    answers = [post(settings, INBOUND, fields(settings)) for _ in range(3)]
    assert {(a.status_code, a.content) for a in answers} == {(200, answers[0].content)}
    assert Entry.objects.filter(author_kind="patient").count() == 1
    assert Receipt.objects.count() == 1


def test_the_previous_token_is_valid_while_it_is_exchanged(settings) -> None:
    settings.TWILIO_AUTH_TOKEN_PREVIOUS = "the-token-before"
    response = post(settings, INBOUND, fields(settings), token="the-token-before")
    assert response.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        "x" * 1600,
        "null \x00 byte",
        "مرحبا، هل يمكنني الحصول على موعد؟",
        "👩🏽‍⚕️💊 ok \u202eabc",
        "預約可以改到下星期二嗎？",
        "<script>alert(1)</script> & ' \"",
        "line\r\nline\ttab",
        "",
    ],
)
def test_words_survive_as_they_were_sent(settings, body: str) -> None:
    assert post(settings, INBOUND, fields(settings, Body=body)).status_code == 200
    assert Entry.objects.get(author_kind="patient").body == body


def test_a_body_that_is_not_utf8_is_refused_or_kept(settings) -> None:
    response = Client().post(
        INBOUND, b"Body=%FF%FE&From=1", content_type=_FORM, headers={"X-Twilio-Signature": "x"}
    )
    assert response.status_code == 403


def test_ten_files_wait_to_be_fetched(settings) -> None:
    media = {f"MediaUrl{i}": f"https://api.twilio.com/2010-04-01/M/ME{i:032x}" for i in range(10)}
    types = {f"MediaContentType{i}": "image/jpeg" for i in range(10)}
    post(settings, INBOUND, fields(settings, NumMedia="10", **media, **types))
    assert Attachment.objects.filter(state="pending").count() == 10
    assert Delivery.objects.filter(kind="fetch", state="ready").count() == 10


def test_what_cannot_be_worked_on_is_kept_and_becomes_an_alarm(settings, caplog) -> None:
    """Invariant 1: answered 2xx, so it must not vanish, whatever is wrong with it."""
    data = fields(settings, To="+15550109999")
    assert post(settings, INBOUND, data).status_code == 200
    receipt = Receipt.objects.get()
    assert (receipt.state, receipt.failures) == ("received", 1)
    for _ in range(inbox.STUCK_AFTER):
        Receipt.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
        inbox.sweep()
    receipt.refresh_from_db()
    assert receipt.state == "stuck"
    assert receipt.payload["Body"] == "Hello", "a person can still read it"
    assert "receipt_stuck" in caplog.text
    HubAddressFactory(value="+15550109999")
    Receipt.objects.update(state="received")
    assert inbox.sweep() == 1
    assert Entry.objects.get(author_kind="patient").body == "Hello"
