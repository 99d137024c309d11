"""A call is answered and goes from state to state; the hub hears of what it asked for."""

from __future__ import annotations

from . import recordings
from .exchange import Exchange
from .leg import Leg

#: SIP's words for what became of a call, as callbacks carry them.
_SIP_CODES = {"completed": "200", "busy": "486", "no-answer": "487", "failed": "480"}
_EVENT_STATUS = {"initiated": "initiated", "ringing": "ringing", "answered": "in-progress"}


def answer(exchange: Exchange, leg: Leg) -> None:
    """Connect the two ends; nothing happens when they are."""
    if leg.status == "in-progress":
        return
    leg.status, leg.answered = "in-progress", exchange.clock.now()
    exchange.devices.answered(leg)
    exchange.show(leg)
    tell_progress(exchange, leg, "answered")


def tell_progress(exchange: Exchange, leg: Leg, event: str) -> None:
    """Tell the hub of one of a call's four events, if it asked for it."""
    progress = leg.progress
    if progress is None or event not in progress.events:
        return
    status = _EVENT_STATUS.get(event, leg.status)
    fields = [
        *exchange.parameters(leg, status),
        ("CallbackSource", "call-progress-events"),
        ("Timestamp", exchange.timestamp()),
        ("SequenceNumber", str(leg.events_told)),
    ]
    leg.events_told += 1
    if event == "completed":
        fields += [
            ("CallDuration", str(leg.seconds)),
            ("Duration", str(-(-leg.seconds // 60))),
            ("SipResponseCode", _SIP_CODES.get(leg.status, "487")),
        ]
        fields += _recording_fields(exchange, leg)
    exchange.tell(
        "call",
        f"call {status}",
        leg,
        fields,
        progress.url,
        method=progress.method,
        after=leg.sid,
    )


def _recording_fields(exchange: Exchange, leg: Leg) -> list[tuple[str, str]]:
    own = [r for r in leg.recordings if r.source == "OutboundAPI"]
    if not own:
        return []
    return [
        ("RecordingSid", own[0].sid),
        ("RecordingUrl", recordings.url_of(exchange, own[0])),
        ("RecordingDuration", str(own[0].seconds)),
    ]
