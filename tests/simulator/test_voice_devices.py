"""Agents' devices: who may register, what they do with calls, and what ends with them."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import websockets
from twilio.rest import Client

from channels_app.simulator.headless import NothingArrived, SimulatedTwilio
from channels_app.simulator.headless_load import AsyncDevice, PhoneBank
from channels_app.simulator.headless_voice import Device, DeviceRefused
from channels_app.simulator.settings import DEFAULT_API_KEY_SECRET, from_environment
from channels_app.simulator.voice.tokens import TokenRefused, read_identity
from tests.simulator.conftest import CLINIC, INCOMING, Script, make_token
from tests.simulator.standin import StandInHub

ANA, BEN = "+15550100142", "+15550100143"

OpenDevice = Callable[..., Device]


def errors_of(device: Device, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 5
    while len(device.messages("error")) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return device.messages("error")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"secret": "another secret that is long enough for the algorithm"}, "20101"),
        ({"key": "SK" + "9" * 32}, "20101"),
        ({"incoming_allow": False}, "20101"),
        ({"ttl": -60}, "20104"),
    ],
)
def test_token_that_is_not_taken(
    open_device: OpenDevice, fields: dict[str, object], code: str
) -> None:
    with pytest.raises(DeviceRefused, match=f"^{code}"):
        open_device("agent_1", **fields)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "e30.e30."])
def test_what_is_no_token(simulator: SimulatedTwilio, hub: StandInHub, token: str) -> None:
    with pytest.raises(DeviceRefused, match=r"^20101"):
        Device(simulator.url, token, hub.url)


def test_token_is_read_field_by_field() -> None:
    settings = from_environment({"HUB_ENV": "test"})
    now = time.time()
    good = {
        "iss": settings.api_key_sid,
        "sub": settings.account_sid,
        "exp": now + 60,
        "grants": {"identity": "agent_1", "voice": {"incoming": {"allow": True}}},
    }

    def sign(payload: dict[str, object], cty: str = "twilio-fpa;v=1") -> str:
        return jwt.encode(payload, DEFAULT_API_KEY_SECRET, "HS256", headers={"cty": cty})

    assert read_identity(sign(good), settings) == ("agent_1", good["exp"])
    wrong = [
        sign(good, cty="other"),
        sign(good | {"exp": now + 90_000}),
        sign(good | {"exp": "soon"}),
        sign(good | {"nbf": now + 600}),
        sign(good | {"sub": "AC" + "9" * 32}),
        sign(good | {"grants": {"identity": "a b", "voice": {"incoming": {"allow": True}}}}),
        sign(good | {"grants": {"identity": "agent_1"}}),
        sign(good | {"grants": []}),
        sign(good).replace(".", ".e30", 1),
        jwt.encode(good, None, "none", headers={"cty": "twilio-fpa;v=1"}),
    ]
    for token in wrong:
        with pytest.raises(TokenRefused):
            read_identity(token, settings)


def test_device_goes_when_its_token_does(
    simulator: SimulatedTwilio, hub: StandInHub, open_device: OpenDevice
) -> None:
    device = open_device("agent_1", ttl=3)
    assert errors_of(device, 1)[0]["code"] == 20104


async def test_only_pages_of_the_hub_may_connect(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    url = simulator.url.replace("http", "ws") + f"/simulator/device?token={make_token('agent_1')}"
    other_name = hub.url.replace("127.0.0.1", "localhost")
    for origin in (hub.url, other_name, simulator.url, None):
        async with websockets.connect(url, origin=origin) as socket:
            assert json.loads(await socket.recv()) == {"type": "ready", "identity": "agent_1"}
    for origin in (
        "http://evil.example.org",
        hub.url.replace("http", "https"),
        "null",
        "http://x:y",
    ):
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(url, origin=origin)
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(
            simulator.url.replace("http", "ws") + "/simulator/socket", origin=hub.url
        )


def test_device_that_reloads_hangs_up(
    simulator: SimulatedTwilio, twilio: Client, script: Script, open_device: OpenDevice
) -> None:
    agent = open_device()
    script[INCOMING] = "<Dial><Client>agent_1</Client></Dial>"
    simulator.phone(ANA).dial()
    sid = agent.accept()
    simulator.phone(ANA).wait_until("bridged")
    agent.close()
    simulator.phone(ANA).wait_until("ended")
    assert twilio.calls(sid).fetch().status == "completed"
    assert simulator.voice_state()["devices"] == []


def test_device_turns_a_call_down_for_all_of_its_agent(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    open_device: OpenDevice,
) -> None:
    first, second = open_device(), open_device()
    script[INCOMING] = '<Dial action="/done"><Client>agent_1</Client></Dial>'
    simulator.phone(ANA).dial()
    sid = second.wait_for_incoming()["sid"]
    first.reject()
    second.wait_for("cancel", sid)
    assert hub.wait_for("/done")["DialCallStatus"] == "busy"


def test_device_rings_out(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script, open_device: OpenDevice
) -> None:
    agent = open_device()
    simulator.step_time()
    script[INCOMING] = '<Dial action="/done" timeout="15"><Client>agent_1</Client></Dial>'
    simulator.phone(ANA).dial()
    simulator.advance(19)
    sid = agent.wait_for_incoming()["sid"]
    simulator.advance(2)
    agent.wait_for("cancel", sid)
    assert hub.asked("/done")[0]["DialCallStatus"] == "no-answer"


def test_device_presses_keys_and_mutes_itself(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    open_device: OpenDevice,
) -> None:
    agent = open_device()
    script[INCOMING] = '<Dial><Client url="/whisper">agent_1</Client></Dial>'
    script["/whisper"] = (
        '<Gather action="/take" numDigits="1"><Say>Press 1.</Say></Gather><Hangup/>'
    )
    ana = simulator.phone(ANA)
    ana.dial()
    agent.accept()
    agent.wait_for_heard("Press 1.")
    agent.press("1#")
    assert hub.wait_for("/take")["Digits"] == "1"
    ana.wait_until("bridged")
    agent.mute()
    agent.say("aside")
    agent.mute(False)
    agent.say("Good morning.")
    ana.wait_for_heard("Good morning.")
    assert ana.heard() == ["Good morning."]


def test_device_is_told_what_it_cannot_do(
    simulator: SimulatedTwilio, open_device: OpenDevice
) -> None:
    agent = open_device()
    agent.send("say", sid="CA" + "0" * 32, text="hi")
    agent.send("dance", sid="x")
    agent.send("say")
    assert [m["code"] for m in errors_of(agent, 3)] == [31002, 31000, 31000]


def test_reset_lets_devices_go(simulator: SimulatedTwilio, open_device: OpenDevice) -> None:
    agent = open_device()
    simulator.reset()
    assert simulator.voice_state()["devices"] == []
    with pytest.raises(NothingArrived):
        agent.wait_for_incoming(seconds=2)


async def test_many_phones_and_devices_in_one_process(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    twilio.queues.create(friendly_name="line")
    script[INCOMING] = '<Enqueue waitUrl="/wait">line</Enqueue><Say>Goodbye.</Say>'
    script["/wait"] = "<Say>Please wait.</Say><Pause length='60'/>"
    script["/take"] = "<Dial><Queue>line</Queue></Dial>"
    callers = [f"+1555010{1000 + n}" for n in range(12)]

    async def patient(bank: PhoneBank, e164: str) -> None:
        phone = bank.phone(e164)
        await phone.dial(CLINIC)
        await phone.until("bridged", 30)
        await phone.say("thank you")
        await phone.until("ended", 30)

    async def agent(number: int) -> int:
        taken = 0
        token = make_token(f"agent_{number}")
        async with AsyncDevice(simulator.url, token, hub.url) as device:
            while taken < 4:
                await asyncio.to_thread(
                    twilio.calls.create,
                    to=f"client:agent_{number}",
                    from_=CLINIC,
                    url=f"{hub.url}/take",
                )
                await device.accept(20)
                await device.until(lambda: _thanked(device), 20, "thanks")
                await device.hang_up()
                await device.wait_for("disconnect")
                taken += 1
        return taken

    def _thanked(device: AsyncDevice) -> bool:
        return any(m["type"] == "heard" and m["sid"] == device.current for m in device.messages)

    async with PhoneBank(simulator.url) as bank:
        patients = [asyncio.create_task(patient(bank, e164)) for e164 in callers]
        taken = await asyncio.gather(*(agent(n) for n in range(3)))
        await asyncio.gather(*patients)
        state = await bank.state()
    assert sum(taken) == len(callers)
    assert {c["state"] for c in state["calls"]} == {"ended"}
    assert all(bank.phone(e164).lines[-1]["text"] == "Goodbye." for e164 in callers)
