"""Dial to numbers and devices, and calls that the hub makes over REST."""

from collections.abc import Callable

import pytest
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

ANA, BEN = "+15550100142", "+15550100143"
BUSY, SILENT, MACHINE, FAILS = (f"+1555010010{n}" for n in range(1, 5))
ALL = ["initiated", "ringing", "answered", "completed"]

OpenDevice = Callable[..., Device]


def statuses(hub: StandInHub, path: str = "/status") -> list[str]:
    return [f["CallStatus"] for f in hub.asked(path)]


def test_two_people_are_connected(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = (
        f'<Dial action="/done" callerId="{CLINIC}"><Number url="/whisper" statusCallback="/status" '
        f'statusCallbackEvent="{" ".join(ALL)}">{BEN}</Number></Dial><Say>never</Say>'
    )
    script["/whisper"] = "<Say>A patient for you.</Say>"
    ana, ben = simulator.phone(ANA), simulator.phone(BEN)
    parent = ana.dial()
    ringing = ben.wait_until("ringing")
    assert (ringing["from"], ringing["parent"]) == (CLINIC, parent)
    ben.answer()
    ben.wait_until("bridged")
    ana.say("Hello.")
    ben.wait_for_heard("Hello.")
    assert ben.heard() == ["A patient for you.", "Hello."]
    assert ana.heard() == []
    ben.hang_up()
    ana.wait_until("ended")
    simulator.settle()
    (done,) = hub.asked("/done")
    assert (
        done.items()
        >= {
            "DialCallStatus": "completed",
            "DialCallSid": ringing["sid"],
            "DialBridged": "true",
        }.items()
    )
    told = hub.asked("/status")
    assert statuses(hub) == ["initiated", "ringing", "in-progress", "completed"]
    assert [f["SequenceNumber"] for f in told] == list("0123")
    assert {f["ParentCallSid"] for f in told} == {parent}
    assert hub.asked("/whisper")[0]["ParentCallSid"] == parent
    assert twilio.calls(ringing["sid"]).fetch().direction == "outbound-dial"
    assert [c.sid for c in twilio.calls.list(parent_call_sid=parent)] == [ringing["sid"]]


@pytest.mark.parametrize(
    ("number", "status"), [(BUSY, "busy"), (SILENT, "no-answer"), (FAILS, "failed")]
)
def test_dial_that_fails_says_why(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script, number: str, status: str
) -> None:
    simulator.step_time()
    script[INCOMING] = f'<Dial action="/done" timeout="10">{number}</Dial>'
    simulator.phone(ANA).dial()
    simulator.advance(14.9)
    assert bool(hub.asked("/done")) == (status != "no-answer")
    simulator.advance(1)
    (done,) = hub.asked("/done")
    assert (done["DialCallStatus"], done["DialBridged"]) == (status, "false")


def test_without_an_action_the_next_verb_follows(
    simulator: SimulatedTwilio, script: Script
) -> None:
    script[INCOMING] = f"<Dial>{FAILS}</Dial><Say>Leave a message.</Say>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("Leave a message.")


def test_first_of_several_to_answer_is_connected(
    simulator: SimulatedTwilio, twilio: Client, script: Script, open_device: OpenDevice
) -> None:
    agent = open_device("agent_7")
    script[INCOMING] = f"<Dial><Client>agent_7</Client><Number>{BEN}</Number></Dial>"
    ana, ben = simulator.phone(ANA), simulator.phone(BEN)
    ana.dial()
    other = ben.wait_until("ringing")["sid"]
    agent.accept()
    ana.wait_until("bridged")
    ben.wait_until("ended")
    assert twilio.calls(other).fetch().status == "canceled"
    ana.say("Hello?")
    agent.wait_for_heard("Hello?")
    agent.say("Agent seven.")
    ana.wait_for_heard("Agent seven.")
    ana.hang_up()
    agent.wait_for("disconnect")


def test_caller_gives_up_while_it_rings(
    simulator: SimulatedTwilio, twilio: Client, script: Script, open_device: OpenDevice
) -> None:
    agent = open_device()
    script[INCOMING] = "<Dial><Client><Identity>agent_1</Identity>"
    script[INCOMING] += '<Parameter name="why" value="refill"/></Client></Dial>'
    ana = simulator.phone(ANA)
    ana.dial()
    call = agent.wait_for_incoming()
    assert (call["from"], call["parameters"]) == (ANA, {"why": "refill"})
    ana.hang_up()
    agent.wait_for("cancel", call["sid"])
    assert twilio.calls(call["sid"]).fetch().status == "canceled"


def test_child_that_is_redirected_lives_on(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = f'<Dial action="/done">{BEN}</Dial>'
    script["/done"] = "<Say>You are alone.</Say>"
    ana, ben = simulator.phone(ANA), simulator.phone(BEN)
    ana.dial()
    child = ben.wait_until("ringing")["sid"]
    ben.answer()
    ben.wait_until("bridged")
    twilio.calls(child).update(twiml="<Response><Say>Moved.</Say><Pause length='60'/></Response>")
    ben.wait_for_heard("Moved.")
    ana.wait_for_heard("You are alone.")
    assert ben.call()["state"] == "connected"


def test_dial_is_recorded_in_two_channels(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = (
        '<Dial action="/done" record="record-from-answer-dual" recordingStatusCallback="/rec" '
        f'timeLimit="20">{BEN}</Dial>'
    )
    simulator.phone(ANA).dial()
    simulator.advance(1)
    simulator.phone(BEN).answer()
    simulator.advance(20.1)
    (done,) = hub.asked("/done")
    assert (done["DialCallDuration"], done["DialCallStatus"]) == ("20", "completed")
    simulator.advance(1)
    (told,) = hub.asked("/rec")
    assert (
        told.items()
        >= {
            "RecordingChannels": "2",
            "RecordingDuration": "20",
            "RecordingSource": "DialVerb",
            "RecordingUrl": done["RecordingUrl"],
        }.items()
    )
    assert simulator.phone(BEN).call()["state"] == "ended"


def test_caller_ends_the_talk_with_a_star(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = f'<Dial action="/done" hangupOnStar="true">{BEN}</Dial>'
    script["/done"] = "<Say>And now?</Say>"
    ana, ben = simulator.phone(ANA), simulator.phone(BEN)
    ana.dial()
    ben.wait_until("ringing")
    ben.answer()
    ana.wait_until("bridged")
    ana.press("1*")
    ana.wait_for_heard("And now?")
    ben.wait_until("ended")
    assert hub.asked("/done")[0]["DialCallStatus"] == "completed"


@pytest.mark.parametrize("answers", [True, False])
def test_action_is_asked_even_when_the_caller_hangs_up(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script, answers: bool
) -> None:
    simulator.step_time()
    script[INCOMING] = f'<Dial action="/done">{BEN}</Dial>'
    script["/done"] = "<Say>Nobody is there.</Say>"
    ana, ben = simulator.phone(ANA), simulator.phone(BEN)
    ana.dial()
    simulator.advance(1)
    if answers:
        ben.answer()
        simulator.advance(6)
    ana.hang_up()
    simulator.advance(1)
    (done,) = hub.asked("/done")
    # How to tell who hung up: the caller's call is over, or it goes on.
    assert done["CallStatus"] == "completed"
    assert done["DialCallStatus"] == ("completed" if answers else "canceled")
    assert done.get("DialCallDuration") == ("6" if answers else None)
    assert ana.heard() == []
    assert ben.call()["state"] == "ended"


def test_machine_speaks_to_whoever_calls(simulator: SimulatedTwilio, script: Script) -> None:
    script[INCOMING] = f"<Dial>{MACHINE}</Dial>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("leave a message")
