"""What the knobs do to calls: events are lost, late, twice and out of order; questions are not."""

from collections import Counter
from pathlib import Path

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import Answer, Seen, StandInHub

ANA, BEN = "+15550100142", "+15550100143"
ALL = ["initiated", "ringing", "answered", "completed"]
STATUS = "/twilio/voice/status"


def call_and_end(simulator: SimulatedTwilio, twilio: Client, hub: StandInHub) -> str:
    simulator.phone(ANA).line("answers", after=0)
    sid: str = twilio.calls.create(
        to=ANA,
        from_=CLINIC,
        url=f"{hub.url}/talk",
        status_callback=f"{hub.url}/status",
        status_callback_event=ALL,
    ).sid
    simulator.phone(ANA).wait_until("ended")
    simulator.settle()
    return sid


def test_events_come_twice_with_one_token(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.chaos(duplicate_p=1)
    call_and_end(simulator, twilio, hub)
    seen = [s for s in hub.seen if s.path == "/status"]
    tokens = Counter(s.headers["I-Twilio-Idempotency-Token"] for s in seen)
    assert sorted(tokens.values()) == [2, 2, 2, 2]
    assert len(hub.asked("/talk")) == 1


def test_events_overtake_one_another_and_say_their_number(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.chaos(reorder_p=1)
    call_and_end(simulator, twilio, hub)
    numbers = [f["SequenceNumber"] for f in hub.asked("/status")]
    assert sorted(numbers) == list("0123")
    assert numbers != sorted(numbers)
    assert len(hub.asked("/talk")) == 1


def test_events_are_lost_and_questions_are_not(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.chaos(drop_p=1, drop_inbound_p=1)
    script[INCOMING] = "<Say>hi</Say>"
    sid = simulator.phone(BEN).dial()
    simulator.phone(BEN).wait_for_heard("hi")
    simulator.phone(BEN).wait_until("ended")
    simulator.settle()
    assert hub.asked(STATUS) == []
    assert twilio.calls(sid).fetch().status == "completed"
    assert {w["outcome"] for w in simulator.webhooks("call")} == {"lost on purpose"}


def test_question_is_late(simulator: SimulatedTwilio, hub: StandInHub, script: Script) -> None:
    simulator.step_time()
    simulator.chaos(delay_ms=3000)
    script[INCOMING] = "<Say>hi</Say>"
    simulator.phone(ANA).dial()
    simulator.advance(2.9)
    assert hub.seen == []
    simulator.advance(0.2)
    assert simulator.phone(ANA).heard() == ["hi"]


def test_forged_question_does_not_hurt_the_call(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    def answer(seen: Seen) -> Answer:
        return Answer(200, b"<Response><Say>hi</Say></Response>") if seen.signed else Answer(403)

    hub.answer = answer
    simulator.chaos(bad_signature_p=1, speech_factor=0)
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("hi")
    assert [s.signed for s in hub.seen if s.path == INCOMING] == [False, True]
    simulator.phone(ANA).wait_until("ended")
    simulator.settle()
    assert {s.signed for s in hub.seen if s.path == STATUS} == {False}


def test_slow_hub_is_asked_again_and_then_the_fallback(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.path == "/slow":
            return Answer(after=0.5)
        return Answer(200, b"<Response><Say>fallback</Say></Response>")

    hub.answer = answer
    (number,) = twilio.incoming_phone_numbers.list(phone_number=CLINIC)
    number.update(voice_url=f"{hub.url}/slow#rt=100&rc=1&rp=rt")
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("fallback")
    assert len(hub.asked("/slow")) == 2
    outcomes = [w["outcome"] for w in simulator.webhooks("question")]
    assert outcomes == ["no answer in time", "no answer in time", "answered"]


def test_caller_who_leaves_during_a_question_is_gone_at_once(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(
        200, b"<Response><Say>late</Say></Response>", after=2 if seen.path == INCOMING else 0
    )
    ana = simulator.phone(ANA)
    sid = ana.dial()
    hub.wait_for(INCOMING)
    ana.hang_up()
    assert ana.wait_until("ended", seconds=1.5)["status"] == "no-answer"
    simulator.settle()
    assert ana.heard() == []
    assert twilio.calls(sid).fetch().status == "no-answer"


def test_requests_are_refused_and_do_nothing(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    for knobs, statuses in (({"rest_429_p": 1}, {429}), ({"rest_5xx_p": 1}, {500, 503})):
        simulator.chaos(rest_429_p=0, rest_5xx_p=0)
        simulator.chaos(**knobs)
        for create in (twilio.calls.create, twilio.conferences("room").participants.create):
            more = {"url": f"{hub.url}/talk"} if create == twilio.calls.create else {}
            with pytest.raises(TwilioRestException) as refused:
                create(to=ANA, from_=CLINIC, **more)
            assert refused.value.status in statuses
    assert simulator.voice_state()["calls"] == []


def test_ambiguous_call_was_made_and_is_found(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.chaos(ambiguous_p=1)
    with pytest.raises(requests.exceptions.ConnectionError):
        twilio.calls.create(to=ANA, from_=CLINIC, url=f"{hub.url}/talk")
    simulator.phone(ANA).wait_until("ringing")
    assert [c.to for c in twilio.calls.list(to=ANA)] == [ANA]


def test_same_seed_same_call_sids(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    def one_run() -> list[str]:
        simulator.reset(seed=7)
        simulator.use_hub(hub.url)
        return [simulator.phone(e164).dial() for e164 in (ANA, BEN)]

    assert one_run() == one_run()


def test_reset_ends_calls_without_a_word(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = '<Enqueue action="/left" waitUrl="/wait">line</Enqueue>'
    script["/wait"] = "<Pause length='60'/>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_until("queued")
    simulator.settle()
    before = len(hub.seen)
    simulator.reset()
    simulator.settle()
    assert len(hub.seen) == before
    state = simulator.voice_state()
    assert {name: len(rows) for name, rows in state.items()} == {
        "calls": 0,
        "conferences": 0,
        "queues": 0,
        "recordings": 0,
        "devices": 0,
    }


def test_log_has_no_word_of_a_call(
    simulator: SimulatedTwilio, script: Script, simulator_log: Path
) -> None:
    script[INCOMING] = '<Gather input="speech" action="/menu"><Say>canary prompt</Say></Gather>'
    ana = simulator.phone(ANA)
    ana.dial()
    ana.wait_for_heard("canary prompt")
    ana.say("canary answer")
    ana.wait_until("ended")
    log = simulator_log.read_text()
    assert "canary" not in log
    assert ANA[1:] not in log
