"""A department's rules of offering: what was set, and the defaults for the rest."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from hub.conversations.models import Channel
from hub.routing.models import ChannelRules, DepartmentRules, QueueEntry

#: Channels on which a contact takes its person whole.
FILLING = frozenset({Channel.VOICE.value})

#: Whether a channel's contacts are offered one by one; else people take them from the list.
OFFERED = {
    Channel.VOICE.value: True,
    Channel.CHAT.value: True,
    Channel.SMS.value: False,
    Channel.WHATSAPP.value: False,
    Channel.MESSENGER.value: False,
    Channel.EMAIL.value: False,
}

#: How many contacts of a channel one person has at once.
CAPACITY = {
    Channel.VOICE.value: 1,
    Channel.CHAT.value: 4,
    Channel.SMS.value: 10,
    Channel.WHATSAPP.value: 10,
    Channel.MESSENGER.value: 10,
    Channel.EMAIL.value: 20,
}

#: What is added to a wait's priority: a caller goes before a visitor, and a visitor before a text.
PRECEDENCE = {
    Channel.VOICE.value: 4,
    Channel.CHAT.value: 2,
    Channel.SMS.value: 0,
    Channel.WHATSAPP.value: 0,
    Channel.MESSENGER.value: 0,
    Channel.EMAIL.value: 0,
}

#: No ageing and no precedence lifts a wait to the urgent ones.
MOST = 9


@dataclass(frozen=True, slots=True)
class OfChannel:
    """What holds for one channel of a department."""

    channel: str
    offers: bool
    capacity: int
    precedence: int
    overflow: str = ""
    overflow_after: timedelta | None = None
    overflow_to_id: int | None = None
    callbacks: bool = True
    voicemail: bool = True
    most_waiting: int | None = None

    @property
    def fills(self) -> bool:
        """Whether one such contact takes its person whole."""
        return self.channel in FILLING


@dataclass(frozen=True)
class Rules:
    """What holds for a department: `DepartmentRules`, and `OfChannel` for each channel."""

    row: DepartmentRules
    channels: dict[str, OfChannel] = field(default_factory=dict)

    def of(self, channel: str) -> OfChannel:
        """Return the rules of `channel`; one that nobody knows is not offered."""
        return self.channels.get(channel) or _channel(channel, None)

    @cached_property
    def offered(self) -> list[str]:
        """The channels whose contacts are offered one by one."""
        return [name for name, rules in self.channels.items() if rules.offers]

    @property
    def offer_lasts(self) -> timedelta:
        """How long a person has to answer an offer."""
        return timedelta(seconds=self.row.offer_seconds)


def rules_of(department_id: int) -> Rules:
    """Return the rules of a department. Two queries."""
    row = DepartmentRules.objects.filter(pk=department_id).first()
    rows = {one.channel: one for one in ChannelRules.objects.filter(department_id=department_id)}
    return Rules(
        row or DepartmentRules(department_id=department_id),
        {name: _channel(name, rows.get(name)) for name in Channel.values},
    )


def offered_as(kind: str, channel: str) -> str:
    """Return as what channel's contact a wait is offered.

    For a follow-up nobody sits and waits: it is work like a text, whatever it came by.
    """
    return Channel.SMS.value if kind == QueueEntry.Kind.FOLLOW_UP else channel


def _channel(name: str, row: ChannelRules | None) -> OfChannel:
    default = OfChannel(
        name, OFFERED.get(name, False), CAPACITY.get(name, 1), PRECEDENCE.get(name, 0)
    )
    if row is None:
        return default
    seconds = row.overflow_seconds
    return OfChannel(
        name,
        row.offers,
        default.capacity if row.capacity is None else row.capacity,
        default.precedence if row.precedence is None else row.precedence,
        row.overflow,
        None if seconds is None else timedelta(seconds=seconds),
        row.overflow_to_id,
        row.callbacks,
        row.voicemail,
        row.most_waiting,
    )
