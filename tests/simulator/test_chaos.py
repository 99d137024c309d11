"""Each knob does what it says, and the same for the same seed."""

import statistics
import time

import httpx
import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, SimulatedTwilio
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import StandInHub

ANA = "+15550100142"


def test_delay_holds_each_webhook_back(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.step_time()
    simulator.chaos(delay_ms=2000)
    simulator.phone(ANA).send("hi")
    simulator.advance(1.9)
    assert hub.seen == []
    simulator.advance(0.2)
    assert hub.bodies() == ["hi"]


def test_duplicate_arrives_twice_with_one_token(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    simulator.chaos(duplicate_p=1)
    sid = simulator.phone(ANA).send("hi")
    simulator.settle()
    assert [s.fields["MessageSid"] for s in hub.seen] == [sid, sid]
    assert len({s.headers["I-Twilio-Idempotency-Token"] for s in hub.seen}) == 1
    assert all(s.signed for s in hub.seen)
    assert sorted(w["label"] for w in simulator.webhooks()) == [
        "inbound text",
        "inbound text, again",
    ]


def test_neighbours_of_one_phone_change_places(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.step_time()
    simulator.chaos(reorder_p=1)
    for body in ("one", "two", "three", "four"):
        simulator.phone(ANA).send(body)
        simulator.advance(0)
    assert hub.bodies() == ["two", "one", "four", "three"]


def test_held_back_webhook_goes_in_the_end(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.step_time()
    simulator.chaos(reorder_p=1)
    simulator.phone(ANA).send("alone")
    simulator.phone("+15550100150").send("of another phone")
    simulator.advance(1.9)
    assert hub.bodies() == []
    simulator.advance(0.2)
    assert sorted(hub.bodies()) == ["alone", "of another phone"]


def test_delivered_may_come_before_sent(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.chaos(reorder_p=1)
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    simulator.settle()
    assert hub.statuses() == ["delivered", "sent"]


def test_lost_callback_leaves_the_text_delivered(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.chaos(drop_p=1)
    sent = twilio.messages.create(
        to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status"
    )
    simulator.phone(ANA).send("this one comes through")
    simulator.settle()
    assert hub.statuses() == []
    assert hub.bodies() == ["this one comes through"]
    assert twilio.messages(sent.sid).fetch().status == "delivered"
    assert {w["outcome"] for w in simulator.webhooks("status")} == {"lost on purpose"}


def test_lost_inbound_text_is_shown_as_lost(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.chaos(drop_inbound_p=1)
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert hub.seen == []
    assert simulator.phone(ANA).messages()[0]["handover"] == "lost"


def test_bad_signature_does_not_pass(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.chaos(bad_signature_p=1)
    simulator.phone(ANA).send("hi")
    simulator.settle()
    assert [s.signed for s in hub.seen] == [False]


def test_too_many_requests_does_nothing_and_says_when(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    simulator.chaos(rest_429_p=1)
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    assert (refused.value.status, refused.value.code) == (429, 20429)
    assert int(twilio.http_client.last.headers["Retry-After"]) >= 1
    assert simulator.messages() == []


def test_provider_errors_do_nothing(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.chaos(rest_5xx_p=1, seed=3)
    statuses = set()
    for _ in range(8):
        with pytest.raises(TwilioRestException) as failed:
            twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
        statuses.add(failed.value.status)
        assert failed.value.code == 20500
    assert statuses == {500, 503}
    assert simulator.messages() == []


def test_accepted_and_cut_off(simulator: SimulatedTwilio, twilio: Client, hub: StandInHub) -> None:
    simulator.chaos(ambiguous_p=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        twilio.messages.create(
            to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status?ob=7"
        )
    simulator.settle()
    assert simulator.phone(ANA).received() == ["hi"]
    assert {s.path for s in hub.seen} == {"/status?ob=7"}
    # Reading is never cut, so that the sender can find out.
    assert len(twilio.messages.list(to=ANA, from_=CLINIC)) == 1


def test_late_answer_outlasts_the_callers_patience(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    simulator.chaos(rest_delay_ms=600)
    twilio.http_client.timeout = 0.2
    with pytest.raises(requests.exceptions.ReadTimeout):
        twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    assert simulator.phone(ANA).wait_for("hi") == "hi"


def test_refusal_is_never_cut(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.chaos(ambiguous_p=1)
    with pytest.raises(TwilioRestException):
        twilio.messages.create(to="+15005550001", from_=CLINIC, body="hi")


def test_delivery_takes_as_long_as_told(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.step_time()
    simulator.chaos(sent_delay=5, dlr_delay=60)
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    simulator.advance(4)
    assert hub.statuses() == []
    simulator.advance(2)
    assert hub.statuses() == ["sent"]
    assert simulator.phone(ANA).received() == ["hi"]
    simulator.advance(60)
    assert hub.statuses() == ["sent", "delivered"]


def test_undelivered_never_reaches_the_phone(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.chaos(undelivered_p=1)
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    simulator.settle()
    assert hub.statuses() == ["sent", "undelivered"]
    assert hub.seen[-1].fields["ErrorCode"] == "30008"
    assert simulator.phone(ANA).received() == []


def lost_of_sixty(simulator: SimulatedTwilio, seed: int, **others: float) -> list[bool]:
    simulator.reset()
    simulator.step_time()
    simulator.chaos(drop_inbound_p=0.3, seed=seed, **others)
    for _ in range(60):
        simulator.phone(ANA).send("hi")
        simulator.advance(0)
    return [m["handover"] == "lost" for m in simulator.phone(ANA).messages()]


def test_same_seed_same_misfortunes(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    first = lost_of_sixty(simulator, seed=7)
    assert lost_of_sixty(simulator, seed=7) == first
    assert lost_of_sixty(simulator, seed=8) != first
    # Another knob does not disturb this one's dice.
    assert lost_of_sixty(simulator, seed=7, duplicate_p=0.5) == first
    assert statistics.mean(first) == pytest.approx(0.3, abs=0.2)


def test_seeded_reset_repeats_the_sids_and_an_unseeded_one_does_not(
    simulator: SimulatedTwilio,
) -> None:
    sids = []
    for seed in (5, 5, None, None):
        simulator.reset(seed)
        sids.append(simulator.phone(ANA).send("hi"))
    assert sids[0] == sids[1]
    assert len(set(sids)) == 3


@pytest.mark.parametrize(
    "knobs",
    [{"duplicate": 1}, {"duplicate_p": 1.5}, {"delay_ms": -1}, {"drop_p": True}, {"seed": "x"}],
)
def test_knob_that_cannot_be_is_refused_and_changes_nothing(
    simulator: SimulatedTwilio, knobs: dict
) -> None:
    before = simulator.ask("GET", "/chaos")
    with pytest.raises(ControlRefused, match=r"^400"):
        simulator.chaos(reorder_p=0.5, **knobs)
    assert simulator.ask("GET", "/chaos") == before


def test_cut_connection_does_not_stop_the_server(
    simulator: SimulatedTwilio, twilio: Client
) -> None:
    simulator.chaos(ambiguous_p=1)
    for _ in range(5):
        with pytest.raises(requests.exceptions.ConnectionError):
            twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    started = time.monotonic()
    assert httpx.get(f"{simulator.url}/healthz").status_code == 200
    assert time.monotonic() - started < 2
