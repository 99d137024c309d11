"""Calls that the hub makes over REST, and what the called phone does."""

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, SimulatedTwilio
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

ANA, BEN = "+15550100142", "+15550100143"
BUSY, SILENT, MACHINE, FAILS = (f"+1555010010{n}" for n in range(1, 5))
ALL = ["initiated", "ringing", "answered", "completed"]


def statuses(hub: StandInHub) -> list[str]:
    return [f["CallStatus"] for f in hub.asked("/status")]


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
