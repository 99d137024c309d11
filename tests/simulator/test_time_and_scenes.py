"""The clock, the scenes played on it, and Twilio's own STOP handling."""

from collections import Counter

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import ControlRefused, NothingArrived, SimulatedTwilio
from channels_app.simulator.pictures import picture
from channels_app.simulator.scenes import SCENES
from tests.simulator.conftest import CLINIC, INCOMING, Script
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


@pytest.mark.parametrize("name", sorted(name for name, scene in SCENES.items() if scene.lines))
def test_every_scene_of_texts_plays_to_its_end(
    simulator: SimulatedTwilio, hub: StandInHub, name: str
) -> None:
    simulator.step_time()
    simulator.play(name, to="+15550100200")
    simulator.advance(SCENES[name].seconds)
    assert len(hub.bodies()) == len(SCENES[name].lines)
    assert {s.fields["To"] for s in hub.seen} == {"+15550100200"}
    (shown,) = [s for s in simulator.ask("GET", "/scenes")["scenes"] if s["name"] == name]
    assert (shown["playing"], shown["played"]) == (False, len(SCENES[name].lines))


def test_three_callers_press_speak_and_are_called_back(
    simulator: SimulatedTwilio, script: Script, hub: StandInHub, twilio: Client
) -> None:
    language, menu = "<Gather numDigits='1' timeout='30' action='/language'/>", "/menu"
    script[INCOMING] = language
    script["/language"] = f"<Gather numDigits='1' timeout='30' action='{menu}'/>"
    script[menu] = lambda seen: {
        "1": "<Enqueue waitUrl='/wait'>desk</Enqueue>",
        "8": "<Record finishOnKey='#' timeout='30' action='/left'/>",
    }[seen.fields["Digits"]]
    script["/wait"] = (
        "<Gather numDigits='1' timeout='1' action='/keep'><Say>Press 1.</Say></Gather>"
    )
    script["/keep"] = "<Leave/>"
    script["/left"] = "<Hangup/>"
    lucia, sam, nora = SCENES["three-callers"].phones
    simulator.step_time()
    simulator.play("three-callers")
    simulator.advance(60)
    assert {s.fields["From"]: s.fields["Digits"] for s in hub.seen if s.path == "/language"} == {
        lucia: "2",
        sam: "1",
        nora: "1",
    }
    (left,) = hub.asked("/left")
    assert (left["From"], left["Digits"]) == (sam, "#")
    assert [seen["From"] for seen in hub.asked("/keep")] == [nora]
    said = [h["text"] for h in simulator.phone(sam).call()["heard"] if h["kind"] == "said"]
    assert len(said) == 3
    assert [simulator.phone(each).call()["state"] for each in (lucia, sam, nora)] == [
        "queued",
        "ended",
        "ended",
    ]
    # A person takes Lucía's call; she answers each time she is spoken to, and hangs up at the end.
    ben = simulator.phone("+15550100143")
    ben.line("answers")
    twilio.calls.create(
        to=ben.e164, from_=CLINIC, twiml="<Response><Dial><Queue>desk</Queue></Dial></Response>"
    )
    simulator.advance(5)
    for _ in range(3):
        ben.say("Buenos días")
        simulator.advance(5)
    assert len(ben.heard()) == 3
    assert simulator.phone(lucia).call()["state"] == "ended"
    (shown,) = [s for s in simulator.ask("GET", "/scenes")["scenes"] if s["title"][:5] == "Three"]
    assert (shown["playing"], shown["played"]) == (False, shown["lines"])


def test_stopped_callers_hang_up(
    simulator: SimulatedTwilio, script: Script, hub: StandInHub
) -> None:
    script[INCOMING] = "<Pause length='500'/>"
    simulator.step_time()
    simulator.play("three-callers")
    simulator.advance(10)
    simulator.ask("POST", "/scenes/three-callers/stop")
    simulator.advance(1)
    assert {call["state"] for call in simulator.voice_state()["calls"]} == {"ended"}


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
