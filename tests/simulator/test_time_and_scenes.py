"""The clock, the scenes played on it, and Twilio's own STOP handling."""

from collections import Counter

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, NothingArrived, SimulatedTwilio
from channels_app.simulator.pictures import picture
from channels_app.simulator.scenes import SCENES
from tests.simulator.conftest import CLINIC
from tests.simulator.standin import StandInHub

ANA = "+15550100142"
MONDAY = SCENES["busy-monday-morning"]


def test_stepped_clock_stands_still(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.step_time()
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    before = simulator.ask("GET", "/clock")["now"]
    simulator.settle()
    assert simulator.ask("GET", "/clock")["now"] == before
    assert hub.seen == []


def test_running_clock_cannot_be_stepped(simulator: SimulatedTwilio) -> None:
    with pytest.raises(ControlRefused, match=r"^409"):
        simulator.advance(1)


def test_fast_clock_delivers_in_a_moment(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.run_time(factor=100)
    simulator.chaos(sent_delay=10, dlr_delay=10)
    sent = twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    simulator.settle(3)
    assert twilio.messages(sent.sid).fetch().status == "delivered"


def test_sleepers_wake_when_the_clock_is_let_go(simulator: SimulatedTwilio, twilio: Client) -> None:
    simulator.step_time()
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    simulator.run_time()
    assert simulator.phone(ANA).wait_for("hi") == "hi"


def test_busy_monday_is_what_it_promises() -> None:
    assert len(MONDAY.phones) == 11
    assert MONDAY.seconds == 300
    assert {line.phone for line in MONDAY.lines} == set(MONDAY.phones)
    shared = [label for label in MONDAY.phones.values() if " and " in label]
    assert len(shared) == 1
    assert list(MONDAY.lines) == sorted(MONDAY.lines, key=lambda line: line.at)


def test_busy_monday_plays_on_the_stepped_clock(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    simulator.step_time()
    simulator.play("busy-monday-morning")
    simulator.advance(60)
    assert hub.bodies() == [line.body for line in MONDAY.lines if line.at <= 60]
    simulator.advance(240)
    assert hub.bodies() == [line.body for line in MONDAY.lines]
    assert Counter(s.fields["From"] for s in hub.seen) == Counter(x.phone for x in MONDAY.lines)
    assert [s.fields["NumMedia"] for s in hub.seen].count("1") == 1
    assert all(s.signed for s in hub.seen)


def test_speed_shortens_a_scene(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.step_time()
    simulator.play("busy-monday-morning", speed=10)
    simulator.advance(30)
    assert len(hub.bodies()) == len(MONDAY.lines)


def test_stopped_scene_is_silent(simulator: SimulatedTwilio, hub: StandInHub) -> None:
    simulator.step_time()
    simulator.play("busy-monday-morning")
    simulator.advance(30)
    simulator.ask("POST", "/scenes/busy-monday-morning/stop")
    said = len(hub.bodies())
    simulator.advance(300)
    assert len(hub.bodies()) == said > 0


@pytest.mark.parametrize("name", sorted(SCENES))
def test_every_scene_plays_to_its_end(
    simulator: SimulatedTwilio, hub: StandInHub, name: str
) -> None:
    simulator.step_time()
    simulator.play(name, to="+15550100200")
    simulator.advance(SCENES[name].seconds)
    assert len(hub.bodies()) == len(SCENES[name].lines)
    assert {s.fields["To"] for s in hub.seen} == {"+15550100200"}
    (shown,) = [s for s in simulator.ask("GET", "/scenes")["scenes"] if s["name"] == name]
    assert (shown["playing"], shown["played"]) == (False, len(SCENES[name].lines))


def test_unknown_scene_speed_and_number_are_refused(simulator: SimulatedTwilio) -> None:
    with pytest.raises(ControlRefused, match=r"^404"):
        simulator.play("hamlet")
    with pytest.raises(ControlRefused, match=r"^400"):
        simulator.play("stop-and-start", speed=0)
    with pytest.raises(ControlRefused, match=r"^404"):
        simulator.play("stop-and-start", to="+15550100999")


def test_scene_pictures_are_png() -> None:
    assert picture("card").startswith(b"\x89PNG\r\n\x1a\n")


def test_stop_is_the_hubs_business_by_default(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.phone(ANA).send("STOP")
    simulator.settle()
    assert hub.bodies() == ["STOP"]
    assert simulator.phone(ANA).received() == []
    assert twilio.messages.create(to=ANA, from_=CLINIC, body="ok").status == "queued"


def test_provider_blocks_after_stop_where_it_is_on(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.opt_out("default")
    ana = simulator.phone(ANA)
    ana.send(" stop ")
    simulator.settle()
    assert hub.bodies() == [" stop "]
    assert "OptOutType" not in hub.seen[0].fields
    assert "unsubscribed" in ana.received()[0]
    with pytest.raises(TwilioRestException) as refused:
        twilio.messages.create(to=ANA, from_=CLINIC, body="hi")
    assert refused.value.code == 21610
    # The block holds for this pair of numbers only.
    twilio.messages.create(to=ANA, from_="+15550100200", body="hi")
    ana.send("START")
    simulator.settle()
    assert "re-subscribed" in ana.received()[-1]
    assert twilio.messages.create(to=ANA, from_=CLINIC, body="hi").status == "queued"


def test_advanced_opt_out_says_so_in_the_webhook(
    simulator: SimulatedTwilio, hub: StandInHub
) -> None:
    simulator.opt_out("advanced")
    for body in ("HELP", "please stop", "OPTOUT", "unstop"):
        simulator.phone(ANA).send(body)
        simulator.settle()
    assert [s.fields.get("OptOutType") for s in hub.seen] == ["HELP", None, "STOP", "START"]


def test_phone_waits_in_vain(simulator: SimulatedTwilio) -> None:
    with pytest.raises(NothingArrived):
        simulator.phone(ANA).wait_for("anything", seconds=0.1)


def test_phone_cannot_send_what_no_phone_can(simulator: SimulatedTwilio) -> None:
    ana = simulator.phone(ANA)
    with pytest.raises(ControlRefused, match=r"^404"):
        ana.send("hi", to="+15550100999")
    for body, media in (("", []), ("x" * 1601, []), ("", [("image/png", b"x")] * 11)):
        with pytest.raises(ControlRefused, match=r"^400"):
            ana.send(body, media=media)
    with pytest.raises(ControlRefused, match=r"^400"):
        simulator.phone("0142").send("hi")
    assert simulator.messages() == []


def test_reset_forgets_everything(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub
) -> None:
    simulator.step_time()
    twilio.messages.create(to=ANA, from_=CLINIC, body="hi", status_callback=f"{hub.url}/status")
    simulator.play("busy-monday-morning")
    simulator.reset()
    simulator.settle()
    assert hub.seen == []
    assert simulator.messages() == []
    assert simulator.webhooks() == []
    assert twilio.messages.list() == []
