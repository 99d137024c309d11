"""The Messages resource, through the real SDK. Each answer is held against Twilio's own OpenAPI
document by the simulator itself, which these tests run with the check required."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import Answer, Seen, StandInHub

ANA = "+15550100142"
SERVICE = "MG" + "5" * 32
PICTURE = b"\x89PNG\r\n\x1a\n not really"


def at_simulator(simulator: SimulatedTwilio, redirect: httpx.Response) -> str:
    """Where a redirect leads, with the simulator's host before Twilio's path."""
    location = urlsplit(redirect.headers["Location"])
    assert (location.scheme, location.hostname) == ("https", "mms.twiliocdn.com")
    return simulator.url + location.path


def test_message_is_created_and_reaches_the_phone(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="Buenos días ☀ — Ana")
    assert sent.sid.startswith("SM")
    assert sent.status == "queued"
    assert sent.direction == "outbound-api"
    assert sent.num_segments == "1"
    assert sent.date_sent is None
    simulator.settle()
    fetched = twilio.messages(sent.sid).fetch()
    assert fetched.status == "delivered"
    assert fetched.date_sent.tzinfo is not None
    assert simulator.phone(ANA).received() == ["Buenos días ☀ — Ana"]


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("a" * 160, "1"),
        ("a" * 161, "2"),
        ("{" * 80, "1"),
        ("{" * 81, "2"),
        ("ñ" * 160, "1"),
        ("¿" * 306, "2"),
        ("é" * 307, "3"),
        ("ó" * 70, "1"),
        ("ó" * 71, "2"),
        ("😀" * 35, "1"),
        ("😀" * 36, "2"),
        ("😀" * 67, "3"),
    ],
)
def test_segments_are_counted_as_the_network_counts_them(
    twilio: Client, body: str, segments: str
) -> None:
    assert twilio.messages.create(to=ANA, from_=CLINIC, body=body).num_segments == segments


def test_list_filters_by_both_ends_and_date(simulator: SimulatedTwilio, twilio: Client) -> None:
    ours = twilio.messages.create(to=ANA, from_=CLINIC, body="one")
    twilio.messages.create(to="+15550100150", from_=CLINIC, body="two")
    simulator.phone(ANA).send("three")
    simulator.settle()
    an_hour = timedelta(hours=1)
    now = datetime.now(UTC)
    found = twilio.messages.list(to=ANA, from_=CLINIC, date_sent_after=now - an_hour)
    assert [m.sid for m in found] == [ours.sid]
    assert twilio.messages.list(to=ANA, date_sent_after=now + an_hour) == []
    assert twilio.messages.list(to=ANA, date_sent_before=now - an_hour) == []
    assert [m.body for m in twilio.messages.list(from_=ANA)] == ["three"]
    assert len(twilio.messages.list(date_sent=now.date())) == 3


def test_a_message_not_sent_yet_fits_no_date_filter(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    simulator.step_time()
    twilio.messages.create(to=ANA, from_=CLINIC, body="still queued")
    assert len(twilio.messages.list(to=ANA)) == 1
    assert twilio.messages.list(to=ANA, date_sent_after=datetime(2020, 1, 1, tzinfo=UTC)) == []


def test_list_pages_through_everything_once(simulator: SimulatedTwilio, twilio: Client) -> None:
    sids = [simulator.phone(ANA).send(f"text {index}") for index in range(7)]
    listed = [m.sid for m in twilio.messages.list(page_size=3)]
    assert listed == sids[::-1]
    assert len(twilio.messages.list(limit=4, page_size=3)) == 4


def test_redacting_empties_the_record_and_not_the_phone(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="your appointment is at nine")
    simulator.settle()
    assert twilio.messages(sent.sid).update(body="").body == ""
    assert twilio.messages(sent.sid).fetch().body == ""
    assert simulator.phone(ANA).received() == ["your appointment is at nine"]


def test_discarded_content_is_gone_from_the_record_once_sent(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="private", content_retention="discard")
    simulator.settle()
    assert twilio.messages(sent.sid).fetch().body == ""


def test_message_on_its_way_is_neither_redacted_nor_deleted(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    simulator.step_time()
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    with pytest.raises(TwilioRestException) as redacting:
        twilio.messages(sent.sid).update(body="")
    with pytest.raises(TwilioRestException) as deleting:
        twilio.messages(sent.sid).delete()
    assert (redacting.value.status, redacting.value.code) == (409, 20009)
    assert (deleting.value.status, deleting.value.code) == (409, 20009)


def test_deleted_message_is_gone(simulator: SimulatedTwilio, twilio: Client) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    simulator.settle()
    assert twilio.messages(sent.sid).delete() is True
    with pytest.raises(TwilioRestException) as gone:
        twilio.messages(sent.sid).fetch()
    assert (gone.value.status, gone.value.code) == (404, 20404)
    assert twilio.messages.list() == []


def test_scheduled_message_goes_at_its_time(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.step_time()
    sent = twilio.messages.create(
        to=ANA,
        messaging_service_sid=SERVICE,
        body="see you tomorrow",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(minutes=30),
    )
    assert sent.status == "scheduled"
    simulator.advance(29 * 60)
    assert twilio.messages(sent.sid).fetch().status == "scheduled"
    simulator.advance(2 * 60)
    assert twilio.messages(sent.sid).fetch().status == "delivered"


def test_scheduled_message_is_cancelled(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.step_time()
    sent = twilio.messages.create(
        to=ANA,
        messaging_service_sid=SERVICE,
        body="see you tomorrow",
        schedule_type="fixed",
        send_at=datetime.now(UTC) + timedelta(minutes=30),
        status_callback=f"{hub.url}/status",
    )
    assert twilio.messages(sent.sid).update(status="canceled").status == "canceled"
    simulator.advance(3600)
    assert simulator.phone(ANA).received() == []
    assert hub.statuses() == ["canceled"]


def test_only_a_scheduled_message_can_be_cancelled(twilio: Client) -> None:
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages(sent.sid).update(status="canceled")
    assert refused.value.code == 30409


def test_messaging_service_picks_the_sender(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    sent = twilio.messages.create(
        to=ANA, messaging_service_sid=SERVICE, body="hi", status_callback=f"{hub.url}/status"
    )
    assert (sent.status, sent.from_, sent.num_segments) == ("accepted", None, "0")
    simulator.settle()
    assert twilio.messages(sent.sid).fetch().from_ == CLINIC
    assert hub.statuses() == ["queued", "sent", "delivered"]
    assert {s.fields["MessagingServiceSid"] for s in hub.seen} == {SERVICE}


def test_outbound_picture_is_fetched_from_the_hub_and_shown(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(200, PICTURE, "image/png")
    sent = twilio.messages.create(
        to=ANA, from_=CLINIC, media_url=[f"{hub.url}/a.png", f"{hub.url}/b.png"]
    )
    assert sent.sid.startswith("MM")
    assert sent.num_media == "2"
    simulator.settle()
    (shown,) = simulator.phone(ANA).messages()
    assert [m["content_type"] for m in shown["media"]] == ["image/png", "image/png"]
    assert httpx.get(simulator.url + shown["media"][0]["url"]).content == PICTURE


@pytest.mark.parametrize("where", ["missing", "elsewhere"])
def test_picture_that_cannot_be_fetched_fails_the_message(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, where: str
) -> None:
    hub.answer = lambda seen: Answer(404)
    url = f"{hub.url}/a.png" if where == "missing" else "http://127.0.0.1:1/a.png"
    sent = twilio.messages.create(to=ANA, from_=CLINIC, media_url=[url])
    simulator.settle()
    failed = twilio.messages(sent.sid).fetch()
    assert (failed.status, failed.error_code) == ("failed", 11200)
    assert simulator.phone(ANA).messages() == []
    assert len(hub.seen) == (1 if where == "missing" else 0)


def test_inbound_media_needs_credentials_and_leads_to_the_file(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    sid = simulator.phone(ANA).send("my card", media=[("image/png", PICTURE)])
    (media,) = twilio.messages(sid).media.list()
    assert (media.content_type, media.parent_sid) == ("image/png", sid)
    assert twilio.messages(sid).media(media.sid).fetch().sid == media.sid
    url = simulator.url + media.uri.removesuffix(".json")
    assert httpx.get(url).status_code == 401
    redirect = httpx.get(url, auth=twilio.auth)
    assert redirect.status_code == 307
    stored = httpx.get(at_simulator(simulator, redirect))
    assert (stored.content, stored.headers["Content-Type"]) == (PICTURE, "image/png")


def test_deleted_media_is_gone(simulator: SimulatedTwilio, twilio: Client) -> None:
    sid = simulator.phone(ANA).send("two", media=[("image/png", b"1"), ("image/png", b"2")])
    first, second = twilio.messages(sid).media.list()
    redirect = httpx.get(simulator.url + first.uri.removesuffix(".json"), auth=twilio.auth)
    location = at_simulator(simulator, redirect)
    assert httpx.get(location).content == b"1"
    assert twilio.messages(sid).media(first.sid).delete() is True
    assert [m.sid for m in twilio.messages(sid).media.list()] == [second.sid]
    assert httpx.get(location).status_code == 404
    assert twilio.messages(sid).fetch().num_media == "1"


def test_account_and_its_numbers(simulator: SimulatedTwilio, twilio: Client) -> None:
    assert twilio.api.accounts(twilio.username).fetch().status == "active"
    numbers = twilio.incoming_phone_numbers.list()
    assert [n.phone_number for n in numbers] == [CLINIC, "+15550100200"]
    assert numbers[0].capabilities == {"sms": True, "mms": True, "voice": True, "fax": False}
    assert str(numbers[0].voice_url).endswith("/twilio/voice/incoming#rc=2&rp=5xx,ct,rt")
    assert str(numbers[0].voice_fallback_url).endswith("/twilio/voice/fallback")
    assert str(numbers[0].status_callback).endswith("/twilio/voice/status#rc=3&rp=all")
    (found,) = twilio.incoming_phone_numbers.list(phone_number="+15550100200")
    assert twilio.incoming_phone_numbers(found.sid).fetch().phone_number == "+15550100200"


def test_number_can_be_pointed_elsewhere(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    (number,) = twilio.incoming_phone_numbers.list(phone_number="+15550100200")
    number.update(sms_url=f"{hub.url}/other?site=2", sms_method="GET")
    simulator.phone(ANA).send("hello", to="+15550100200")
    simulator.settle()
    (seen,) = hub.seen
    assert (seen.method, seen.signed) == ("GET", True)
    assert seen.path.startswith("/other?site=2&")
    assert seen.fields["Body"] == "hello"


def test_each_message_carries_the_fields_it_was_sent_with(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    callbacks: list[Seen] = hub.seen
    sent = twilio.messages.create(
        to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status?ob=7"
    )
    simulator.settle()
    assert [s.path for s in callbacks] == ["/status?ob=7", "/status?ob=7"]
    assert {s.fields["MessageSid"] for s in callbacks} == {sent.sid}
