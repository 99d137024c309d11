"""Everything the simulated provider remembers, in memory, until it is reset or stopped."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from . import channels, contents

#: Kept at most, so that a simulator left running for weeks stays small.
MESSAGES_KEPT = 20_000
ATTEMPTS_KEPT = 2_000

TERMINAL = frozenset({"delivered", "undelivered", "failed", "received", "canceled", "read"})


@dataclass
class Media:
    """One picture or file that belongs to a message."""

    sid: str
    message_sid: str
    content_type: str
    content: bytes
    created: datetime


@dataclass
class Message:
    """One text or picture message, in either direction.

    ``phone`` is always the patient's side, ``number`` the account's (None while a messaging
    service has yet to pick the sender); both are without the channel's prefix, and the phone is a
    number on Messenger too.
    """

    sid: str
    direction: str
    phone: str
    number: str | None
    body: str
    status: str
    created: datetime
    updated: datetime
    sent: datetime | None = None
    segments: int = 1
    service_sid: str | None = None
    status_callback: str | None = None
    media_urls: list[str] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    error_code: int | None = None
    send_at: datetime | None = None
    discard_body: bool = False
    #: What the patient's phone shows, even after the resource was redacted or deleted.
    shown_body: str = ""
    #: For inbound ones: what became of the webhook ("sending", "taken", "refused", "lost").
    handover: str = ""
    #: On the patient's screen: what they wrote, and what reached them.
    on_screen: bool = False
    #: Grows with each change, so that a page can tell news from what overtook it.
    revision: int = 0
    deleted: bool = False
    #: ``sms``, ``whatsapp`` or ``messenger``.
    channel: str = "sms"
    #: Sent by ``ContentSid``: allowed outside of the window.
    is_template: bool = False
    #: What the provider finds wrong only after it took the message.
    fails_with: int | None = None

    @property
    def inbound(self) -> bool:
        """True for a text that a patient wrote."""
        return self.direction == "inbound"

    @property
    def sender(self) -> str | None:
        """The ``From`` of the message."""
        return self._theirs if self.inbound else self._ours

    @property
    def recipient(self) -> str | None:
        """The ``To`` of the message."""
        return self._ours if self.inbound else self._theirs

    @property
    def _theirs(self) -> str:
        return channels.of_phone(self.channel, self.phone)

    @property
    def _ours(self) -> str | None:
        return channels.written(self.channel, self.number) if self.number else None


@dataclass
class Number:
    """A number that the account owns (IncomingPhoneNumber)."""

    sid: str
    e164: str
    created: datetime
    sms_url: str
    sms_method: str = "POST"
    sms_fallback_url: str = ""
    sms_fallback_method: str = "POST"
    voice_url: str = ""
    voice_method: str = "POST"
    voice_fallback_url: str = ""
    voice_fallback_method: str = "POST"
    status_callback: str = ""
    status_callback_method: str = "POST"
    friendly_name: str = ""


@dataclass
class Phone:
    """A patient's virtual phone."""

    e164: str
    label: str
    on_desk: bool = False


@dataclass
class Attempt:
    """One try to tell the hub something, as Twilio's request inspector shows it."""

    number: int
    at: datetime
    kind: str
    label: str
    url: str
    method: str
    parameters: list[tuple[str, str]]
    token: str
    try_number: int
    status: int | None = None
    outcome: str = ""
    milliseconds: int = 0
    answer: str = ""
    signature: str = ""


class Store:
    """Messages, numbers, phones and webhook attempts of one simulated account."""

    def __init__(self, seed: int | None = None, labels: Mapping[str, str] | None = None) -> None:
        # Unseeded by default: SIDs of an earlier run must not come back, a hub would rightly
        # take them for repeats.
        self._random = random.Random(seed)
        self.messages: dict[str, Message] = {}
        self.numbers: dict[str, Number] = {}
        #: Pages at Facebook that the account writes for.
        self.pages: dict[str, Number] = {}
        #: Content templates, ContentSid → words.
        self.contents: dict[str, str] = dict(contents.DEFAULTS)
        #: (channel, phone, our address) → when the patient last wrote there.
        self.wrote: dict[tuple[str, str, str], datetime] = {}
        self.phones: dict[str, Phone] = {}
        self.attempts: deque[Attempt] = deque(maxlen=ATTEMPTS_KEPT)
        #: (patient's phone, account's number) that the provider itself blocks after a STOP.
        self.blocked: set[tuple[str, str]] = set()
        #: Media SID → the unguessable name of its file in the media store.
        self.media_keys: dict[str, str] = {}
        #: What well-known phones are called.
        self._labels = labels or {}
        self._attempts_made = 0
        self._revisions = 0

    def sender(self, channel: str, address: str) -> Number | None:
        """The account's own address on a channel; each number is one on WhatsApp as well."""
        return (self.pages if channel == "messenger" else self.numbers).get(address)

    def window_is_open(self, message: Message) -> bool:
        """Whether free words may go out: always as SMS, else for a day after the patient's."""
        if message.channel == "sms":
            return True
        wrote = self.wrote.get((message.channel, message.phone, message.number or ""))
        return wrote is not None and message.created < wrote + channels.WINDOW

    def new_sid(self, prefix: str) -> str:
        """A SID such as ``SM`` and 32 hexadecimal digits."""
        return f"{prefix}{self._random.getrandbits(128):032x}"

    def next_attempt_number(self) -> int:
        """A number for the next webhook attempt, 1, 2, 3…"""
        self._attempts_made += 1
        return self._attempts_made

    def next_revision(self) -> int:
        """A number for the next change of any message."""
        self._revisions += 1
        return self._revisions

    def add_message(self, message: Message) -> None:
        """Keep a message; the oldest go when there are too many."""
        self.messages[message.sid] = message
        while len(self.messages) > MESSAGES_KEPT:
            del self.messages[next(iter(self.messages))]

    def existing(self) -> Iterator[Message]:
        """Messages that were not deleted over the API, newest first."""
        return (m for m in reversed(list(self.messages.values())) if not m.deleted)

    def thread(self, e164: str) -> list[Message]:
        """What one phone shows, oldest first: a phone keeps what was deleted at the provider."""
        return [m for m in self.messages.values() if m.phone == e164 and m.on_screen]

    def media(self, sid: str) -> Media | None:
        """A media file by its SID."""
        return next((m for msg in self.messages.values() for m in msg.media if m.sid == sid), None)

    def phone(self, e164: str, label: str = "") -> Phone:
        """The phone with this number, made on first sight."""
        phone = self.phones.get(e164)
        if phone is None:
            phone = self.phones[e164] = Phone(e164, label or self._labels.get(e164, ""))
        elif label:
            phone.label = label
        return phone

    def number_by_sid(self, sid: str) -> Number | None:
        """The owned number with this PN SID."""
        return next((n for n in self.numbers.values() if n.sid == sid), None)
