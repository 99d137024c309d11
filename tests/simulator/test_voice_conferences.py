"""Conferences over REST: hold, mute, coaching, kicks, ends and announcements."""

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from channels_app.simulator.headless import SimulatedPhone, SimulatedTwilio
from tests.simulator.conftest import CLINIC, INCOMING, Script
from tests.simulator.standin import StandInHub

ANA, BEN, CARMEN = "+15550100142", "+15550100143", "+15550100144"
EVENTS = "start end join leave mute hold modify announcement"


def room(**attributes: str) -> str:
    given = {"statusCallback": "/conference", "statusCallbackEvent": EVENTS, **attributes}
    written = " ".join(f'{key}="{value}"' for key, value in given.items())
    return f'<Dial action="/left"><Conference {written}>room</Conference></Dial>'


def events(hub: StandInHub) -> list[str]:
    return [fields["StatusCallbackEvent"] for fields in hub.asked("/conference")]


@pytest.fixture
def three(
    simulator: SimulatedTwilio, twilio: Client, script: Script
) -> tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone]:
    """Ana, Ben and Carmen in one room, by the labels of their names."""
    labels = {ANA: "ana", BEN: "ben", CARMEN: "carmen"}
    script[INCOMING] = lambda seen: room(participantLabel=labels[seen.fields["From"]])
    phones = tuple(simulator.phone(e164) for e164 in labels)
    for phone in phones:
        phone.dial()
        phone.wait_until("connected")
    phones[2].wait_until("bridged")
    simulator.settle()
    return phones


def the_room(twilio: Client) -> str:
    (conference,) = twilio.conferences.list(friendly_name="room", status="in-progress")
    sid: str = conference.sid
    return sid


