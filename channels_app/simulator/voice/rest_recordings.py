"""The Recordings resource, by itself and below a call or a conference; and the sound files."""

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
from . import recordings
from .exchange import VERSION
from .recordings import Recording
from .rest_calls import find as find_call
from .rest_calls import recording_of
from .sound import mp3, wav

CURRENT = "Twilio.CURRENT"


async def list_all(call: Call) -> Response:
    """Recordings, newest first, by call, conference and day."""
    wanted = [
        r
        for r in _existing(call.simulator)
        if call.query.get("CallSid", r.call_sid) == r.call_sid
        and call.query.get("ConferenceSid", _room(r)) == _room(r)
        and call.query.get("DateCreated", f"{r.created:%Y-%m-%d}")[:10] == f"{r.created:%Y-%m-%d}"
    ]
    return page_of(call, "recordings", wanted, partial(as_resource, call.simulator))


async def fetch(call: Call) -> Response:
    """One recording."""
    return JSONResponse(as_resource(call.simulator, _find(call)))


async def delete(call: Call) -> Response:
    """Delete a recording with its file."""
    recording = _find(call)
    if recording.running:
        raise errors.not_complete("delete")
    recording.deleted = True
    return Response(status_code=204)


async def fetch_file(call: Call) -> Response:
    """The sound: ``.wav``, also without extension, or ``.mp3`` (of silence)."""
    recording = _find(call)
    if recording.status != "completed":
        raise errors.not_found(call.request.url.path)
    if call.request.url.path.endswith(".mp3"):
        return Response(mp3(recording.kept), media_type="audio/mpeg")
    channels = 2 if call.query.get("RequestedChannels") == "2" else recording.channels
    return Response(wav(recording.kept, channels), media_type="audio/x-wav")


async def start_on_call(call: Call) -> Response:
    """Record a live call from now on."""
    leg = find_call(call)
    if not leg.live or leg.hanging_up:
        raise TwilioError(21220, "Requested resource is not eligible for recording")
    recording = recording_of(call, leg, "StartCallRecordingAPI")
    recordings.start(call.simulator.exchange, recording)
    return JSONResponse(_below(call.simulator, recording), 201)


async def list_of_call(call: Call) -> Response:
    """The recordings of one call."""
    leg = find_call(call)
    wanted = [r for r in reversed(leg.recordings) if not r.deleted]
    return page_of(call, "recordings", wanted, partial(_below, call.simulator))


async def update_on_call(call: Call) -> Response:
    """Pause, resume or stop a call's recording, by SID or ``Twilio.CURRENT``."""
    leg = find_call(call)
    return _update(call, [r for r in leg.recordings if not r.deleted])


async def list_of_conference(call: Call) -> Response:
    """The recordings of one conference."""
    wanted = [r for r in _existing(call.simulator) if _room(r) == call.path["conference"]]
    return page_of(call, "recordings", wanted, partial(_below, call.simulator))


async def update_on_conference(call: Call) -> Response:
    """Pause, resume or stop a conference's recording."""
    wanted = [r for r in _existing(call.simulator) if _room(r) == call.path["conference"]]
    return _update(call, wanted[::-1])


def _update(call: Call, candidates: list[Recording]) -> Response:
    key, status = call.path["recording"], call.field("Status")
    exchange = call.simulator.exchange
    running = [r for r in candidates if r.running]
    wanted = running[-1:] if key == CURRENT else [r for r in candidates if r.sid == key]
    if not wanted:
        raise errors.not_found(call.request.url.path)
    recording = wanted[0]
    if not recording.running:
        raise TwilioError(21220, "The recording is over")
    if status == "paused":
        recordings.pause(exchange, recording, call.field("PauseBehavior") or "silence")
    elif status == "in-progress":
        recordings.resume(exchange, recording)
    elif status == "stopped":
        recordings.stop(exchange, recording)
    else:
        raise errors.invalid_parameter("Status is paused, in-progress or stopped")
    return JSONResponse(_below(call.simulator, recording))


def _existing(simulator: Simulator) -> list[Recording]:
    return [r for r in reversed(simulator.exchange.recordings.values()) if not r.deleted]


def _room(recording: Recording) -> str | None:
    return recording.conference.sid if recording.conference else None


def _find(call: Call) -> Recording:
    recording = call.simulator.exchange.recordings.get(call.path["recording"])
    if recording is None or recording.deleted:
        raise errors.not_found(call.request.url.path)
    return recording


def as_resource(simulator: Simulator, recording: Recording) -> dict[str, Any]:
    """A recording as the 2010 API writes it."""
    shown = _below(simulator, recording)
    account = simulator.settings.account_sid
    shown["uri"] = f"/{VERSION}/Accounts/{account}/Recordings/{recording.sid}.json"
    shown["media_url"] = recordings.url_of(simulator.exchange, recording)
    del shown["track"]
    return shown


def _below(simulator: Simulator, recording: Recording) -> dict[str, Any]:
    """A recording as it is shown below its call or conference."""
    account = simulator.settings.account_sid
    finished = recording.status in {"completed", "absent"}
    above = f"Calls/{recording.call_sid}"
    if recording.conference is not None:
        above = f"Conferences/{recording.conference.sid}"
    return {
        "sid": recording.sid,
        "account_sid": account,
        "call_sid": recording.call_sid,
        "conference_sid": _room(recording),
        "status": recording.status,
        "source": recording.source,
        "channels": recording.channels,
        "track": recording.track,
        "duration": str(recording.seconds) if finished else None,
        "start_time": format_datetime(recording.created),
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "encryption_details": None,
        "api_version": VERSION,
        "date_created": format_datetime(recording.created),
        "date_updated": format_datetime(recording.updated),
        "uri": f"/{VERSION}/Accounts/{account}/{above}/Recordings/{recording.sid}.json",
    }
