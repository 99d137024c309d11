"""The Calls resource: create, list, fetch, redirect, end, delete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from .. import errors, magic_numbers
from ..errors import TwilioError
from ..paging import page_of
from ..rest import Call
from ..settings import E164
from ..simulator import Simulator
from ..twiml import TwimlError
from . import calling, recordings
from .engine import converse
from .exchange import VERSION
from .leg import CLIENT, LONGEST_CALL, Detection, HungUp, Leg, Progress, Redirected, Source
from .recordings import Recording
from .twiml_voice import Place, read_twiml

EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
_IDENTITY = re.compile(r"client:[A-Za-z0-9_.@+-]{1,121}")


async def create(call: Call) -> Response:
    """Take a call and start dialling."""
    simulator = call.simulator
    exchange = simulator.exchange
    source = _instructions(call)
    if source is None:
        raise TwilioError(21205, "Url parameter is required")
    detection, seconds = _detection(call), ring_seconds(call)
    limit = whole(call, "TimeLimit", LONGEST_CALL)
    leg = new_outgoing_leg(call, call.field("From"), call.field("To"))
    leg.fallback_url = call.field("FallbackUrl")
    leg.fallback_method = call.field("FallbackMethod") or "POST"
    leg.detection, leg.time_limit = detection, limit
    calling.place(exchange, leg, seconds, partial(_talk, call, leg, source))
    return JSONResponse(as_resource(simulator, leg), 201)


async def _talk(call: Call, leg: Leg, source: Source) -> None:
    exchange = call.simulator.exchange
    if call.field("Record").lower() == "true":
        recordings.start(exchange, recording_of(call, leg, "OutboundAPI"))
    await converse(exchange, leg, source)


async def fetch(call: Call) -> Response:
    """One call."""
    return JSONResponse(as_resource(call.simulator, find(call)))


async def update(call: Call) -> Response:
    """Send a live call elsewhere (``Url``, ``Twiml``) or end it (``Status``)."""
    leg = find(call)
    source = _instructions(call)
    status = call.field("Status")
    if leg.hanging_up:
        raise TwilioError(21220, "Call is not in-progress. Cannot redirect.")
    if status == "canceled":
        if leg.status not in {"queued", "ringing"} or leg.direction == "inbound":
            raise TwilioError(21220, "Call is in-progress. Cannot cancel.")
        leg.interrupt(HungUp("canceled", by_api=True))
    elif status == "completed":
        leg.interrupt(HungUp("completed", by_api=True))
    elif source is not None:
        if not leg.live:
            raise TwilioError(21220, "Call is not in-progress. Cannot redirect.")
        leg.interrupt(Redirected(source))
    if call.given("StatusCallback"):
        leg.progress = Progress(
            call.field("StatusCallback"), call.field("StatusCallbackMethod") or "POST"
        )
    return JSONResponse(as_resource(call.simulator, leg))


async def delete(call: Call) -> Response:
    """Delete the record of a finished call."""
    leg = find(call)
    if not leg.over:
        raise errors.not_complete("delete")
    leg.deleted = True
    return Response(status_code=204)


async def list_calls(call: Call) -> Response:
    """Calls, newest first, by number, status, parent and times."""
    legs = [leg for leg in reversed(call.simulator.exchange.legs.values()) if not leg.deleted]
    wanted = [leg for leg in legs if _matches(leg, call.query)]
    return page_of(call, "calls", wanted, partial(as_resource, call.simulator))


def new_outgoing_leg(call: Call, sender: str, to: str) -> Leg:
    """Check both ends as Twilio does, and make the leg of a call over REST.

    Raises:
        TwilioError: for ends that cannot be.
    """
    exchange = call.simulator.exchange
    if not to:
        raise TwilioError(21201, "No 'To' number is specified")
    if not sender:
        raise TwilioError(21213, "'From' parameter is missing")
    magic_numbers.refuse_called(to)
    to, custom = calling.split_client(to)
    if not E164.fullmatch(to) and not _IDENTITY.fullmatch(to):
        raise TwilioError(21211, f"Invalid 'To' Phone Number: {to}")
    if not to.startswith(CLIENT):
        owned = exchange.store.numbers
        if sender not in owned and sender != magic_numbers.VALID_TEST_SENDER:
            raise TwilioError(
                21210,
                f"'From' phone number not verified: {sender}. Use a number of this account.",
            )
    for name in ("Url", "FallbackUrl", "StatusCallback"):
        if call.field(name) and not is_web_address(call.field(name)):
            raise TwilioError(21205, f"{name} is not a valid URL")
    leg = exchange.new_leg("outbound-api", sender, to, to, custom=custom)
    number = exchange.store.numbers.get(sender)
    leg.number_sid = number.sid if number else None
    leg.progress = _progress(call)
    return leg


def ring_seconds(call: Call) -> float:
    """How long it may ring."""
    return min(whole(call, "Timeout", calling.RING_DEFAULT), calling.RING_LONGEST)


def whole(call: Call, name: str, default: int) -> int:
    """A field that is a number; the default when it was not given."""
    text = call.field(name)
    if not text:
        return default
    if not text.isdecimal():
        raise errors.invalid_parameter(f"{name} is not a number")
    return int(text)


def words(call: Call, name: str, default: frozenset[str]) -> frozenset[str]:
    """A list of words: the field repeated, or one with spaces between them."""
    given = frozenset(word for text in call.every(name) for word in text.split())
    return given or default


def is_web_address(url: str) -> bool:
    """True for an http address with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _progress(call: Call) -> Progress | None:
    url = call.field("StatusCallback")
    if not url:
        return None
    events = words(call, "StatusCallbackEvent", frozenset({"completed"}))
    if unknown := events - EVENTS:
        raise TwilioError(21626, f"Invalid status callback event {sorted(unknown)[0]}")
    return Progress(url, call.field("StatusCallbackMethod") or "POST", events)


