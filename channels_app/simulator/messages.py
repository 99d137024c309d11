"""The Messages resource: create, list, fetch, redact, cancel, delete, and its media."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response

from . import channels, contents, errors, magic_numbers
from .carrier import LONGEST_BODY, MOST_MEDIA, VERSION, media_path
from .errors import DELIVERY_ERRORS, TwilioError
from .paging import DEFAULT_PAGE, page_of
from .rest import Call
from .segments import count_segments
from .simulator import Simulator
from .store import TERMINAL, Media, Message

FILE_STORE = "https://mms.twiliocdn.com"
#: How far ahead a message may be scheduled.
SOONEST, LATEST = timedelta(minutes=15), timedelta(days=35)


async def create(call: Call) -> Response:
    """Take a message and start it on its way."""
    simulator = call.simulator
    message = _read_new_message(call)
    simulator.store.add_message(message)
    simulator.carrier.send(message)
    return JSONResponse(as_resource(simulator, message), 201)


async def fetch(call: Call) -> Response:
    """One message."""
    return JSONResponse(as_resource(call.simulator, _find(call)))


async def update(call: Call) -> Response:
    """Redact the text (``Body=``) or call a scheduled message off (``Status=canceled``)."""
    message = _find(call)
    if call.given("Status"):
        if message.status != "scheduled":
            raise TwilioError(30409, "This message cannot be canceled")
        call.simulator.carrier.cancel(message)
    if call.given("Body"):
        if call.field("Body"):
            raise errors.invalid_parameter("Body can only be emptied")
        if message.status not in TERMINAL:
            raise errors.not_complete("update")
        message.body = ""
        message.updated = call.simulator.clock.now()
    return JSONResponse(as_resource(call.simulator, message))


async def delete(call: Call) -> Response:
    """Delete the record; what the phone received stays on the phone."""
    message = _find(call)
    if message.status not in TERMINAL:
        raise errors.not_complete("delete")
    message.deleted = True
    return Response(status_code=204)


async def list_messages(call: Call) -> Response:
    """Messages, newest first, by ``To``, ``From`` and ``DateSent``."""
    simulator = call.simulator
    wanted = [m for m in simulator.store.existing() if _matches(m, call.query)]
    return page_of(call, "messages", wanted, lambda m: as_resource(simulator, m))


async def list_media(call: Call) -> Response:
    """The media of one message."""
    message = _find(call)
    media = [_media_resource(call, item) for item in message.media]
    uri = call.request.url.path + "?PageSize=50&Page=0"
    return JSONResponse(
        {
            "media_list": media,
            "page": 0,
            "page_size": DEFAULT_PAGE,
            "start": 0,
            "end": max(0, len(media) - 1),
            "uri": uri,
            "first_page_uri": uri,
            "next_page_uri": None,
            "previous_page_uri": None,
        }
    )


async def fetch_media(call: Call) -> Response:
    """One media record."""
    return JSONResponse(_media_resource(call, _find_media(call)))


async def fetch_media_file(call: Call) -> Response:
    """The file itself: like Twilio, a redirect to its file store, which asks for no credentials.

    Whoever fetches it has to follow, and must not carry the account's credentials along. As with
    every address of Twilio's, only the path is ours: the caller puts our host before it.
    """
    media = _find_media(call)
    key = call.simulator.store.media_keys.setdefault(media.sid, secrets.token_urlsafe(24))
    return RedirectResponse(f"{FILE_STORE}/{call.simulator.settings.account_sid}/{key}", 307)


async def delete_media(call: Call) -> Response:
    """Delete one media file."""
    media = _find_media(call)
    message = _find(call)
    message.media.remove(media)
    return Response(status_code=204)


def as_resource(simulator: Simulator, message: Message) -> dict[str, Any]:
    """A message as the 2010 API writes it: numbers as text, dates by RFC 2822."""
    uri = f"/{VERSION}/Accounts/{simulator.settings.account_sid}/Messages/{message.sid}"
    media = len(message.media) or len(message.media_urls)
    final = message.status in {"sent", "delivered", "undelivered", "received"}
    return {
        "account_sid": simulator.settings.account_sid,
        "api_version": VERSION,
        "body": message.body,
        "date_created": format_datetime(message.created),
        "date_sent": format_datetime(message.sent) if message.sent else None,
        "date_updated": format_datetime(message.updated),
        "direction": message.direction,
        "error_code": message.error_code,
        "error_message": DELIVERY_ERRORS[message.error_code] if message.error_code else None,
        "from": message.sender,
        "messaging_service_sid": message.service_sid,
        "num_media": str(media),
        "num_segments": str(message.segments if message.number else 0),
        "price": f"-{message.segments * 0.0079:.5f}" if final else None,
        "price_unit": "USD",
        "sid": message.sid,
        "status": message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.recipient,
        "uri": f"{uri}.json",
    }


def _read_new_message(call: Call) -> Message:
    """Check the fields in Twilio's order and make the message."""
    simulator, store = call.simulator, call.simulator.store
    to, sender = call.field("To"), call.field("From")
    service, body = call.field("MessagingServiceSid"), call.field("Body")
    media = call.every("MediaUrl")
    if not to:
        raise TwilioError(21604, "A 'To' phone number is required.")
    if not sender and not service:
        raise TwilioError(21603, "A 'From' phone number is required.")
    template = _read_template(call)
    if template is not None:
        body = template.body
    if not body and not media:
        raise TwilioError(21602, "Message body is required.")
    channel, phone = _read_recipient(to, sender, service)
    sender = _choose_sender(simulator, channel, sender, service)
    if to == channels.written(channel, sender):
        raise TwilioError(21266, "'To' and 'From' number cannot be the same")
    if len(body) > LONGEST_BODY:
        raise TwilioError(21617, "The concatenated message body exceeds the 1600 character limit")
    _check_urls(media, call.field("StatusCallback"), MOST_MEDIA if channel == "sms" else 1)
    if channel == "sms" and any(
        (phone, number) in store.blocked for number in ([sender] if sender else store.numbers)
    ):
        raise TwilioError(21610, "Attempt to send to unsubscribed recipient")
    now = simulator.clock.now()
    send_at = _read_schedule(call, service, now)
    status = "scheduled" if send_at else "accepted" if service and not sender else "queued"
    return Message(
        sid=store.new_sid("MM" if media else "SM"),
        direction="outbound-api",
        phone=phone,
        number=sender or None,
        body=body,
        shown_body=body,
        status=status,
        created=now,
        updated=now,
        segments=count_segments(body),
        service_sid=service or None,
        status_callback=call.field("StatusCallback") or None,
        media_urls=media,
        send_at=send_at,
        discard_body=call.field("ContentRetention") == "discard",
        channel=channel,
        is_template=template is not None,
        fails_with=63028 if template is not None and not template.fits else None,
    )


