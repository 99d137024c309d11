"""The tables of a conversation; MODEL.md says what must be so of each."""

from hub.conversations.models.attachment import Attachment, Draft
from hub.conversations.models.conversation import (
    META,
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
from hub.conversations.models.template import MessageTemplate, TemplateUse

__all__ = [
    "META",
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
    "MessageTemplate",
    "ReadMark",
    "TemplateUse",
]
