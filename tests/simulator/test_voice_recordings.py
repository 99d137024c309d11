"""Recordings: started, paused and stopped over REST; the files; and who may have them."""

import io
import wave

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.voice.sound import mp3, wav
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

ANA = "+15550100142"


@pytest.fixture
def call(simulator: SimulatedTwilio, script: Script) -> str:
    """A connected call, on a stepped clock."""
    simulator.step_time()
    script[INCOMING] = "<Say>hi</Say><Pause length='600'/>"
    sid = simulator.phone(ANA).dial()
    simulator.advance(0)
    return sid


def download(simulator: SimulatedTwilio, twilio: Client, recording: str) -> httpx.Response:
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Recordings/{recording}"
    return httpx.get(url, auth=twilio.auth)


def test_pause_leaves_time_out_or_in(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, call: str
) -> None:
    of_call = twilio.calls(call).recordings
    started = of_call.create(
        recording_channels="dual",
        recording_status_callback=f"{hub.url}/recording",
        recording_status_callback_event=["in-progress", "completed", "absent"],
    )
    assert (started.status, started.channels) == ("in-progress", 2)
    simulator.advance(5)
    paused = of_call("Twilio.CURRENT").update(status="paused", pause_behavior="skip")
    assert (paused.sid, paused.status) == (started.sid, "paused")
    simulator.advance(20)
    of_call(started.sid).update(status="in-progress")
    simulator.advance(3)
    of_call("Twilio.CURRENT").update(status="paused", pause_behavior="silence")
    simulator.advance(4)
    of_call("Twilio.CURRENT").update(status="in-progress")
    simulator.advance(1)
    assert of_call("Twilio.CURRENT").update(status="stopped").status == "processing"
    assert download(simulator, twilio, started.sid).status_code == 404
    simulator.advance(2)
    told = hub.asked("/recording")
    assert [f["RecordingStatus"] for f in told] == ["in-progress", "completed"]
    assert (
        told[1].items()
        >= {
            "RecordingDuration": "13",
            "RecordingChannels": "2",
            "RecordingSource": "StartCallRecordingAPI",
            "CallSid": call,
        }.items()
    )
    fetched = twilio.recordings(started.sid).fetch()
    assert (fetched.status, fetched.duration, fetched.call_sid) == ("completed", "13", call)
    with pytest.raises(TwilioRestException) as over:
        of_call("Twilio.CURRENT").update(status="paused")
    assert over.value.code == 20404


def test_recording_ends_with_its_call(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, call: str
) -> None:
    recording = twilio.calls(call).recordings.create()
    simulator.advance(7)
    simulator.phone(ANA).hang_up()
    simulator.advance(3)
    (listed,) = twilio.recordings.list(call_sid=call)
    assert (listed.sid, listed.duration) == (recording.sid, "7")
    assert [r.sid for r in twilio.calls(call).recordings.list()] == [recording.sid]
    with pytest.raises(TwilioRestException) as late:
        twilio.calls(call).recordings.create()
    assert late.value.code == 21220


def test_file_is_real_sound_behind_a_password(
    simulator: SimulatedTwilio, twilio: Client, call: str
) -> None:
    recording = twilio.calls(call).recordings.create(recording_channels="dual").sid
    simulator.advance(4)
    twilio.calls(call).recordings(recording).update(status="stopped")
    simulator.advance(2)
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Recordings/{recording}"
    for extension in ("", ".wav", ".mp3"):
        assert httpx.get(url + extension).status_code == 401
    answer = httpx.get(url + ".wav", auth=twilio.auth)
    assert answer.headers["content-type"] == "audio/x-wav"
    with wave.open(io.BytesIO(answer.content)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 8000, 2)
        assert sound.getnframes() == 4 * 8000
        frames = sound.readframes(4000)
    left, right = memoryview(frames).cast("h")[::2].tolist(), memoryview(frames).cast("h")[1::2]
    assert 500 < max(left) < 3000
    assert left != right.tolist()
    assert download(simulator, twilio, recording).content == answer.content
    assert httpx.get(url + ".mp3", auth=twilio.auth).headers["content-type"] == "audio/mpeg"


def test_files_are_as_long_as_they_should_be() -> None:
    for seconds, channels in ((0.5, 1), (1.25, 2), (60, 1), (90, 1)):
        with wave.open(io.BytesIO(wav(seconds, channels))) as sound:
            assert sound.getnframes() == min(seconds, 60) * 8000
            assert sound.getnchannels() == channels
    frames = mp3(3.6)
    assert len(frames) == 100 * 36
    assert {frames[i : i + 2] for i in range(0, len(frames), 36)} == {b"\xff\xf3"}


def test_deleted_recording_is_gone(simulator: SimulatedTwilio, twilio: Client, call: str) -> None:
    recording = twilio.calls(call).recordings.create().sid
    simulator.advance(4)
    with pytest.raises(TwilioRestException) as early:
        twilio.recordings(recording).delete()
    assert early.value.code == 20009
    twilio.calls(call).recordings(recording).update(status="stopped")
    simulator.advance(2)
    # By the address that webhooks carry, without an extension.
    url = f"{simulator.url}/2010-04-01/Accounts/{twilio.username}/Recordings/{recording}"
    assert httpx.delete(url, auth=twilio.auth).status_code == 204
    assert download(simulator, twilio, recording).status_code == 404
    assert twilio.recordings.list() == []
    assert twilio.calls(call).recordings.list() == []
    again = twilio.calls(call).recordings.create().sid
    simulator.phone(ANA).hang_up()
    simulator.advance(5)
    assert twilio.recordings(again).fetch().status == "absent"
    assert twilio.recordings(again).delete()


def test_call_over_rest_is_recorded_from_the_start(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.step_time()
    simulator.chaos(dial_delay=0)
    simulator.phone(ANA).line("answers", after=2)
    call = twilio.calls.create(
        to=ANA,
        from_=CLINIC,
        twiml="<Response><Pause length='9'/></Response>",
        record=True,
        recording_status_callback=f"{hub.url}/recording",
        status_callback=f"{hub.url}/status",
    )
    simulator.advance(15)
    (told,) = hub.asked("/recording")
    assert told.items() >= {"RecordingSource": "OutboundAPI", "RecordingDuration": "9"}.items()
    (over,) = hub.asked("/status")
    assert over["RecordingSid"] == told["RecordingSid"]
    assert over["RecordingDuration"] == "9"
    assert twilio.calls(call.sid).recordings.list()[0].source == "OutboundAPI"


def test_recording_beside_the_other_verbs(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = (
        '<Start><Recording recordingStatusCallback="/recording"/></Start><Pause length="3"/>'
        '<Stop><Recording/></Stop><Pause length="9"/>'
    )
    simulator.phone(ANA).dial()
    simulator.advance(6)
    (told,) = hub.asked("/recording")
    assert (told["RecordingDuration"], told["RecordingChannels"]) == ("3", "2")
