"""The Conferences resource and its Participants."""

from __future__ import annotations

from email.utils import format_datetime
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response

from .. import errors
from ..errors import TwilioError
from ..paging import page_of
from ..rest import Call
from ..simulator import Simulator
from . import calling, conferences, recordings
from .exchange import VERSION
from .leg import LONGEST_CALL, Detection, HungUp, Leg, Source
from .model import Conference, Participant, Wishes
from .rest_calls import (
    is_web_address,
    new_outgoing_leg,
    recording_of,
    ring_seconds,
    whole,
    words,
)

MOST_PARTICIPANTS = 250
_STATUS = {"queued": "queued", "ringing": "ringing"}


async def list_conferences(call: Call) -> Response:
    """Conferences, newest first, by ``FriendlyName`` and ``Status``."""
    rooms = reversed(call.simulator.exchange.conferences.values())
    wanted = [
        room
        for room in rooms
        if call.query.get("FriendlyName", room.name) == room.name
        and call.query.get("Status", room.status) == room.status
        and call.query.get("DateCreated", f"{room.created:%Y-%m-%d}") == f"{room.created:%Y-%m-%d}"
    ]
    return page_of(call, "conferences", wanted, partial(as_resource, call.simulator))


async def fetch(call: Call) -> Response:
    """One conference."""
    return JSONResponse(as_resource(call.simulator, _find(call, "sid")))


async def update(call: Call) -> Response:
    """End a conference, or announce something to everybody in it."""
    room = _find(call, "sid")
    if call.field("Status"):
        if room.over:
            raise TwilioError(20404, "The conference has ended", 404)
        conferences.end(call.simulator.exchange, room, "conference-ended-via-api")
    if call.field("AnnounceUrl"):
        source = _document(call, "Announce", "announcement")
        for participant in room.connected:
            participant.announcement = source
            participant.leg.bell.ring()
    return JSONResponse(as_resource(call.simulator, room))


async def list_participants(call: Call) -> Response:
    """Those who are in or being called, by ``Muted``, ``Hold`` and ``Coaching``."""
    room = _find(call, "conference")
    shown = [_participant(call.simulator, room, p) for p in room.participants]
    for name in ("Muted", "Hold", "Coaching"):
        if name in call.query:
            wanted = call.query[name].lower() == "true"
            shown = [p for p in shown if p[name.lower()] == wanted]
    return page_of(call, "participants", shown, dict)


async def create_participant(call: Call) -> Response:
    """Call somebody into a conference; a new name makes the conference."""
    exchange = call.simulator.exchange
    key = call.path["conference"]
    room = _open(call, key)
    if room is None and key.startswith("CF"):
        raise errors.not_found(call.request.url.path)
    if room is not None and len(room.participants) >= MOST_PARTICIPANTS:
        raise TwilioError(16025, "The conference is full")
    if call.field("CallSidToCoach") and (
        room is None or room.find(call.field("CallSidToCoach")) is None
    ):
        raise TwilioError(21244, "The call to coach is not in this conference")
    seconds, limit = ring_seconds(call), whole(call, "TimeLimit", LONGEST_CALL)
    leg = new_outgoing_leg(call, call.field("From"), call.field("To"))
    room = room or conferences.find_or_make(exchange, key, _wishes(call))
    leg.time_limit = limit
    if call.field("MachineDetection"):
        leg.detection = Detection(
            wait_for_end=call.field("MachineDetection") == "DetectMessageEnd",
            callback=call.field("AmdStatusCallback"),
            method=call.field("AmdStatusCallbackMethod") or "POST",
        )
    participant = _new_participant(call, leg)
    room.participants.append(participant)
    leg.at_end.append(
        partial(conferences.leave, exchange, room, participant, conferences.ADD_FAILED)
    )
    work = partial(_attend, call, room, participant)
    calling.place(exchange, leg, seconds, work)
    return JSONResponse(_participant(call.simulator, room, participant), 201)


async def _attend(call: Call, room: Conference, participant: Participant) -> None:
    exchange = call.simulator.exchange
    if _yes(call, "Record"):
        recordings.start(exchange, recording_of(call, participant.leg, "OutboundAPI"))
    await conferences.attend(exchange, room, participant)


async def fetch_participant(call: Call) -> Response:
    """One participant, by CallSid or label."""
    room, participant = _find_participant(call)
    return JSONResponse(_participant(call.simulator, room, participant))


async def update_participant(call: Call) -> Response:
    """Mute, hold, coach, announce, or change what happens when the participant leaves."""
    exchange = call.simulator.exchange
    room, participant = _find_participant(call)
    if participant.status != "connected":
        raise TwilioError(20404, "The participant is not connected yet", 404)
    if call.given("Coaching") or call.given("CallSidToCoach"):
        _set_coaching(call, room, participant)
    if call.given("EndConferenceOnExit"):
        participant.ends = _yes(call, "EndConferenceOnExit")
        conferences.tell(exchange, room, "participant-modify", participant)
    if call.given("Muted"):
        conferences.set_muted(exchange, room, participant, _yes(call, "Muted"))
    if call.given("Hold") or call.given("HoldUrl"):
        source = _document(call, "Hold", "on hold") if call.field("HoldUrl") else None
        hold = _yes(call, "Hold") if call.given("Hold") else participant.hold
        conferences.set_hold(exchange, room, participant, hold, source)
    if call.field("AnnounceUrl"):
        participant.announcement = _document(call, "Announce", "announcement")
        participant.leg.bell.ring()
    participant.updated = exchange.clock.now()
    return JSONResponse(_participant(call.simulator, room, participant))


