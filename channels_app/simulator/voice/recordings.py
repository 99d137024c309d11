"""Recordings: what is taken down of a call or a room, and what the hub is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from .leg import Leg

if TYPE_CHECKING:
    from .exchange import Exchange
    from .model import Conference

API = "https://api.twilio.com"
RUNNING = frozenset({"in-progress", "paused"})


@dataclass(eq=False)
class Recording:
    """One recording of a leg or of a conference."""

    sid: str
    source: str
    created: datetime
    updated: datetime
    channels: int = 1
    track: str = "both"
    leg: Leg | None = None
    conference: Conference | None = None
    status: str = "in-progress"
    callback: str = ""
    callback_method: str = "POST"
    callback_events: frozenset[str] = frozenset({"completed"})
    #: Seconds that are in the file, up to the last start, pause or stop.
    kept: float = 0
    #: When the running stretch began; None while a pause leaves nothing in the file.
    running_since: datetime | None = None
    #: True when there is nothing to hear in it, so that the file will not be there.
    silent: bool = False
    deleted: bool = False
    _pause_behaviour: str = field(default="silence")

    @property
    def call_sid(self) -> str | None:
        """The call it belongs to; a conference's belongs to the call that came first."""
        return self.leg.sid if self.leg is not None else None

    @property
    def seconds(self) -> int:
        """Its length, in whole seconds."""
        return round(self.kept)

    @property
    def running(self) -> bool:
        """True while it goes on, paused or not."""
        return self.status in RUNNING


def start(exchange: Exchange, recording: Recording) -> Recording:
    """Begin a recording, and tell the hub if it wants to know."""
    recording.running_since = exchange.clock.now()
    exchange.keep_recording(recording)
    if recording.leg is not None:
        recording.leg.recordings.append(recording)
    _tell(exchange, recording, "in-progress")
    return recording


def pause(exchange: Exchange, recording: Recording, behaviour: str) -> None:
    """Pause: ``skip`` leaves the time out of the file, ``silence`` keeps it in as silence."""
    if recording.status == "in-progress" and behaviour == "skip":
        _stop_clock(exchange, recording)
    recording.status = "paused"
    recording.updated = exchange.clock.now()


def resume(exchange: Exchange, recording: Recording) -> None:
    """Go on after a pause."""
    if recording.running_since is None:
        recording.running_since = exchange.clock.now()
    recording.status = "in-progress"
    recording.updated = exchange.clock.now()


def stop(exchange: Exchange, recording: Recording) -> None:
    """End a recording; a moment later it can be fetched, and the hub is told."""
    if not recording.running:
        return
    _stop_clock(exchange, recording)
    recording.status = "processing"
    recording.updated = exchange.clock.now()
    exchange.clock.spawn(_finish(exchange, recording))


def stop_all(exchange: Exchange, leg: Leg) -> None:
    """End what is still running on a leg."""
    for recording in leg.recordings:
        stop(exchange, recording)


async def _finish(exchange: Exchange, recording: Recording) -> None:
    await exchange.clock.sleep(exchange.chaos.knobs.recording_delay)
    absent = recording.silent or recording.seconds == 0
    recording.status = "absent" if absent else "completed"
    recording.updated = exchange.clock.now()
    _tell(exchange, recording, recording.status)


def _stop_clock(exchange: Exchange, recording: Recording) -> None:
    if recording.running_since is not None:
        stretch = exchange.clock.now() - recording.running_since
        recording.kept += stretch.total_seconds()
        recording.running_since = None


def url_of(exchange: Exchange, recording: Recording) -> str:
    """Where it can be fetched: without extension, as webhooks carry it."""
    account = exchange.account_sid
    return f"{API}/2010-04-01/Accounts/{account}/Recordings/{recording.sid}"


def _tell(exchange: Exchange, recording: Recording, status: str) -> None:
    if not recording.callback or status not in recording.callback_events:
        return
    fields = [
        ("AccountSid", exchange.account_sid),
        ("RecordingSid", recording.sid),
        ("RecordingUrl", url_of(exchange, recording)),
        ("RecordingStatus", status),
        ("RecordingChannels", str(recording.channels)),
        ("RecordingStartTime", format_datetime(recording.created)),
        ("RecordingSource", recording.source),
        ("RecordingTrack", recording.track),
        ("ErrorCode", "0"),
    ]
    if recording.leg is not None:
        fields.append(("CallSid", recording.leg.sid))
    if recording.conference is not None:
        fields.append(("ConferenceSid", recording.conference.sid))
    if status == "completed":
        fields.append(("RecordingDuration", str(recording.seconds)))
    exchange.tell(
        "recording",
        f"recording {status}",
        recording.leg,
        fields,
        recording.callback,
        method=recording.callback_method,
        after=recording.sid,
    )
