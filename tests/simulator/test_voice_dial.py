"""Dial to numbers and devices, and calls that the hub makes over REST."""

from collections.abc import Callable

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

ANA, BEN, CARMEN = "+15550100142", "+15550100143", "+15550100144"
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


# Calls over REST ---------------------------------------------------------------------------------


def test_call_is_made_and_its_events_come_in_order(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script["/talk"] = "<Pause length='90'/>"
    call = twilio.calls.create(
        to=ANA,
        from_=CLINIC,
        url=f"{hub.url}/talk",
        status_callback=f"{hub.url}/status",
        status_callback_event=ALL,
    )
    assert (call.status, call.direction) == ("queued", "outbound-api")
    simulator.advance(3)
    assert twilio.calls(call.sid).fetch().status == "ringing"
    simulator.phone(ANA).answer()
    simulator.advance(0)
    assert hub.asked("/talk")[0]["CallStatus"] == "in-progress"
    with pytest.raises(TwilioRestException) as late:
        twilio.calls(call.sid).update(status="canceled")
    assert late.value.code == 21220
    simulator.advance(91)
    assert statuses(hub) == ["initiated", "ringing", "in-progress", "completed"]
    assert [f["SequenceNumber"] for f in hub.asked("/status")] == list("0123")
    last = hub.asked("/status")[-1]
    assert (
        last.items() >= {"CallDuration": "90", "Duration": "2", "Direction": "outbound-api"}.items()
    )
    fetched = twilio.calls(call.sid).fetch()
    assert (fetched.duration, fetched.status, fetched.answered_by) == ("90", "completed", None)


@pytest.mark.parametrize(
    ("number", "status", "events"),
    [
        (BUSY, "busy", ["initiated", "ringing", "busy"]),
        (SILENT, "no-answer", ["initiated", "ringing", "no-answer"]),
        (FAILS, "failed", ["initiated", "failed"]),
    ],
)
def test_call_that_reaches_nobody(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    number: str,
    status: str,
    events: list[str],
) -> None:
    simulator.step_time()
    call = twilio.calls.create(
        to=number,
        from_=CLINIC,
        twiml="<Response><Say>hi</Say></Response>",
        timeout=20,
        status_callback=f"{hub.url}/status",
        status_callback_event=ALL,
    )
    simulator.advance(26)
    assert twilio.calls(call.sid).fetch().status == status
    assert statuses(hub) == events
    assert hub.asked("/status")[-1]["CallDuration"] == "0"


@pytest.mark.parametrize(
    ("to", "wish", "found"),
    [
        (MACHINE, "Enable", "machine_start"),
        (MACHINE, "DetectMessageEnd", "machine_end_beep"),
        (ANA, "DetectMessageEnd", "human"),
    ],
)
def test_machine_is_found_beside_the_call(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    to: str,
    wish: str,
    found: str,
) -> None:
    simulator.step_time()
    simulator.phone(ANA).line("answers", after=2)
    script["/talk"] = "<Pause length='30'/>"
    call = twilio.calls.create(
        to=to,
        from_=CLINIC,
        url=f"{hub.url}/talk",
        machine_detection=wish,
        async_amd="true",
        async_amd_status_callback=f"{hub.url}/amd",
    )
    simulator.advance(3)
    assert "AnsweredBy" not in hub.asked("/talk")[0]
    simulator.advance(6)
    (told,) = hub.asked("/amd")
    assert told["AnsweredBy"] == found
    assert int(told["MachineDetectionDuration"]) > 0
    assert twilio.calls(call.sid).fetch().answered_by == found


def test_machine_is_found_before_the_first_question(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script["/talk"] = "<Say>bye</Say>"
    twilio.calls.create(to=MACHINE, from_=CLINIC, url=f"{hub.url}/talk", machine_detection="Enable")
    simulator.advance(2)
    assert hub.asked("/talk") == []
    simulator.advance(2)
    assert hub.asked("/talk")[0]["AnsweredBy"] == "machine_start"


def test_call_is_called_off_while_it_rings(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    call = twilio.calls.create(to=ANA, from_=CLINIC, url=f"{hub.url}/talk")
    simulator.phone(ANA).wait_until("ringing")
    with pytest.raises(TwilioRestException) as early:
        twilio.calls(call.sid).update(twiml="<Response/>")
    assert early.value.code == 21220
    twilio.calls(call.sid).update(status="canceled")
    simulator.phone(ANA).wait_until("ended")
    assert twilio.calls(call.sid).fetch().status == "canceled"
    assert hub.asked("/talk") == []


def test_call_ends_with_its_time_limit(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    simulator.phone(ANA).line("answers", after=1)
    script["/talk"] = "<Pause length='600'/>"
    call = twilio.calls.create(to=ANA, from_=CLINIC, url=f"{hub.url}/talk", time_limit=45)
    simulator.advance(60)
    fetched = twilio.calls(call.sid).fetch()
    assert (fetched.status, fetched.duration) == ("completed", "45")


def test_calls_go_on_when_the_clock_is_let_go(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = "<Pause length='1'/><Say>Time flies.</Say>"
    simulator.phone(ANA).dial()
    simulator.advance(0.5)
    assert simulator.phone(ANA).heard() == []
    simulator.run_time(factor=100)
    simulator.phone(ANA).wait_for_heard("Time flies.", seconds=2)
    shown = [call["state"] for call in simulator.ask("GET", "/state")["calls"]]
    assert shown in (["connected"], [])


def test_call_that_is_over_cannot_be_changed(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> None:
    script[INCOMING] = "<Pause length='60'/>"
    sid = simulator.phone(ANA).dial()
    twilio.calls(sid).update(status="completed")
    simulator.phone(ANA).wait_until("ended")
    for change in ({"status": "completed"}, {"twiml": "<Response/>"}):
        with pytest.raises(TwilioRestException) as late:
            twilio.calls(sid).update(**change)
        assert late.value.code == 21220
    assert twilio.calls(sid).delete()
    with pytest.raises(TwilioRestException):
        twilio.calls(sid).fetch()


def test_calls_are_listed_by_what_they_are(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> None:
    script[INCOMING] = "<Pause length='60'/>"
    first, second = simulator.phone(ANA).dial(), simulator.phone(BEN).dial("+15550100200")
    simulator.phone(BEN).wait_until("calling")
    simulator.phone(BEN).hang_up()
    simulator.phone(BEN).wait_until("ended")
    assert [c.sid for c in twilio.calls.list()] == [second, first]
    assert [c.sid for c in twilio.calls.list(from_=ANA)] == [first]
    assert [c.sid for c in twilio.calls.list(to="+15550100200", status="no-answer")] == [second]
    today = twilio.calls(first).fetch().date_created
    assert len(twilio.calls.list(start_time_after=today)) == 2
    assert twilio.calls.list(start_time_before=today.replace(year=2020)) == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "", "from_": CLINIC, "url": "http://x/"}, 21201),
        ({"to": ANA, "from_": "", "url": "http://x/"}, 21213),
        ({"to": ANA, "from_": "+15550109999", "url": "http://x/"}, 21210),
        ({"to": "banana", "from_": CLINIC, "url": "http://x/"}, 21211),
        ({"to": "+15005550003", "from_": CLINIC, "url": "http://x/"}, 21215),
        ({"to": "+15550100429", "from_": CLINIC, "url": "http://x/"}, 20429),
        ({"to": ANA, "from_": CLINIC}, 21205),
        ({"to": ANA, "from_": CLINIC, "url": "nowhere"}, 21205),
        ({"to": ANA, "from_": CLINIC, "twiml": "<Response>"}, 21218),
        ({"to": ANA, "from_": CLINIC, "url": "http://x/", "machine_detection": "Yes"}, 21219),
    ],
)
def test_call_that_cannot_be_is_refused(
    simulator: SimulatedTwilio, twilio: Client, fields: dict[str, str], code: int
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        twilio.calls.create(**fields)
    assert refused.value.code == code
    assert simulator.voice_state()["calls"] == []


def test_phone_in_a_call_is_busy(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> None:
    script[INCOMING] = "<Pause length='60'/>"
    simulator.step_time()
    ana = simulator.phone(ANA)
    first = ana.dial()
    call = twilio.calls.create(to=ANA, from_=CLINIC, twiml="<Response/>")
    simulator.advance(1)
    with pytest.raises(ControlRefused, match=r"^409"):
        ana.dial()
    assert ana.call()["call"]["sid"] == first
    assert twilio.calls(call.sid).fetch().status == "busy"


def test_phone_does_what_its_line_says(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.step_time()
    for behaviour, status in (
        ("off", "failed"),
        ("busy", "busy"),
        ("answers", "completed"),
        ("machine", "completed"),
        ("no-answer", "no-answer"),
    ):
        simulator.phone(ANA).line(behaviour)
        call = twilio.calls.create(to=ANA, from_=CLINIC, twiml="<Response/>", timeout=10)
        simulator.advance(16)
        assert twilio.calls(call.sid).fetch().status == status
    with pytest.raises(ControlRefused, match=r"^400"):
        simulator.phone(ANA).line("sings")


def test_phone_turns_a_call_down(simulator: SimulatedTwilio, twilio: Client) -> None:
    call = twilio.calls.create(to=ANA, from_=CLINIC, twiml="<Response/>")
    simulator.phone(ANA).wait_until("ringing")
    simulator.phone(ANA).reject()
    simulator.phone(ANA).wait_until("ended")
    assert twilio.calls(call.sid).fetch().status == "busy"


def test_phone_cannot_do_what_no_phone_can(simulator: SimulatedTwilio, script: Script) -> None:
    ana = simulator.phone(ANA)
    for act in (ana.answer, ana.reject, ana.hang_up, lambda: ana.press("1"), lambda: ana.say("x")):
        with pytest.raises(ControlRefused, match=r"^409"):
            act()
    with pytest.raises(ControlRefused, match=r"^404"):
        ana.dial("+15550109999")
    with pytest.raises(ControlRefused, match=r"^400"):
        ana.press("A")
    assert ana.call()["state"] == "idle"
