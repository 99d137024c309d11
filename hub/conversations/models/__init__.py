"""The tables of a conversation; MODEL.md says what must be so of each."""

from hub.conversations.models.attachment import Attachment, Draft
from hub.conversations.models.conversation import (
    Assignment,
    Channel,
    Conversation,
    HubAddress,
    Leg,
    ReadMark,
)
from hub.conversations.models.delivery import Delivery
from hub.conversations.models.entry import Entry
from hub.conversations.models.event import ContactEvent
from hub.conversations.models.privacy import ChannelPrivacy

__all__ = [
    "Assignment",
    "Attachment",
    "Channel",
    "ChannelPrivacy",
    "ContactEvent",
    "Conversation",
    "Delivery",
    "Draft",
    "Entry",
    "HubAddress",
    "Leg",
    "ReadMark",
]