@dataclass(frozen=True)
class _Template:
    """The words of a content template, filled; ``fits``: with exactly the variables it has."""

    body: str
    fits: bool


def _read_template(call: Call) -> _Template | None:
    """``ContentSid`` and ``ContentVariables``; neither goes with words or pictures."""
    if not call.given("ContentSid"):
        if call.given("ContentVariables"):
            raise TwilioError(21656, "The ContentVariables Parameter is invalid")
        return None
    words = call.simulator.store.contents.get(call.field("ContentSid"))
    if words is None:
        raise TwilioError(21655, "The ContentSid is Invalid")
    if call.given("Body") or call.given("MediaUrl"):
        raise errors.invalid_parameter("ContentSid goes without Body and MediaUrl")
    variables = contents.read_variables(call.field("ContentVariables"))
    return _Template(contents.fill(words, variables), contents.fits(words, variables))


def _read_recipient(to: str, sender: str, service: str) -> tuple[str, str]:
    """The channel of a new message, and the phone that it goes to."""
    channel, theirs = channels.split(to)
    if sender and channels.split(sender)[0] != channel:
        raise TwilioError(
            21910, "Invalid From and To pair. From and To should be of the same channel"
        )
    magic_numbers.refuse_recipient(theirs, sender or service)
    phone = channels.phone_of(channel, theirs)
    if phone is None:
        raise TwilioError(21211, f"Invalid 'To' Phone Number: {to}")
    return channel, phone


