"""What is known of a mail once it was read. Everything here may be written to PostgreSQL as it
is: no null bytes, no lone surrogates. What the sender claims is still only their claim.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MailRefused(Exception):
    """These bytes are no mail. `code` says why: empty, too_large, no_headers_at_all."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class MailKind(StrEnum):
    """Who speaks: a person, or a machine, and which."""

    MESSAGE = "message"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file that came along. Nothing of it is proved: neither its name nor its type."""

    #: Without a path and control characters, at most 120 characters, never empty.
    name: str
    content_type: str
    content: bytes
    #: Without its angle brackets; "" if it has none.
    content_id: str
    #: The HTML shows it in its place by `cid:`.
    is_inline: bool


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail of ours that did not arrive, or was complained about."""

    #: Lower-case; "" where the report does not say.
    recipient: str
    #: The enhanced status code of RFC 3463, such as "5.1.1", or "".
    status: str
    is_permanent: bool
    #: Message-ID of what we sent, with its angle brackets, or "".
    original_message_id: str
    #: The address as we wrote it, where a forwarding changed it (RFC 3464, 2.3.1), or "".
    original_recipient: str
    #: A feedback report (RFC 5965): somebody called our mail spam.
    is_complaint: bool


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, taken apart."""

    #: With its angle brackets and without folding; "" if there is none.
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    #: Lower-case; "" if nothing readable is there.
    from_address: str
    from_name: str
    reply_to: tuple[str, ...]
    sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    #: Which mailbox it came to: Delivered-To, X-Original-To, Envelope-To, X-Envelope-To.
    delivered_to: tuple[str, ...]
    subject: str
    #: Aware; None if it is missing, unreadable or absurd.
    date: datetime | None
    #: What was newly written, without quoted text and signature.
    text: str
    quoted: str
    signature: str
    #: Cleaned; "" if there is none. Nothing in it loads or runs by itself: see html_cleaning.
    html: str
    has_remote_images: bool
    files: tuple[MailFile, ...]
    kind: MailKind
    bounce: Bounce | None
    #: The list's own name (RFC 2919), or "": a clinic's group address makes every patient's mail
    #: look like a list's, and who knows the own addresses can tell.
    list_id: str
    is_encrypted: bool
    is_signed: bool
    #: Short codes of what was odd.
    problems: tuple[str, ...]