async def remove_participant(call: Call) -> Response:
    """Kick a participant out; a call that still rings is called off."""
    room, participant = _find_participant(call)
    if participant.status != "connected":
        participant.leg.interrupt(HungUp("canceled", by_api=True))
    else:
        conferences.leave(call.simulator.exchange, room, participant, "kicked")
    return Response(status_code=204)


def _set_coaching(call: Call, room: Conference, participant: Participant) -> None:
    on = _yes(call, "Coaching") if call.given("Coaching") else True
    coached = call.field("CallSidToCoach") or participant.coaches
    if on and (not coached or room.find(coached) is None):
        raise TwilioError(21244, "Coaching needs a CallSidToCoach in this conference")
    participant.coaching, participant.coaches = on, coached if on else ""
    conferences.tell(call.simulator.exchange, room, "participant-modify", participant)


def _new_participant(call: Call, leg: Leg) -> Participant:
    now = call.simulator.clock.now()
    wait = None
    if call.given("WaitUrl"):
        wait = _document(call, "Wait", "waiting for the conference")
    coached = call.field("CallSidToCoach")
    return Participant(
        leg,
        created=now,
        updated=now,
        label=call.field("Label"),
        muted=_yes(call, "Muted"),
        coaching=_yes(call, "Coaching") or bool(coached),
        coaches=coached,
        starts=_yes(call, "StartConferenceOnEnter", default=True),
        ends=_yes(call, "EndConferenceOnExit"),
        beeps=call.field("Beep") or "true",
        wait_source=wait,
        status="queued",
    )


def _wishes(call: Call) -> Wishes:
    return Wishes(
        callback=call.field("ConferenceStatusCallback"),
        method=call.field("ConferenceStatusCallbackMethod") or "POST",
        events=words(call, "ConferenceStatusCallbackEvent", frozenset({"start", "end"})),
        record=call.field("ConferenceRecord") in {"true", "record-from-start"},
        recording_callback=call.field("ConferenceRecordingStatusCallback"),
        recording_method=call.field("ConferenceRecordingStatusCallbackMethod") or "POST",
        recording_events=words(
            call, "ConferenceRecordingStatusCallbackEvent", frozenset({"completed"})
        ),
    )


def _document(call: Call, name: str, label: str) -> Source:
    url = call.field(f"{name}Url")
    if url and not is_web_address(url):
        raise errors.invalid_parameter(f"{name}Url is not a valid URL")
    return Source(url, call.field(f"{name}Method") or "POST", label=label)


def _yes(call: Call, name: str, default: bool = False) -> bool:
    return call.field(name).lower() == "true" if call.given(name) else default


def _open(call: Call, key: str) -> Conference | None:
    exchange = call.simulator.exchange
    room = exchange.conferences.get(key) or exchange.open_rooms.get(key)
    return None if room is None or room.over else room


def _find(call: Call, name: str) -> Conference:
    exchange, key = call.simulator.exchange, call.path[name]
    room = exchange.conferences.get(key) or exchange.open_rooms.get(key)
    if room is None:
        raise errors.not_found(call.request.url.path)
    return room


def _find_participant(call: Call) -> tuple[Conference, Participant]:
    room = _find(call, "conference")
    participant = room.find(call.path["participant"])
    if participant is None:
        raise errors.not_found(call.request.url.path)
    return room, participant


def as_resource(simulator: Simulator, room: Conference) -> dict[str, Any]:
    """A conference as the 2010 API writes it."""
    account = simulator.settings.account_sid
    uri = f"/{VERSION}/Accounts/{account}/Conferences/{room.sid}"
    shown = {
        "sid": room.sid,
        "account_sid": account,
        "friendly_name": room.name,
        "status": room.status,
        "region": "us1",
        "api_version": VERSION,
        "date_created": format_datetime(room.created),
        "date_updated": format_datetime(room.updated),
        "call_sid_ending_conference": room.ended_by.leg.sid if room.ended_by else None,
        "uri": f"{uri}.json",
        "subresource_uris": {
            "participants": f"{uri}/Participants.json",
            "recordings": f"{uri}/Recordings.json",
        },
    }
    if room.reason:
        shown["reason_conference_ended"] = room.reason
    return shown


def _participant(
    simulator: Simulator, room: Conference, participant: Participant
) -> dict[str, Any]:
    account, leg = simulator.settings.account_sid, participant.leg
    status = participant.status
    if status not in {"connected", "complete"}:
        status = _STATUS.get(leg.status, "connecting")
    path = f"Conferences/{room.sid}/Participants/{leg.sid}.json"
    return {
        "account_sid": account,
        "call_sid": leg.sid,
        "conference_sid": room.sid,
        "label": participant.label or None,
        "muted": participant.muted,
        "hold": participant.hold,
        "coaching": participant.coaching,
        "call_sid_to_coach": participant.coaches or None,
        "start_conference_on_enter": participant.starts,
        "end_conference_on_exit": participant.ends,
        "status": status,
        "queue_time": str(leg.queue_time * 1000),
        "date_created": format_datetime(participant.created),
        "date_updated": format_datetime(participant.updated),
        "uri": f"/{VERSION}/Accounts/{account}/{path}",
    }