def _choose_sender(simulator: Simulator, channel: str, sender: str, service: str) -> str:
    """The account's address that a message is from, without its prefix; empty: not chosen yet."""
    if service and service != simulator.settings.messaging_service_sid:
        raise TwilioError(
            21701, "The Messaging Service specified in your request does not exist", 404
        )
    if not sender:
        return ""
    _channel, ours = channels.split(sender)
    magic_numbers.refuse_sender(ours)
    if simulator.store.sender(channel, ours) is not None:
        return ours
    if channel != "sms":
        raise TwilioError(63007, "Twilio could not find a Channel with the specified From address")
    if ours != magic_numbers.VALID_TEST_SENDER:
        raise TwilioError(
            21659, f"'From' {sender} is not a Twilio phone number or Short Code country mismatch"
        )
    return ours


def _check_urls(media: list[str], callback: str, most: int) -> None:
    if len(media) > most:
        raise TwilioError(21623, "Number of media files exceeds allowed limit")
    for url in media:
        if not _is_web_address(url):
            raise TwilioError(21620, "Invalid media URL(s)")
    if callback and not _is_web_address(callback):
        raise TwilioError(21609, "The 'StatusCallback' URL is not a valid URL")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _read_schedule(call: Call, service: str, now: datetime) -> datetime | None:
    """``SendAt`` with its rules: a messaging service, ``ScheduleType=fixed``, 15 min to 35 days."""
    if not call.given("SendAt") and not call.given("ScheduleType"):
        return None
    if not service:
        raise TwilioError(35118, "MessagingServiceSid is required to schedule a message")
    if call.field("ScheduleType") != "fixed" or not call.field("SendAt"):
        raise TwilioError(35111, "SendAt and ScheduleType=fixed are both required")
    send_at = _read_moment(call.field("SendAt"))
    if not now + SOONEST <= send_at <= now + LATEST:
        raise TwilioError(35114, "SendAt is outside of 15 minutes to 35 days from now")
    return send_at


def _read_moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise errors.invalid_parameter("Not a date and time in ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _matches(message: Message, query: dict[str, str]) -> bool:
    if "To" in query and message.recipient != query["To"]:
        return False
    if "From" in query and message.sender != query["From"]:
        return False
    for name in ("DateSent", "DateSent<", "DateSent>"):
        # A message that was not sent yet has no date, and no date fits no filter.
        wanted = query.get(name)
        if wanted and (message.sent is None or not _sent_fits(message.sent, name, wanted)):
            return False
    return True


def _sent_fits(sent: datetime, name: str, text: str) -> bool:
    """Compare as Twilio does: ``DateSent`` by day, the other two by the second."""
    moment = _read_moment(text)
    if name == "DateSent":
        return sent.date() == moment.date()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        sent = sent.replace(hour=0, minute=0, second=0)
    sent, moment = sent.replace(microsecond=0), moment.replace(microsecond=0)
    return sent <= moment if name == "DateSent<" else sent >= moment


def _find(call: Call) -> Message:
    message = call.simulator.store.messages.get(call.path["sid"])
    if message is None or message.deleted:
        raise errors.not_found(call.request.url.path)
    return message


def _find_media(call: Call) -> Media:
    for media in _find(call).media:
        if media.sid == call.path["media"]:
            return media
    raise errors.not_found(call.request.url.path)


def _media_resource(call: Call, media: Media) -> dict[str, Any]:
    created = format_datetime(media.created)
    account = call.simulator.settings.account_sid
    return {
        "sid": media.sid,
        "account_sid": account,
        "parent_sid": media.message_sid,
        "content_type": media.content_type,
        "date_created": created,
        "date_updated": created,
        "uri": media_path(account, media) + ".json",
    }