def test_everybody_hears_who_is_not_muted(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    ana, ben, carmen = three
    ana.say("one")
    people = twilio.conferences(the_room(twilio)).participants
    assert people("ana").update(muted=True).muted is True
    ana.say("two")
    people("ana").update(muted=False)
    ana.say("three")
    assert ben.heard() == carmen.heard() == ["one", "three"]
    assert ana.heard() == []
    people("ana").update(muted=False)
    simulator.settle()
    assert events(hub)[-2:] == ["participant-mute", "participant-unmute"]
    assert hub.asked("/conference")[-2]["Muted"] == "true"
    assert hub.asked("/conference")[-2]["ParticipantLabel"] == "ana"


def test_who_is_on_hold_hears_the_document_and_nobody(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    ana, ben, carmen = three
    script["/hold"] = "<Say>Please hold.</Say><Pause length='30'/>"
    people = twilio.conferences(the_room(twilio)).participants
    people("ana").update(hold=True, hold_url=f"{hub.url}/hold", hold_method="POST")
    ana.wait_for_heard("Please hold.")
    ana.say("Hello?")
    ben.say("We are alone.")
    carmen.wait_for_heard("alone")
    assert ana.call()["call"]["bridged"] is False
    assert people("ana").fetch().hold is True
    people("ana").update(hold=False)
    ana.wait_until("bridged")
    ben.say("Back again.")
    ana.wait_for_heard("Back again.")
    assert ben.heard() == []
    assert "We are alone." not in ana.heard()
    simulator.settle()
    assert events(hub)[-2:] == ["participant-hold", "participant-unhold"]


def test_hold_document_is_asked_again_after_a_second(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    simulator.step_time()
    script["/hold"] = "<Say>Please hold.</Say>"
    people = twilio.conferences(the_room(twilio)).participants
    people("ana").update(hold=True, hold_url=f"{hub.url}/hold")
    simulator.advance(0.9)
    assert len(hub.asked("/hold")) == 1
    simulator.advance(2.2)
    assert len(hub.asked("/hold")) == 4
    people("ana").update(hold=False)
    simulator.advance(5)
    assert len(hub.asked("/hold")) == 4


def test_hold_without_a_document_is_music(
    simulator: SimulatedTwilio,
    twilio: Client,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    simulator.step_time()
    ana = three[0]
    people = twilio.conferences(the_room(twilio)).participants
    people("ana").update(hold=True)
    simulator.advance(1)
    assert ana.call()["call"]["music"] is True
    people("ana").update(hold=False)
    simulator.advance(0)
    assert ana.call()["call"]["music"] is False


def test_coach_is_heard_by_one_only(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    ana, ben, carmen = three
    people = twilio.conferences(the_room(twilio)).participants
    agent = people("ben").fetch().call_sid
    coaching = people("carmen").update(coaching=True, call_sid_to_coach=agent)
    assert (coaching.coaching, coaching.call_sid_to_coach) == (True, agent)
    carmen.say("Offer Friday.")
    ana.say("When?")
    people("carmen").update(coaching=False)
    carmen.say("Friday at nine?")
    assert ana.heard() == ["Friday at nine?"]
    assert ben.heard() == ["Offer Friday.", "When?", "Friday at nine?"]
    assert carmen.heard() == ["When?"]
    simulator.settle()
    assert events(hub)[-2:] == ["participant-modify", "participant-modify"]


def test_coaching_needs_somebody_to_coach(
    twilio: Client, three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone]
) -> None:
    people = twilio.conferences(the_room(twilio)).participants
    for wrong in ({"coaching": True}, {"call_sid_to_coach": "CA" + "0" * 32}):
        with pytest.raises(TwilioRestException) as refused:
            people("carmen").update(**wrong)
        assert refused.value.code == 21244


def test_who_is_kicked_goes_on_with_the_action(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    script["/left"] = "<Say>You were removed.</Say>"
    twilio.conferences(the_room(twilio)).participants("ana").delete()
    three[0].wait_for_heard("removed")
    simulator.settle()
    (action,) = hub.asked("/left")
    assert action["DialCallStatus"] == "completed"
    assert "DialCallSid" not in action
    assert hub.asked("/conference")[-1]["ReasonParticipantLeft"] == "participant_updated_via_api"
    three[1].hang_up()
    three[2].hang_up()
    three[2].wait_until("ended")


def test_room_ended_over_rest_sends_everybody_on(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    sid = the_room(twilio)
    ended = twilio.conferences(sid).update(status="completed")
    assert ended.status == "completed"
    assert ended.reason_conference_ended == "conference-ended-via-api"
    simulator.settle()
    assert len(hub.asked("/left")) == 3
    leaves, end = hub.asked("/conference")[-4:-1], hub.asked("/conference")[-1]
    assert {f["ReasonParticipantLeft"] for f in leaves} == {"conference_ended_via_api"}
    assert end["ReasonConferenceEnded"] == "conference-ended-via-api"
    assert twilio.conferences(sid).participants.list() == []


def test_room_ends_with_the_one_who_ends_it(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    people = twilio.conferences(the_room(twilio)).participants
    assert people("ben").update(end_conference_on_exit=True).end_conference_on_exit is True
    three[1].hang_up()
    three[0].wait_until("ended")
    three[2].wait_until("ended")
    simulator.settle()
    *_, first, second, third, end = hub.asked("/conference")
    assert first["ReasonParticipantLeft"] == "participant_hung_up"
    assert {second["ReasonParticipantLeft"], third["ReasonParticipantLeft"]} == {
        "moderator_ended_conference"
    }
    assert end["ReasonConferenceEnded"] == "participant-with-end-conference-on-exit-left"
    assert end["ParticipantLabelEndingConference"] == "ben"


def test_redirect_takes_one_out(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    sid = three[0].call()["call"]["sid"]
    twilio.calls(sid).update(twiml="<Response><Say>Another department.</Say></Response>")
    three[0].wait_for_heard("Another department.")
    simulator.settle()
    assert hub.asked("/left") == []
    last = hub.asked("/conference")[-1]
    assert (last["CallSid"], last["ReasonParticipantLeft"]) == (sid, "participant_updated_via_api")


def test_warm_handover_and_a_cold_one(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    ana, ben, carmen = three
    people = twilio.conferences(the_room(twilio)).participants
    people("ana").update(hold=True, hold_url=f"{hub.url}/hold")
    ben.say("She needs a refill.")
    carmen.say("I take over.")
    people("ana").update(hold=False)
    ben.hang_up()
    ben.wait_until("ended")
    ana.wait_until("bridged")
    carmen.say("Hello Ana.")
    ana.wait_for_heard("Hello Ana.")
    assert ana.heard() == ["Hello Ana."]
    # Cold: back into a queue of another department; the room goes on with who is left in it.
    script["/queue"] = '<Enqueue waitUrl="/wait">other</Enqueue>'
    script["/wait"] = "<Pause length='60'/>"
    sid = ana.call()["call"]["sid"]
    twilio.calls(sid).update(url=f"{hub.url}/queue", method="POST")
    ana.wait_until("queued")
    state = simulator.voice_state()
    assert [m["label"] for m in state["conferences"][0]["members"]] == ["carmen"]
    assert [m["sid"] for m in state["queues"][0]["members"]] == [sid]
    assert carmen.call()["state"] == "connected"


def test_announcement_is_heard_by_one(
    simulator: SimulatedTwilio,
    twilio: Client,
    hub: StandInHub,
    script: Script,
    three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone],
) -> None:
    script["/announce"] = "<Say>Two minutes left.</Say>"
    people = twilio.conferences(the_room(twilio)).participants
    people("ana").update(announce_url=f"{hub.url}/announce")
    three[0].wait_for_heard("Two minutes")
    simulator.settle()
    assert three[1].heard() == []
    assert events(hub)[-1] == "announcement-end"
    three[1].say("Hurry up.")
    three[0].wait_for_heard("Hurry")


def test_alone_one_waits_with_the_wait_document(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = lambda seen: room(
        waitUrl="/wait", startConferenceOnEnter=str(seen.fields["From"] == CARMEN).lower()
    )
    script["/wait"] = "<Say>Somebody will come.</Say><Pause length='60'/>"
    ana, ben, carmen = (simulator.phone(e164) for e164 in (ANA, BEN, CARMEN))
    ana.dial()
    ana.wait_for_heard("Somebody will come.")
    ben.dial()
    ben.wait_for_heard("Somebody will come.")
    assert [c.status for c in twilio.conferences.list()] == ["init"]
    ben.say("Anybody?")
    assert "Anybody?" not in ana.heard()
    carmen.dial()
    ana.wait_until("bridged")
    ben.say("There you are.")
    ana.wait_for_heard("There you are.")


def test_events_go_where_the_first_one_asked_for(
    simulator: SimulatedTwilio, hub: StandInHub, script: Script
) -> None:
    script[INCOMING] = lambda seen: room(
        statusCallback="/first" if seen.fields["From"] == ANA else "/second",
        statusCallbackEvent="join",
    )
    for e164 in (ANA, BEN):
        simulator.phone(e164).dial()
        simulator.phone(e164).wait_until("connected")
    simulator.settle()
    assert len(hub.asked("/first")) == 2
    assert hub.asked("/second") == []


def test_conference_is_recorded(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    simulator.step_time()
    script[INCOMING] = room(record="record-from-start", recordingStatusCallback="/recording")
    for e164 in (ANA, BEN):
        simulator.phone(e164).dial()
        simulator.advance(1)
    (conference,) = twilio.conferences.list(status="in-progress")
    (running,) = twilio.conferences(conference.sid).recordings.list()
    assert (running.status, running.source) == ("in-progress", "Conference")
    running.update(status="paused", pause_behavior="skip")
    simulator.advance(10)
    running.update(status="in-progress")
    simulator.advance(4)
    twilio.conferences(conference.sid).update(status="completed")
    simulator.advance(2)
    (told,) = hub.asked("/recording")
    assert told["ConferenceSid"] == conference.sid
    assert "CallSid" not in told
    assert told["RecordingDuration"] == "5"
    assert told["RecordingSource"] == "Conference"


def test_participants_are_listed_and_found(
    twilio: Client, three: tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone]
) -> None:
    sid = the_room(twilio)
    people = twilio.conferences(sid).participants
    assert [p.label for p in people.list()] == ["ana", "ben", "carmen"]
    people("ben").update(hold=True)
    assert [p.label for p in people.list(hold=True)] == ["ben"]
    assert people(people("ana").fetch().call_sid).fetch().label == "ana"
    for wrong in (people("nobody"), twilio.conferences("CF" + "0" * 32)):
        with pytest.raises(TwilioRestException) as missing:
            wrong.fetch()
        assert missing.value.code == 20404


def test_participant_is_called_and_let_go_again(
    simulator: SimulatedTwilio, twilio: Client, hub: StandInHub, script: Script
) -> None:
    added = twilio.conferences("room").participants.create(from_=CLINIC, to=BEN, label="ben")
    assert added.status == "queued"
    ben = simulator.phone(BEN)
    ben.wait_until("ringing")
    assert twilio.conferences(added.conference_sid).participants("ben").fetch().status == "ringing"
    twilio.conferences(added.conference_sid).participants("ben").delete()
    ben.wait_until("ended")
    assert twilio.calls(added.call_sid).fetch().status == "canceled"
    assert twilio.conferences(added.conference_sid).fetch().status == "completed"


def test_participant_cannot_be_called_by_a_stranger_or_into_the_void(twilio: Client) -> None:
    people = twilio.conferences("room").participants
    for fields, code in (
        ({"from_": "+15550109999", "to": BEN}, 21210),
        ({"from_": CLINIC, "to": "banana"}, 21211),
        ({"from_": CLINIC, "to": "+15005550001"}, 21217),
        ({"from_": CLINIC, "to": BEN, "call_sid_to_coach": "CA" + "0" * 32}, 21244),
    ):
        with pytest.raises(TwilioRestException) as refused:
            people.create(**fields)
        assert refused.value.code == code
    assert twilio.conferences.list() == []
