"""Carries texts both ways.

From the account to phones, with delivery reports; and from phones to the hub's webhook.
"""

from __future__ import annotations

import httpx

from . import magic_numbers, opt_out
from .chaos import Chaos
from .clock import Clock
from .errors import DELIVERY_ERRORS
from .events import Broadcaster
from .segments import count_segments
from .store import Attempt, Media, Message, Number, Store
from .twiml import Reply, TwimlError, read_twiml
from .views import show_message
from .webhooks import Answer, Dispatcher, Webhook, describe

API = "https://api.twilio.com"
VERSION = "2010-04-01"
LONGEST_BODY = 1600
MOST_MEDIA = 10
LARGEST_MEDIA = 5 * 1024 * 1024
MOST_REDIRECTS = 10
#: What a text's webhook says of where both numbers are, beside their countries; empty here.
_PLACE = ("State", "City", "Zip")


class NumberNotInService(Exception):
    """A phone wrote to a number that the account does not own."""


class TooLarge(Exception):
    """More text or pictures than one message carries."""


class Carrier:
    """The virtual mobile network around one simulated account."""

    def __init__(
        self,
        account_sid: str,
        store: Store,
        chaos: Chaos,
        clock: Clock,
        dispatcher: Dispatcher,
        events: Broadcaster,
    ) -> None:
        self.account_sid = account_sid
        self.store = store
        self.chaos = chaos
        self.clock = clock
        self.dispatcher = dispatcher
        self.events = events
        self.opt_out_mode = "off"

    # From a phone to the hub -----------------------------------------------------------------

    def take_from_phone(
        self,
        phone: str,
        number: str,
        body: str,
        media: list[tuple[str, bytes]],
        channel: str = "sms",
    ) -> Message:
        """A patient presses "send". ``media`` are (content type, content).

        Raises:
            NumberNotInService: when the account has no such number.
            TooLarge: above 1,600 characters, ten pictures or 5 MB.
        """
        owned = self.store.sender(channel, number)
        if owned is None:
            raise NumberNotInService
        size = sum(len(content) for _, content in media)
        if len(body) > LONGEST_BODY or len(media) > MOST_MEDIA or size > LARGEST_MEDIA:
            raise TooLarge
        now = self.clock.now()
        message = Message(
            sid=self.store.new_sid("MM" if media else "SM"),
            direction="inbound",
            phone=phone,
            number=number,
            body=body,
            shown_body=body,
            status="received",
            created=now,
            updated=now,
            sent=now,
            segments=count_segments(body),
            handover="sending",
            on_screen=True,
            channel=channel,
        )
        for content_type, content in media:
            self._attach(message, content_type, content)
        self.store.phone(phone)
        self.store.wrote[channel, phone, number] = now
        self.store.add_message(message)
        # The provider handles STOP for texts alone.
        handles = self.opt_out_mode != "off" and channel == "sms"
        word = opt_out.keyword(body) if handles else None
        self._note_opt_out(message, word)
        self._show(message)
        self._tell_hub(message, owned, word)
        return message

    def _note_opt_out(self, message: Message, word: str | None) -> None:
        """Twilio's own STOP handling, where it is on: block and answer, before the hub hears."""
        if word is None or message.number is None:
            return
        pair = (message.phone, message.number)
        if word == "STOP":
            self.store.blocked.add(pair)
        elif word == "START":
            self.store.blocked.discard(pair)
        self._reply(message, Reply(opt_out.REPLIES[word]))

    def _tell_hub(self, message: Message, owned: Number, word: str | None) -> None:
        parameters = self._inbound_parameters(message)
        if word and self.opt_out_mode == "advanced":
            parameters.append(("OptOutType", word))
        self._ask(message, owned, owned.sms_url, parameters, redirects=0)

    def _ask(
        self,
        message: Message,
        owned: Number,
        url: str,
        parameters: list[tuple[str, str]],
        redirects: int,
    ) -> None:
        async def answered(answer: Answer) -> None:
            self._handed_over(message, answer)
            if not answer.ok:
                return
            try:
                instructions = read_twiml(answer, url)
            except TwimlError as error:
                self._warn(message, url, f"error {error.code}: {error}")
                return
            for reply in instructions.replies:
                self._reply(message, reply)
            if instructions.redirect and redirects < MOST_REDIRECTS:
                self._ask(message, owned, instructions.redirect, parameters, redirects + 1)

        self.dispatcher.post(
            Webhook(
                kind="inbound",
                label="inbound picture" if message.media else "inbound text",
                url=url,
                method=owned.sms_method,
                parameters=parameters,
                phone=message.phone,
                fallback_url=owned.sms_fallback_url,
                fallback_method=owned.sms_fallback_method,
                done=answered,
            )
        )

    def _handed_over(self, message: Message, answer: Answer) -> None:
        if answer.ok:
            message.handover = "taken"
        else:
            message.handover = "lost" if answer.status is None else "refused"
        self._show(message)

    def _warn(self, message: Message, url: str, outcome: str) -> None:
        """Put a line into the webhook log, as Twilio's debugger would."""
        attempt = Attempt(
            number=self.store.next_attempt_number(),
            at=self.clock.now(),
            kind="warning",
            label="answer not understood",
            url=url,
            method="",
            parameters=[("MessageSid", message.sid)],
            token="",
            try_number=1,
            outcome=outcome,
        )
        self.store.attempts.append(attempt)
        self.events.publish("webhook", webhook=describe(attempt))

    def _reply(self, message: Message, reply: Reply) -> None:
        now = self.clock.now()
        answer = Message(
            sid=self.store.new_sid("MM" if reply.media_urls else "SM"),
            direction="outbound-reply",
            phone=reply.to or message.phone,
            number=message.number,
            body=reply.body,
            shown_body=reply.body,
            status="queued",
            created=now,
            updated=now,
            segments=count_segments(reply.body),
            status_callback=reply.status_callback or None,
            media_urls=list(reply.media_urls),
            channel=message.channel,
        )
        self.store.add_message(answer)
        self.send(answer)

    def _inbound_parameters(self, message: Message) -> list[tuple[str, str]]:
        """The form of an inbound message webhook, empty fields included as Twilio includes them."""
        parameters = [
            ("SmsMessageSid", message.sid),
            ("NumMedia", str(len(message.media))),
            ("SmsSid", message.sid),
            ("SmsStatus", "received"),
            ("Body", message.body),
            ("To", message.recipient or ""),
            ("NumSegments", str(message.segments)),
            ("MessageSid", message.sid),
            ("AccountSid", self.account_sid),
            ("From", message.sender or ""),
            ("ApiVersion", VERSION),
        ]
        if message.channel == "sms":
            parameters += [("ToCountry", "US"), ("FromCountry", "US")]
            parameters += [(end + what, "") for end in ("To", "From") for what in _PLACE]
        else:
            label = self.store.phone(message.phone).label
            parameters += [
                ("MessageType", _kind_of(message)),
                ("ProfileName", label.partition("’")[0] or "Somebody"),
                ("ChannelMetadata", "{}"),
            ]
        if message.channel == "whatsapp":
            parameters.append(("WaId", message.phone.removeprefix("+")))
        for index, media in enumerate(message.media):
            parameters += [
                (f"MediaContentType{index}", media.content_type),
                (f"MediaUrl{index}", API + media_path(self.account_sid, media)),
            ]
        return parameters

    # From the account to a phone --------------------------------------------------------------

    def send(self, message: Message) -> None:
        """Start a message on its way; its status changes and callbacks follow by themselves."""
        self.clock.spawn(self._carry(message))

    async def _carry(self, message: Message) -> None:
        if message.status == "scheduled":
            assert message.send_at is not None
            await self.clock.sleep((message.send_at - self.clock.now()).total_seconds())
            if message.status == "canceled":
                return
            self._move(message, "accepted")
        if message.number is None:
            message.number = next(iter(self.store.numbers))
            message.segments = count_segments(message.shown_body)
            self._move(message, "queued")
        self.store.phone(message.phone)
        await self.clock.sleep(self.chaos.knobs.sent_delay)
        if not message.is_template and not self.store.window_is_open(message):
            message.fails_with = 63016
        if message.fails_with:
            self._move(message, "failed", message.fails_with)
            return
        if not await self._fetch_media(message):
            self._move(message, "failed", 11200)
            return
        if message.channel != "sms" and any(
            not media.content_type.startswith("image/") for media in message.media
        ):
            message.shown_body = ""  # words beside a document are dropped on the way
        error = magic_numbers.carrier_error(message.phone)
        if error is not None and message.channel != "sms":
            error = 63024
        if error is None and self.chaos.happens("undelivered_p"):
            error = 30008
        message.sent = self.clock.now()
        message.on_screen = error is None
        if message.discard_body:
            message.body = ""
        self._move(message, "sent")
        await self.clock.sleep(self.chaos.knobs.dlr_delay)
        if error is None:
            self._move(message, "delivered")
        else:
            self._move(message, "undelivered", error)

    async def _fetch_media(self, message: Message) -> bool:
        """Fetch an outbound message's pictures from the hub; False when one is not to be had."""
        for url in message.media_urls:
            if not self.dispatcher.is_hub(url):
                return False
            try:
                response = await self.dispatcher.client.get(url, follow_redirects=False, timeout=15)
            except httpx.TransportError:
                return False
            if response.status_code != 200 or len(response.content) > LARGEST_MEDIA:
                return False
            content_type = response.headers.get("content-type", "application/octet-stream")
            self._attach(message, content_type.partition(";")[0].strip(), response.content)
        return True

    def _attach(self, message: Message, content_type: str, content: bytes) -> None:
        sid = self.store.new_sid("ME")
        message.media.append(Media(sid, message.sid, content_type, content, self.clock.now()))

    def _move(self, message: Message, status: str, error: int | None = None) -> None:
        """Give a message its next status and tell the hub, if it asked to be told."""
        message.status, message.error_code = status, error
        message.updated = self.clock.now()
        self._show(message)
        if message.status_callback:
            self.dispatcher.post(
                Webhook(
                    kind="status",
                    label=f"status {status}",
                    url=message.status_callback,
                    parameters=self._status_parameters(message),
                    phone=message.phone,
                    after=message.sid,
                )
            )

    def cancel(self, message: Message) -> None:
        """Call a scheduled message off."""
        self._move(message, "canceled")

    def _status_parameters(self, message: Message) -> list[tuple[str, str]]:
        parameters = [
            ("SmsSid", message.sid),
            ("SmsStatus", message.status),
            ("MessageStatus", message.status),
            ("To", message.recipient or ""),
            ("MessageSid", message.sid),
            ("AccountSid", self.account_sid),
            ("From", message.sender or ""),
            ("ApiVersion", VERSION),
        ]
        if message.channel != "sms":
            parameters += [
                ("ChannelPrefix", message.channel),
                ("ChannelToAddress", message.recipient or ""),
            ]
        if message.service_sid:
            parameters.append(("MessagingServiceSid", message.service_sid))
        if message.status in {"delivered", "undelivered"}:
            parameters.append(("RawDlrDoneDate", message.updated.strftime("%y%m%d%H%M")))
        if message.error_code:
            parameters += [
                ("ErrorCode", str(message.error_code)),
                ("ErrorMessage", DELIVERY_ERRORS[message.error_code]),
            ]
        return parameters

    def _show(self, message: Message) -> None:
        message.revision = self.store.next_revision()
        self.events.publish("message", message=show_message(message))


def _kind_of(message: Message) -> str:
    """What the provider calls a message of WhatsApp or Messenger."""
    if not message.media:
        return "text"
    kind = message.media[0].content_type.partition("/")[0]
    return kind if kind in {"image", "audio", "video"} else "document"


def media_path(account_sid: str, media: Media) -> str:
    """The path of a media resource, without extension, as webhooks carry it."""
    return f"/{VERSION}/Accounts/{account_sid}/Messages/{media.message_sid}/Media/{media.sid}"