def _instructions(call: Call) -> Source | None:
    """``Twiml`` or ``Url``; Twilio takes the text where both are given."""
    if call.field("Twiml"):
        base = call.simulator.dispatcher.hub_url + "/"
        try:
            read_twiml(call.field("Twiml"), base, Place.MAIN)
        except TwimlError as error:
            raise TwilioError(21218, f"Invalid TwiML: {error}") from None
        return Source(base, twiml=call.field("Twiml"), label="instructions")
    if call.given("ApplicationSid"):
        raise errors.invalid_parameter("Applications are not simulated")
    if call.field("Url"):
        if not is_web_address(call.field("Url")):
            raise TwilioError(21205, "Url is not a valid URL")
        return Source(call.field("Url"), call.field("Method") or "POST", label="instructions")
    return None


def _detection(call: Call) -> Detection | None:
    wish = call.field("MachineDetection")
    if not wish:
        return None
    if wish not in {"Enable", "DetectMessageEnd"}:
        raise TwilioError(21219, "MachineDetection is Enable or DetectMessageEnd")
    return Detection(
        wait_for_end=wish == "DetectMessageEnd",
        callback=call.field("AsyncAmdStatusCallback"),
        method=call.field("AsyncAmdStatusCallbackMethod") or "POST",
        synchronous=call.field("AsyncAmd").lower() != "true",
    )


def recording_of(call: Call, leg: Leg, source: str) -> Recording:
    """A recording of a leg as a request wishes it."""
    now = call.simulator.clock.now()
    return Recording(
        sid=call.simulator.store.new_sid("RE"),
        source=source,
        created=now,
        updated=now,
        channels=2 if call.field("RecordingChannels") == "dual" else 1,
        track=call.field("RecordingTrack") or "both",
        leg=leg,
        callback=call.field("RecordingStatusCallback"),
        callback_method=call.field("RecordingStatusCallbackMethod") or "POST",
        callback_events=words(call, "RecordingStatusCallbackEvent", frozenset({"completed"})),
    )


def find(call: Call) -> Leg:
    """The call that the path names.

    Raises:
        TwilioError: 20404.
    """
    leg = call.simulator.exchange.legs.get(call.path["sid"])
    if leg is None or leg.deleted:
        raise errors.not_found(call.request.url.path)
    return leg


def as_resource(simulator: Simulator, leg: Leg) -> dict[str, Any]:
    """A call as the 2010 API writes it."""
    account = simulator.settings.account_sid
    uri = f"/{VERSION}/Accounts/{account}/Calls/{leg.sid}"
    return {
        "sid": leg.sid,
        "account_sid": account,
        "parent_call_sid": leg.parent.sid if leg.parent else None,
        "to": leg.to,
        "to_formatted": leg.to,
        "from": leg.from_,
        "from_formatted": leg.from_,
        "phone_number_sid": leg.number_sid,
        "status": leg.status,
        "start_time": _date(leg.answered or (leg.ended and leg.created)),
        "end_time": _date(leg.ended),
        "duration": str(leg.seconds) if leg.ended else None,
        "price": None,
        "price_unit": "USD",
        "direction": leg.direction,
        "answered_by": leg.answered_by,
        "annotation": None,
        "api_version": VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(leg.queue_time * 1000),
        "trunk_sid": None,
        "date_created": _date(leg.created),
        "date_updated": _date(leg.updated or leg.created),
        "uri": f"{uri}.json",
        "subresource_uris": {"recordings": f"{uri}/Recordings.json"},
    }


def _date(moment: datetime | None) -> str | None:
    return format_datetime(moment) if moment else None


def _matches(leg: Leg, query: dict[str, str]) -> bool:
    for name, value in (("To", leg.to), ("From", leg.from_), ("Status", leg.status)):
        if name in query and value != query[name]:
            return False
    if "ParentCallSid" in query and (not leg.parent or leg.parent.sid != query["ParentCallSid"]):
        return False
    for name, moment in (("StartTime", leg.answered or leg.created), ("EndTime", leg.ended)):
        for sign in ("", "<", ">"):
            wanted = query.get(name + sign)
            if wanted and (moment is None or not _time_fits(moment, sign, wanted)):
                return False
    return True


def _time_fits(moment: datetime, sign: str, text: str) -> bool:
    """By the day for a day or without a sign, else by the second."""
    try:
        wanted = datetime.fromisoformat(text)
    except ValueError:
        raise errors.invalid_parameter("Not a date and time in ISO 8601") from None
    wanted = wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)
    if not sign:
        return moment.date() == wanted.date()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        moment = moment.replace(hour=0, minute=0, second=0)
    moment, wanted = moment.replace(microsecond=0), wanted.replace(microsecond=0)
    return moment <= wanted if sign == "<" else moment >= wanted
