"""What an adapter makes of a provider's event: typed, and free of the channel's quirks."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from patients.keywords import Recognised


@dataclass(frozen=True, slots=True)
class InboundFile:
    """A file that came along and still lies with the provider."""

    source: str  # its address there
    content_type: str


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file that came along and is already in our storage."""

    uuid: UUID  # the attachment's, to which the stored bytes are bound
    storage_name: str
    content_type: str
    size: int  # bytes
    file_name: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that came along and is not taken: that it was there is seen, and why it is not."""

    file_name: str
    content_type: str
    reason: str  # a code


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message of a patient, whatever the channel."""

    channel: str
    contact_system: str
    contact_value: str  # normal form
    hub_address_id: int
    text: str
    at: datetime
    files: tuple[InboundFile, ...] = ()
    received_files: tuple[ReceivedFile, ...] = ()
    refused_files: tuple[RefusedFile, ...] = ()
    # STOP, START or HELP, where the channel knows such words.
    keyword: Recognised | None = None
    # The provider has answered the keyword itself.
    keyword_answered: bool = False
    # The conversation that the sender proved to answer, by a link of ours or by what their mail
    # answers: it is joined, whatever the address alone would say.
    conversation_id: int | None = None
    # Written on the secure page, though it belongs to the leg of another channel.
    is_secure: bool = False
    # Nobody waits for an answer to it: an automatic mail is on record, and no more.
    needs_person: bool = True
    # Brought along from before the hub: on record, and no more, and not as of now.
    historical: bool = False
    # Ids and codes for the timeline's line; never words of a patient.
    detail: dict[str, Any] = field(default_factory=dict)
    # The sender's key of one press of "send" (chat).
    intent: UUID | None = None
    # The language that the sender reads, where the channel knows it better than the profile.
    language: str = ""
    said: dict[str, str] = field(default_factory=dict)
