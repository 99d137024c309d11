"""What the provider tells of lines and rooms, each event in the inbox's transaction.

Events come repeated, late and out of order (notes on Twilio, 3.3): none is believed about more than
itself, and the end of a line is final.
"""

from typing import Any

import structlog
from django.db import transaction

from channels_app.voice import ending, recorded, rooms
from channels_app.voice.commands import Do
from channels_app.voice.models import Call, Party
from channels_app.voice.provider import GONE, OVER
from channels_app.voice.questions import locked_by_id

log = structlog.get_logger(__name__)


def handle(kind: str, payload: dict[str, Any]) -> None:
    """Work on one stored event."""
    match kind:
        case "voice.status":
            _patient_line(payload)
        case "voice.party":
            _party_line(payload)
        case "voice.conference":
            _room(payload)
        case "voice.recording":
            recorded.provider_says(payload)
        case "voice.machine":
            _answered_by(payload)
        case _:
            raise ValueError("unknown kind")


def note_party_sid(party_id: int, sid: str) -> None:
    """Note the id that the provider gave a party's line."""
    rooms.rings(party_id, sid)


def note_call_sid(call_id: int, sid: str) -> None:
    """Note the id that the provider gave the patient's line of a call out."""
    with transaction.atomic():
        call = locked_by_id(call_id)
        if not call.sid:
            call.sid = sid
            call.save(update_fields=["sid"])


def order_failed(detail: dict[str, Any], code: str) -> None:
    """An order was given up: the line is gone, or the provider would not have it."""
    match detail.get("do"):
        case Do.RING:
            rooms.left(detail["party"], code)
        case Do.RING_PATIENT:
            ending.line_ended(detail["call"], code)
        case Do.MOVE if code in GONE:
            ending.line_ended(detail["call"], "gone")
        case Do.SET | Do.ANNOUNCE if code in GONE:
            party = Party.objects.get(pk=detail["party"])
            if party.kind != Party.Kind.PATIENT:
                rooms.left(party.pk, "gone")
        case _:
            log.error("order_failed", do=detail.get("do"), code=code)


def _patient_line(payload: dict[str, Any]) -> None:
    sid, status = str(payload["CallSid"]), str(payload.get("CallStatus", ""))
    call = _call_of(payload)
    if call is None:
        log.info("status_of_unknown_call")
        return
    if not call.sid:
        note_call_sid(call.pk, sid)
    if status in OVER:
        ending.line_ended(call.pk, status)


def _answered_by(payload: dict[str, Any]) -> None:
    """The provider says who took a call out: a machine is not the patient."""
    call = _call_of(payload)
    if call is not None and str(payload.get("AnsweredBy", "")).startswith(("machine", "fax")):
        ending.line_ended(call.pk, "machine")


def _call_of(payload: dict[str, Any]) -> Call | None:
    """Return the call that is meant: by our token in the address, else by the provider's id."""
    if payload.get("c"):
        return Call.objects.filter(uuid=payload["c"]).first()
    return Call.objects.filter(sid=payload["CallSid"]).first()


def _party_line(payload: dict[str, Any]) -> None:
    party_id = Party.objects.filter(uuid=payload["p"]).values_list("pk", flat=True).first()
    if party_id is None:
        log.info("status_of_unknown_party")
        return
    sid, status = str(payload["CallSid"]), str(payload.get("CallStatus", ""))
    if status in OVER:
        rooms.left(party_id, status)
    elif status == "in-progress":
        rooms.joined(party_id, sid)
    else:
        rooms.rings(party_id, sid)


def _room(payload: dict[str, Any]) -> None:
    """Somebody came into a room, or went; who is told by line and by label."""
    call = Call.objects.filter(uuid=payload["c"]).first()
    if call is None:
        log.info("event_of_unknown_room")
        return
    sid, what = str(payload.get("CallSid", "")), str(payload.get("StatusCallbackEvent", ""))
    conference_sid = str(payload.get("ConferenceSid", ""))
    if what == "participant-join" and conference_sid and call.conference_sid != conference_sid:
        # A late word of an earlier room of the call (it was handed over since) is none of this one.
        # Locked in the house's order: the same transaction comes to the contact point after this.
        locked_by_id(call.pk, call.contact_point_id)
        Call.objects.filter(pk=call.pk).update(conference_sid=conference_sid)
    if what not in ("participant-join", "participant-leave"):
        return
    if sid == call.sid:
        if what == "participant-join":
            rooms.patient_came(call.pk)
        elif call.conference_sid in ("", conference_sid):
            rooms.patient_left(call.pk)
        return
    party = _party_of(call, sid, str(payload.get("ParticipantLabel", "")))
    if party is None:
        log.info("unknown_party_in_room", call_id=call.pk)
    elif what == "participant-join":
        rooms.joined(party.pk, sid)
    elif party.state != Party.State.JOINED:
        # Whoever never came in: whether they declined or did not answer, their line's status tells.
        return
    else:
        rooms.left(party.pk, "left")


def _party_of(call: Call, sid: str, label: str) -> Party | None:
    by_label = label.removeprefix("party-") if label.startswith("party-") else ""
    if by_label:
        return call.parties.filter(uuid=by_label).first()
    return call.parties.filter(sid=sid).first()
