"""Everybody does anything at any time: what must hold of calls, rooms and queues holds."""

import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, NothingArrived, SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

PHONES = [f"+155501001{n}" for n in range(42, 48)]
AGENTS = ["agent_1", "agent_2"]
STEPS = 120
EVENTS = "start end join leave mute hold modify announcement"

QUEUE = '<Enqueue action="/left-queue" waitUrl="/wait">line</Enqueue>'
ROOM = (
    '<Dial action="/left-room"><Conference statusCallback="/conference" '
    f'statusCallbackEvent="{EVENTS}">room</Conference></Dial>'
)
DOCUMENTS = [
    QUEUE,
    ROOM,
    "<Gather action='/menu' numDigits='1'><Say>Press.</Say></Gather><Say>bye</Say>",
    "<Dial action='/left-room'><Client>agent_1</Client></Dial>",
    "<Dial action='/left-room'><Queue>line</Queue></Dial>",
    "<Record action='/menu' timeout='2'/>",
]


def check(state: dict[str, Any]) -> None:
    """No call is in two places, none that ended is in any, and a room that is over is empty."""
    places: Counter[str] = Counter()
    for conference in state["conferences"]:
        assert conference["status"] != "completed" or conference["members"] == []
        places.update(m["sid"] for m in conference["members"] if m["status"] == "connected")
    for queue in state["queues"]:
        places.update(m["sid"] for m in queue["members"])
    assert set(places.values()) <= {1}
    live = {c["sid"] for c in state["calls"] if c["status"] == "in-progress"}
    assert set(places) <= live
    for device in state["devices"]:
        assert set(device["holds"]) <= live
    current = Counter(c["phone"] for c in state["calls"] if c["sid"] in live)
    assert all(count == 1 for phone, count in current.items() if phone.startswith("+"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_storm(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    open_device: Callable[..., Device],
    seed: int,
) -> None:
    dice = random.Random(seed)
    twilio.queues.create(friendly_name="line", max_size=3)
    script[INCOMING] = lambda seen: dice.choice(DOCUMENTS)
    script["/menu"] = lambda seen: dice.choice([*DOCUMENTS, ""])
    script["/left-queue"] = script["/left-room"] = lambda seen: dice.choice(["", ROOM])
    script["/wait"] = "<Say>Wait.</Say><Play loop='0'>/music.wav</Play>"
    script["/hold"] = "<Play loop='0'>/music.wav</Play>"
    devices = [open_device(identity) for identity in AGENTS]

    def live_calls() -> list[str]:
        return [c["sid"] for c in simulator.voice_state()["calls"] if c["status"] == "in-progress"]

    def redirect() -> None:
        if calls := live_calls():
            document = dice.choice(DOCUMENTS)
            twilio.calls(dice.choice(calls)).update(
                twiml=f"<Response>{absolute(document)}</Response>"
            )

    def absolute(document: str) -> str:
        for path in ("/left", "/wait", "/menu", "/conference"):
            document = document.replace(f'"{path}', f'"{hub.url}{path}')
            document = document.replace(f"'{path}", f"'{hub.url}{path}")
        return document

    def change_participant() -> None:
        for conference in twilio.conferences.list(friendly_name="room", status="in-progress"):
            for person in conference.participants.list()[:1]:
                what = dice.choice(["hold", "unhold", "mute", "kick", "ends", "end"])
                if what == "kick":
                    person.delete()
                elif what == "end":
                    conference.update(status="completed")
                elif what == "ends":
                    person.update(end_conference_on_exit=True)
                elif what == "mute":
                    person.update(muted=dice.random() < 0.5)
                else:
                    person.update(hold=what == "hold", hold_url=f"{hub.url}/hold")

    def add_agent() -> None:
        twilio.conferences("room").participants.create(
            from_=CLINIC,
            to=f"client:{dice.choice(AGENTS)}",
            status_callback=f"{hub.url}/agent",
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            conference_status_callback=f"{hub.url}/conference",
            conference_status_callback_event=EVENTS.split(),
        )

    def device_acts() -> None:
        device = dice.choice(devices)
        what = dice.choice(["accept", "accept", "hang up", "reject", "say"])
        if what == "accept":
            device.accept(seconds=0.05)
        elif what == "reject":
            device.reject(device.wait_for_incoming(seconds=0.05)["sid"])
        elif device.current:
            device.say("hello") if what == "say" else device.hang_up()

    def phone_acts() -> None:
        phone = simulator.phone(dice.choice(PHONES))
        what = dice.choice(["dial", "dial", "dial", "hang_up", "press", "say", "answer"])
        if what == "press":
            phone.press("1")
        elif what == "say":
            phone.say("hello")
        else:
            getattr(phone, what)()

    def take_line() -> None:
        twilio.calls.create(
            to=f"client:{dice.choice(AGENTS)}",
            from_=CLINIC,
            twiml="<Response><Dial timeout='1'><Queue>line</Queue></Dial></Response>",
        )

    acts = [phone_acts] * 6 + [device_acts] * 4
    acts += [redirect, change_participant, change_participant, add_agent, add_agent, take_line]
    for step in range(STEPS):
        # What is not possible just now is refused; nothing else may happen.
        with contextlib.suppress(TwilioRestException, ControlRefused, NothingArrived):
            dice.choice(acts)()
        if step % 10 == 0:
            simulator.settle()
            check(simulator.voice_state())

    simulator.settle()
    for call in simulator.voice_state()["calls"]:
        # Many end with one that was ended before them.
        with contextlib.suppress(TwilioRestException):
            twilio.calls(call["sid"]).update(status="completed")
    simulator.settle()
    state = simulator.voice_state()
    check(state)
    assert {c["state"] for c in state["calls"]} == {"ended"}
    assert all(q["members"] == [] for q in state["queues"])
    assert all(c["status"] == "completed" for c in state["conferences"])
    assert len(state["calls"]) > 20

    told: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path, key in (("/agent", "CallSid"), ("/conference", "ConferenceSid")):
        for fields in hub.asked(path):
            told[fields[key]].append(fields)
    assert told
    for fields in told.values():
        numbers = [f["SequenceNumber"] for f in fields]
        assert numbers == [str(n) for n in range(len(numbers))]
        last = fields[-1]
        assert last.get("StatusCallbackEvent", "conference-end") == "conference-end"
        assert "CallDuration" in last or "ReasonConferenceEnded" in last
    finished = Counter(f["CallSid"] for f in hub.asked("/twilio/voice/status"))
    inbound = [c["sid"] for c in state["calls"] if c["direction"] == "inbound"]
    assert finished == Counter(inbound)
