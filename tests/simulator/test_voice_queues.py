"""Queues: waiting, leaving, being taken, over TwiML and over REST."""

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import Seen, StandInHub

ANA, BEN, CARMEN = "+15550100142", "+15550100143", "+15550100144"
ENQUEUE = '<Enqueue action="/left" waitUrl="/wait">line</Enqueue><Say>behind the queue</Say>'


def enqueue(simulator: SimulatedTwilio, script: Script, *callers: str) -> list[str]:
    script.setdefault(INCOMING, ENQUEUE)
    script.setdefault("/wait", '<Play loop="0">/music.wav</Play>')
    sids = []
    for e164 in callers:
        sids.append(simulator.phone(e164).dial())
        simulator.phone(e164).wait_until("queued")
    return sids


def test_places_and_waits_are_told(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    queue = twilio.queues.create(friendly_name="line", max_size=2)
    simulator.step_time()
    script[INCOMING], script["/wait"] = ENQUEUE, "<Pause length='10'/>"
    simulator.phone(ANA).dial()
    simulator.advance(4)
    simulator.phone(BEN).dial()
    simulator.advance(7)
    first, second, again = hub.asked("/wait")
    assert second["QueuePosition"] == "2"
    assert first.items() >= {"QueuePosition": "1", "QueueTime": "0", "MaxQueueSize": "2"}.items()
    assert (
        again.items()
        >= {
            "CallSid": first["CallSid"],
            "QueueSid": queue.sid,
            "QueuePosition": "1",
            "QueueTime": "10",
            "CurrentQueueSize": "2",
            "AvgQueueTime": "0",
        }.items()
    )
    members = twilio.queues(queue.sid).members.list()
    assert [(m.position, m.wait_time) for m in members] == [(1, 11), (2, 7)]
    assert twilio.queues(queue.sid).fetch().current_size == 2


def test_full_queue_takes_nobody(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    twilio.queues.create(friendly_name="line", max_size=1)
    script["/left"] = "<Say>All lines are busy.</Say>"
    enqueue(simulator, script, ANA)
    simulator.phone(BEN).dial()
    simulator.phone(BEN).wait_for_heard("All lines are busy.")
    (asked,) = hub.asked("/left")
    assert asked.items() >= {"QueueResult": "queue-full", "QueueTime": "0", "From": BEN}.items()
    assert "behind the queue" not in simulator.phone(BEN).heard()


def test_caller_who_hangs_up_is_told_once_of_each(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING], script["/wait"] = ENQUEUE, "<Pause length='60'/>"
    script["/left"] = "<Say>nobody listens</Say>"
    ana = simulator.phone(ANA)
    sid = ana.dial()
    simulator.advance(12)
    ana.hang_up()
    simulator.advance(0)
    (left,) = hub.asked("/left")
    assert (left["QueueResult"], left["QueueTime"]) == ("hangup", "12")
    (over,) = hub.asked("/twilio/voice/status")
    assert (over["CallStatus"], over["CallDuration"]) == ("completed", "12")
    assert ana.heard() == []
    assert twilio.calls(sid).fetch().duration == "12"
    assert simulator.voice_state()["queues"][0]["members"] == []
    assert simulator.voice_state()["queues"][0]["average"] == 12


def test_caller_leaves_for_a_call_back(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    asked: list[Seen] = []

    def choice(seen: Seen) -> str:
        asked.append(seen)
        said = f"<Say>Round {len(asked)}: press 1.</Say>"
        return f'<Gather action="/choice" numDigits="1" timeout="60">{said}</Gather>'

    script["/wait"] = choice
    script["/choice"] = lambda seen: "<Leave/>" if seen.fields["Digits"] == "1" else ""
    script["/left"] = "<Say>We will call you back.</Say>"
    enqueue(simulator, script, ANA)
    ana = simulator.phone(ANA)
    ana.wait_for_heard("Round 1")
    ana.press("2")
    ana.wait_for_heard("Round 2")
    ana.press("1")
    ana.wait_for_heard("call you back")
    assert hub.asked("/left")[0]["QueueResult"] == "leave"
    assert len(hub.asked("/left")) == 1


def test_redirect_out_of_the_queue(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    script["/left"] = "<Say>ignored</Say>"
    (sid,) = enqueue(simulator, script, ANA)
    script["/other"] = "<Say>Other department.</Say>"
    twilio.calls(sid).update(url=f"{hub.url}/other", method="POST")
    simulator.phone(ANA).wait_for_heard("Other department.")
    simulator.phone(ANA).wait_until("ended")
    simulator.settle()
    assert hub.asked("/left")[0]["QueueResult"] == "redirected"
    assert simulator.phone(ANA).heard() == ["Other department."]


def test_front_is_dequeued_over_rest(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    first, second = enqueue(simulator, script, ANA, BEN)
    script["/join"] = "<Say>Your turn.</Say><Pause length='60'/>"
    (queue,) = twilio.queues.list()
    members = twilio.queues(queue.sid).members
    assert members("Front").fetch().call_sid == first
    members("Front").update(url=f"{hub.url}/join", method="POST")
    simulator.phone(ANA).wait_for_heard("Your turn.")
    assert [m.call_sid for m in members.list()] == [second]
    assert members(second).fetch().position == 1
    with pytest.raises(TwilioRestException) as missing:
        members(first).fetch()
    assert missing.value.code == 20404


def test_next_in_line_is_taken_by_a_call(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    enqueue(simulator, script, ANA, BEN)
    script[INCOMING] = '<Dial action="/done"><Queue url="/notice">line</Queue></Dial>'
    script["/notice"] = "<Say>You are being connected.</Say>"
    script["/left"] = "<Say>Goodbye, Ana.</Say>"
    script["/done"] = "<Say>Next, please.</Say>"
    ana, carmen = simulator.phone(ANA), simulator.phone(CARMEN)
    taker = carmen.dial()
    ana.wait_until("bridged")
    ana.wait_for_heard("being connected")
    carmen.say("Ana?")
    ana.wait_for_heard("Ana?")
    ana.say("Yes.")
    carmen.wait_for_heard("Yes.")
    notice = hub.asked("/notice")[0]
    assert notice["DequeingCallSid"] == taker
    assert notice["From"] == ANA
    ana.hang_up()
    carmen.wait_for_heard("Next, please.")
    done = hub.asked("/done")[0]
    assert (done["DialCallStatus"], done["DialBridged"]) == ("completed", "true")
    simulator.settle()
    assert [f["QueueResult"] for f in hub.asked("/left")] == ["bridged"]
    assert simulator.phone(BEN).call()["state"] == "queued"


def test_caller_goes_on_when_the_taker_hangs_up(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    enqueue(simulator, script, ANA)
    script[INCOMING] = "<Dial><Queue>line</Queue></Dial>"
    script["/left"] = "<Say>How was it?</Say>"
    ana, carmen = simulator.phone(ANA), simulator.phone(CARMEN)
    carmen.dial()
    carmen.wait_until("bridged")
    carmen.hang_up()
    ana.wait_for_heard("How was it?")
    assert hub.asked("/left")[0]["QueueResult"] == "bridged"


def test_nobody_in_line_is_no_answer(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    twilio.queues.create(friendly_name="line")
    simulator.step_time()
    script[INCOMING] = '<Dial action="/done" timeout="10"><Queue>line</Queue></Dial>'
    simulator.phone(CARMEN).dial()
    simulator.advance(10.1)
    assert hub.asked("/done")[0]["DialCallStatus"] == "no-answer"


def test_who_waits_for_somebody_takes_the_first_to_come(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> None:
    twilio.queues.create(friendly_name="line")
    simulator.step_time()
    script["/wait"] = "<Pause length='60'/>"
    script[INCOMING] = lambda seen: (
        ENQUEUE if seen.fields["From"] == ANA else "<Dial><Queue>line</Queue></Dial>"
    )
    ana, ben, carmen = (simulator.phone(e164) for e164 in (ANA, BEN, CARMEN))
    ben.dial()
    simulator.advance(5)
    carmen.dial()
    simulator.advance(5)
    ana.dial()
    simulator.advance(0)
    assert [p.call()["call"]["bridged"] for p in (ana, ben, carmen)] == [True, True, False]


def test_broken_wait_document_is_an_error(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = ENQUEUE
    script["/left"] = "<Say>Sorry.</Say>"
    script["/wait"] = "<Say>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("Sorry.")
    assert hub.asked("/left")[0]["QueueResult"] == "error"


def test_verbs_that_do_not_belong_are_passed_over(
    simulator: SimulatedTwilio, script: Script
) -> None:
    script["/wait"] = "<Dial>+15550100150</Dial><Record/><Say>Stay.</Say><Pause length='60'/>"
    enqueue(simulator, script, ANA)
    simulator.phone(ANA).wait_for_heard("Stay.")
    assert len(simulator.webhooks("warning")) == 2


def test_wait_document_is_not_asked_in_a_circle(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = ENQUEUE
    script["/wait"] = '<Redirect method="POST">/wait</Redirect>'
    simulator.phone(ANA).dial()
    simulator.advance(5.5)
    assert len(hub.asked("/wait")) == 6


def test_queues_are_made_renamed_and_deleted(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> None:
    queue = twilio.queues.create(friendly_name="line")
    assert queue.max_size == 1000
    assert twilio.queues(queue.sid).update(friendly_name="other", max_size=5).max_size == 5
    assert [q.friendly_name for q in twilio.queues.list()] == ["other"]
    for fields, code in (
        ({"friendly_name": "other"}, 22003),
        ({"friendly_name": "x", "max_size": 5001}, 22001),
    ):
        with pytest.raises(TwilioRestException) as refused:
            twilio.queues.create(**fields)
        assert refused.value.code == code
    script[INCOMING] = '<Enqueue waitUrl="/wait">other</Enqueue>'
    enqueue(simulator, script, ANA)
    with pytest.raises(TwilioRestException) as full:
        twilio.queues(queue.sid).delete()
    assert full.value.code == 22006
    simulator.phone(ANA).hang_up()
    simulator.phone(ANA).wait_until("ended")
    assert twilio.queues(queue.sid).delete()
    assert twilio.queues.list() == []


def test_lost_answer_is_asked_for_again_with_one_token(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.chaos(repeat_question_p=1)
    said: list[Seen] = []

    def second_answer_counts(seen: Seen) -> str:
        said.append(seen)
        return f"<Say>answer {len(said)}</Say>"

    script[INCOMING] = second_answer_counts
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("answer 2")
    first, second = said
    assert first.fields == second.fields
    token = "I-Twilio-Idempotency-Token"
    assert first.headers[token] == second.headers[token]
    assert simulator.phone(ANA).heard() == ["answer 2"]


def test_call_from_the_clinic_to_itself_is_the_number_it_dialled(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = "<Say>hi</Say>"
    simulator.phone(ANA).dial("+15550100200")
    simulator.phone(ANA).wait_for_heard("hi")
    assert hub.asked(INCOMING)[0]["To"] == "+15550100200" != CLINIC
