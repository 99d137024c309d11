"""What an adapter makes of a provider's event: typed, and free of the channel's quirks."""

from dataclasses import dataclass, field
from datetime import datetime
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
    # STOP, START or HELP, where the channel knows such words.
    keyword: Recognised | None = None
    # The provider has answered the keyword itself.
    keyword_answered: bool = False
    # The conversation that the sender came to by a link that we sent: it is joined, whatever the
    # address alone would say.
    conversation_id: int | None = None
    # Written on the secure page, though it belongs to the leg of another channel.
    is_secure: bool = False
    # The sender's key of one press of "send" (chat).
    intent: UUID | None = None
    # The language that the sender reads, where the channel knows it better than the profile.
    language: str = ""
    said: dict[str, str] = field(default_factory=dict)
