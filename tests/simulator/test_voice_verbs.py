"""What each verb does to a call, as the caller hears it and as the hub is asked."""

from collections.abc import Callable

import pytest
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.simulator.conftest import CLINIC, INCOMING, MUSIC, Script
from tests.simulator.standin import Answer, Seen, StandInHub

ANA, BEN = "+15550100142", "+15550100143"

OpenDevice = Callable[..., Device]


def test_call_is_asked_about_answered_and_ended(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = "<Say>Good morning.</Say>"
    sid = simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_until("ended")
    simulator.settle()
    question, status = hub.seen
    assert question.signed and status.signed
    assert (
        question.fields.items()
        >= {
            "CallSid": sid,
            "From": ANA,
            "To": CLINIC,
            "CallStatus": "ringing",
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
            "Caller": ANA,
            "Called": CLINIC,
            "FromCity": "",
            "FromCountry": "US",
        }.items()
    )
    assert status.path == "/twilio/voice/status"
    assert (
        status.fields.items()
        >= {
            "CallSid": sid,
            "CallStatus": "completed",
            "CallDuration": "0",
            "SequenceNumber": "0",
            "CallbackSource": "call-progress-events",
        }.items()
    )
    assert simulator.phone(ANA).heard() == ["Good morning."]


def test_number_that_is_not_shown(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = "<Say>Good morning.</Say>"
    simulator.phone(ANA).dial(anonymous=True)
    simulator.phone(ANA).wait_for_heard("Good morning.")
    assert hub.asked(INCOMING)[0]["From"] == "+266696687"
    assert not any(ANA in value for value in hub.asked(INCOMING)[0].values())


def test_speech_takes_its_time(simulator: SimulatedTwilio, script: Script) -> None:
    script[INCOMING] = f"<Say>{'x' * 85}</Say><Pause length='3'/><Say loop='2'>bye</Say>"
    simulator.step_time()
    simulator.chaos(speech_factor=1)
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(0)
    assert ana.heard() == ["x" * 85]
    simulator.advance(4.9)
    assert len(ana.heard()) == 1
    simulator.advance(0.2)
    assert ana.heard()[1:] == ["bye"]
    simulator.advance(0.7)
    assert ana.heard()[1:] == ["bye", "bye"]
    assert ana.call()["state"] == "ended"


def test_sound_lasts_as_long_as_it_is(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    simulator.chaos(speech_factor=1)
    script[INCOMING] = f"<Play loop='2'>{MUSIC}</Play><Play>/nothing.wav</Play><Say>bye</Say>"
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(39.9)
    assert [h["kind"] for h in ana.call()["heard"]] == ["play", "play"]
    simulator.advance(0.2)
    assert ana.heard() == ["bye"]
    # It is fetched once, without a signature; what is missing is reported and passed over.
    assert [s.method for s in hub.seen if s.path == MUSIC] == ["GET"]
    (warning,) = simulator.webhooks("warning")
    assert warning["outcome"] == "error 11200: answered 204"


def test_music_goes_on_where_speech_takes_no_time(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = '<Enqueue waitUrl="/wait">line</Enqueue>'
    script["/wait"] = (
        f'<Gather numDigits="1" timeout="1" action="/choice"><Play>{MUSIC}</Play></Gather>'
    )
    script["/choice"] = "<Leave/>"
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(20.9)
    assert len(hub.asked("/wait")) == 1
    simulator.advance(0.2)
    assert len(hub.asked("/wait")) == 2
    assert ana.call()["call"]["music"] is True
    ana.press("1")
    simulator.advance(0)
    assert ana.call()["state"] == "ended"


@pytest.mark.parametrize(
    ("attributes", "keys", "digits", "finished"),
    [
        ('numDigits="1"', "2", "2", ""),
        ('numDigits="3"', "123", "123", ""),
        ("", "42#", "42", "#"),
        ('finishOnKey="*"', "1#*", "1#", "*"),
        ('timeout="1"', "77", "77", ""),
    ],
)
def test_gather_collects_keys(
    simulator: SimulatedTwilio,
    hub: StandInHub,
    script: Script,
    attributes: str,
    keys: str,
    digits: str,
    finished: str,
) -> None:
    script[INCOMING] = (
        f'<Gather action="/menu" {attributes}><Say>Press.</Say></Gather><Say>no</Say>'
    )
    script["/menu"] = "<Say>Thank you.</Say>"
    simulator.chaos(speech_factor=1)
    ana = simulator.phone(ANA)
    ana.dial()
    ana.wait_for_heard("Press.")
    for key in keys:
        ana.press(key)
    ana.wait_for_heard("Thank you.")
    asked = hub.asked("/menu")[0]
    assert (asked["Digits"], asked["FinishedOnKey"]) == (digits, finished)
    assert asked["CallStatus"] == "in-progress"
    assert "no" not in ana.heard()


def test_gather_hears_words(simulator: SimulatedTwilio, hub: StandInHub, script: Script) -> None:
    script[INCOMING] = '<Gather input="dtmf speech" action="/menu"><Say>Why?</Say></Gather>'
    ana = simulator.phone(ANA)
    ana.dial()
    ana.wait_for_heard("Why?")
    ana.say("a new prescription")
    asked = hub.wait_for("/menu")
    assert asked["SpeechResult"] == "a new prescription"
    assert 0 < float(asked["Confidence"]) <= 1
    assert "Digits" not in asked


def test_gather_without_input_goes_on_or_asks(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = '<Gather action="/menu"/><Say>nothing</Say><Gather action="/menu" '
    script[INCOMING] += 'timeout="2" actionOnEmptyResult="true"/>'
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(4.9)
    assert ana.heard() == []
    simulator.advance(0.2)
    assert ana.heard() == ["nothing"]
    assert hub.asked("/menu") == []
    simulator.advance(2)
    assert [asked["Digits"] for asked in hub.asked("/menu")] == [""]


def test_keys_nobody_waits_for_are_lost(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = '<Pause length="0"/><Say>wait</Say><Pause length="5"/><Gather action="/m"/>'
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(1)
    ana.press("1")
    simulator.advance(30)
    assert hub.asked("/m") == []
    assert ana.call()["state"] == "ended"


def test_message_is_recorded_until_a_key(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = (
        '<Say>Speak.</Say><Record action="/recorded" maxLength="60" finishOnKey="#" '
        'recordingStatusCallback="/recording" '
        'recordingStatusCallbackEvent="in-progress completed"/>'
    )
    script["/recorded"] = "<Say>Thank you.</Say>"
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(2)
    ana.say("Please call me back.")
    simulator.advance(3)
    ana.press("#")
    simulator.advance(0)
    (asked,) = hub.asked("/recorded")
    assert (asked["Digits"], asked["RecordingDuration"]) == ("#", "5")
    assert ana.heard() == ["Speak.", "Thank you."]
    simulator.advance(1)
    progress = hub.asked("/recording")
    assert [f["RecordingStatus"] for f in progress] == ["in-progress", "completed"]
    assert (
        progress[1].items()
        >= {
            "RecordingSid": asked["RecordingSid"],
            "RecordingUrl": asked["RecordingUrl"],
            "RecordingDuration": "5",
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
            "CallSid": asked["CallSid"],
        }.items()
    )
    assert twilio.recordings(asked["RecordingSid"]).fetch().duration == "5"


def test_hang_up_ends_a_message(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = '<Record action="/recorded"/>'
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(1)
    ana.say("Hello?")
    simulator.advance(2)
    ana.hang_up()
    simulator.advance(0)
    (asked,) = hub.asked("/recorded")
    assert (asked["Digits"], asked["CallStatus"]) == ("hangup", "completed")


def test_silence_is_no_message(simulator: SimulatedTwilio, hub: StandInHub, script: Script) -> None:
    simulator.step_time()
    script[INCOMING] = (
        '<Record action="/recorded" timeout="3" recordingStatusCallback="/recording" '
        'recordingStatusCallbackEvent="absent completed"/><Say>Nothing heard.</Say>'
    )
    ana = simulator.phone(ANA)
    ana.dial()
    simulator.advance(3.5)
    assert ana.heard() == ["Nothing heard."]
    simulator.advance(2)
    assert hub.asked("/recorded") == []
    assert [f["RecordingStatus"] for f in hub.asked("/recording")] == ["absent"]


def test_redirect_goes_to_a_relative_address(simulator: SimulatedTwilio, script: Script) -> None:
    script[INCOMING] = "<Redirect>other/place</Redirect><Say>never</Say>"
    script["/twilio/voice/other/place"] = "<Say>there</Say>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_until("ended")
    assert simulator.phone(ANA).heard() == ["there"]


@pytest.mark.parametrize(
    ("verbs", "status"),
    [
        ("<Hangup/>", "completed"),
        ("<Reject/>", "no-answer"),
        ('<Reject reason="busy"/>', "busy"),
        ("<Say>x</Say><Reject/>", "completed"),
    ],
)
def test_how_a_call_ends(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    verbs: str,
    status: str,
) -> None:
    script[INCOMING] = verbs
    sid = simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_until("ended")
    assert twilio.calls(sid).fetch().status == status
    assert hub.wait_for("/twilio/voice/status")["CallStatus"] == status


def test_unknown_verb_is_reported_and_passed_over(
    simulator: SimulatedTwilio, script: Script
) -> None:
    script[INCOMING] = "<Sing>la</Sing><Say>on</Say>"
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("on")
    (warning,) = simulator.webhooks("warning")
    assert warning["outcome"].startswith("error 12200: Sing")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (Answer(500), "11200"),
        (Answer(200, b"<Response><Say>"), "12100"),
        (Answer(200, b"{}", "application/json"), "12300"),
    ],
)
def test_fallback_is_asked_and_told_why(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, bad: Answer, code: str
) -> None:
    def answer(seen: Seen) -> Answer:
        if seen.path == INCOMING:
            return bad
        return Answer(200, b"<Response><Say>Please call again.</Say></Response>")

    hub.answer = answer
    simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("call again")
    (asked,) = hub.asked("/twilio/voice/fallback")
    assert asked["ErrorCode"] == code
    assert asked["ErrorUrl"] == f"{hub.url}{INCOMING}"
    # The override of the number's address asks for two retries on errors.
    assert len(hub.asked(INCOMING)) == (3 if code == "11200" else 1)


def test_caller_hears_an_apology_when_nothing_helps(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    hub.answer = lambda seen: Answer(500)
    simulator.chaos(speech_factor=0)
    sid = simulator.phone(ANA).dial()
    simulator.phone(ANA).wait_for_heard("application error")
    simulator.phone(ANA).wait_until("ended")
    assert twilio.calls(sid).fetch().status == "completed"


def test_circle_of_documents_is_broken(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = f"<Redirect>{INCOMING}</Redirect>"
    simulator.phone(ANA).dial()
    simulator.advance(0)
    assert len(hub.asked(INCOMING)) == 101
    assert "application error" in simulator.phone(ANA).heard()[0]
