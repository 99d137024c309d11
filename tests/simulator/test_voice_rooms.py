"""Queues, conferences and devices together: a caller waits, an agent takes the call."""

from collections.abc import Callable

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import NothingArrived, SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.simulator.conftest import CLINIC, INCOMING, MUSIC, Script
from tests.simulator.standin import StandInHub

ANA, BEN = "+15550100142", "+15550100143"
EVENTS = "start end join leave mute hold modify announcement"

OpenDevice = Callable[..., Device]


def conference(name: str = "room", **attributes: str) -> str:
    given = {"statusCallback": "/conference", "statusCallbackEvent": EVENTS, **attributes}
    written = " ".join(f'{key}="{value}"' for key, value in given.items())
    return f'<Dial action="/left"><Conference {written}>{name}</Conference></Dial>'


def events(hub: StandInHub) -> list[str]:
    return [fields["StatusCallbackEvent"] for fields in hub.asked("/conference")]


def test_caller_waits_and_is_joined_to_an_agent(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    open_device: OpenDevice,
) -> None:
    script[INCOMING] = '<Enqueue action="/left-queue" waitUrl="/wait">cardiology</Enqueue>'
    script["/wait"] = '<Say>You are next.</Say><Play loop="0">/music.wav</Play>'
    script["/join"] = conference(participantLabel="patient")
    agent, ana = open_device(), simulator.phone(ANA)
    caller = ana.dial(CLINIC)
    ana.wait_until("queued")
    ana.wait_for_heard("You are next.")
    position = hub.asked("/wait")[0]
    assert (position["QueuePosition"], position["CurrentQueueSize"]) == ("1", "1")
    assert position["MaxQueueSize"] == "100"

    added = twilio.conferences("room").participants.create(
        from_=CLINIC,
        to="client:agent_1",
        label="agent",
        timeout=20,
        status_callback=f"{hub.url}/agent",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        conference_status_callback=f"{hub.url}/conference",
        conference_status_callback_event=EVENTS.split(),
    )
    call = agent.wait_for_incoming()
    assert call == {"sid": added.call_sid, "from": CLINIC, "to": "client:agent_1", "parameters": {}}
    agent.accept()
    agent.wait_for("music")
    twilio.calls(caller).update(url=f"{hub.url}/join", method="POST")
    ana.wait_until("bridged")
    agent.say("Good morning, cardiology.")
    ana.wait_for_heard("Good morning")
    ana.say("I feel dizzy.")
    agent.wait_for_heard("dizzy")
    assert hub.wait_for("/left-queue")["QueueResult"] == "redirected"
    state = simulator.voice_state()
    assert [m["label"] for m in state["conferences"][0]["members"]] == ["agent", "patient"]
    assert state["queues"][0]["members"] == []

    agent.hang_up()
    agent.wait_for("disconnect")
    ana.hang_up()
    ana.wait_until("ended")
    simulator.settle()
    assert events(hub) == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    assert [f["SequenceNumber"] for f in hub.asked("/conference")] == list("012345")
    left, last, end = hub.asked("/conference")[3:]
    assert (left["ParticipantLabel"], left["ReasonParticipantLeft"]) == (
        "agent",
        "participant_hung_up",
    )
    assert left["ParticipantCallStatus"] == "completed"
    assert end["ReasonConferenceEnded"] == "last-participant-left"
    assert end["CallSidEndingConference"] == last["CallSid"] == caller
    assert [f["CallStatus"] for f in hub.asked("/agent")] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert all(seen.signed for seen in hub.seen if seen.path != MUSIC)
    assert twilio.conferences(added.conference_sid).fetch().status == "completed"


def test_first_device_to_accept_wins(
    simulator: SimulatedTwilio, twilio: Client, script: Script, open_device: OpenDevice
) -> None:
    first, second = open_device(), open_device()
    twilio.conferences("room").participants.create(from_=CLINIC, to="client:agent_1")
    sid = first.wait_for_incoming()["sid"]
    assert second.wait_for_incoming()["sid"] == sid
    second.accept(sid)
    first.wait_for("cancel", sid)
    with pytest.raises(NothingArrived):
        first.accept(sid, seconds=0.3)


def test_agent_without_a_device_does_not_answer(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    added = twilio.conferences("room").participants.create(
        from_=CLINIC,
        to="client:nobody",
        conference_status_callback=f"{hub.url}/conference",
        conference_status_callback_event=EVENTS.split(),
    )
    simulator.settle()
    assert twilio.calls(added.call_sid).fetch().status == "no-answer"
    left = hub.asked("/conference")[0]
    assert left["ReasonParticipantLeft"] == "participant_add_failed"
    assert left["ParticipantCallStatus"] == "no-answer"
    with pytest.raises(TwilioRestException):
        twilio.conferences("room").participants(added.call_sid).fetch()
