"""Waits of conversations, offers of them to people, and the departments' rules for both."""

from hub.routing.models.hours import Holiday, OpeningHours
from hub.routing.models.offer import Offer, Readiness
from hub.routing.models.queue_entry import QueueEntry
from hub.routing.models.rules import ChannelRules, DepartmentRules

__all__ = [
    "ChannelRules",
    "DepartmentRules",
    "Holiday",
    "Offer",
    "OpeningHours",
    "QueueEntry",
    "Readiness",
]
