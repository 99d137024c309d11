"""The typed events of the ground floor. They carry ids, never words (invariant 9)."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class UnknownEvent(Exception):
    """A message of another version of the hub arrived; it is logged and passed over."""


@dataclass(frozen=True, slots=True)
class Event:
    """What all events share: a name on the wire and plain fields."""

    name: ClassVar[str] = ""

    def to_message(self) -> dict[str, Any]:
        """Return the event as the channel layer carries it."""
        return {"type": "hub.event", "name": self.name, "fields": asdict(self)}


@dataclass(frozen=True, slots=True)
class ConversationChanged(Event):
    """A conversation has a new revision: entries were appended, or rows or its head changed."""

    name: ClassVar[str] = "conversation_changed"
    conversation_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class SomeoneTyping(Event):
    """Somebody is writing in a conversation; `user_id` None means the patient."""

    name: ClassVar[str] = "someone_typing"
    conversation_id: int
    user_id: int | None


@dataclass(frozen=True, slots=True)
class ChatSessionChanged(Event):
    """A visitor's chat session got another leg, or ended."""

    name: ClassVar[str] = "chat_session_changed"
    session_id: int


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """A person's presence, or what they may see, changed."""

    name: ClassVar[str] = "presence_changed"
    user_id: int


@dataclass(frozen=True, slots=True)
class OfferChanged(Event):
    """A person is offered a contact, or such an offer ended."""

    name: ClassVar[str] = "offer_changed"
    user_id: int
    offer_id: int


@dataclass(frozen=True, slots=True)
class PhoneChanged(Event):
    """A person's phone rings, or their call changed: their consoles look at it again."""

    name: ClassVar[str] = "phone_changed"
    user_id: int


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """A process's own sign that its subscription still hears."""

    name: ClassVar[str] = "heartbeat"
    process: str
    number: int = 0


EVENTS: dict[str, type[Event]] = {
    kind.name: kind
    for kind in (
        ConversationChanged,
        SomeoneTyping,
        ChatSessionChanged,
        PresenceChanged,
        OfferChanged,
        PhoneChanged,
        Heartbeat,
    )
}


def from_message(message: dict[str, Any]) -> Event:
    """Return the event that `message` carries; raise UnknownEvent for one we do not know."""
    try:
        return EVENTS[message["name"]](**message["fields"])
    except (KeyError, TypeError) as error:
        raise UnknownEvent from error
