"""By which ways an answer can reach the patient now, and why another one cannot be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from hub.console.addresses import shown
from hub.conversations import privacy, window
from hub.conversations.actions.send import LIMITS
from hub.conversations.models import Channel, Conversation, HubAddress, Leg
from patients.consent import Standing

#: Channels whose address a person knows by sight.
_ADDRESSED = frozenset({Channel.SMS.value, Channel.WHATSAPP.value, Channel.EMAIL.value})


@dataclass(frozen=True, slots=True)
class Route:
    """One leg as the composer offers it."""

    leg: UUID
    channel: str
    label: str
    address: str
    reaches: str  # a sentence: whom and where it reaches
    limit: int  # characters
    is_usable: bool
    why_not: str
    is_current: bool
    # Free words may be sent; else a template alone (WhatsApp and Messenger, 24 hours).
    is_open: bool = True


def legs_of(conversation: Conversation) -> list[Leg]:
    """Return the legs that routes are made of: one for each channel and address. One query.

    Nobody writes into a call, so calls are not among them.
    """
    legs: dict[tuple[str, int], Leg] = {}
    written = conversation.legs.filter(channel__in=LIMITS)
    for leg in written.select_related("contact_point", "hub_address").order_by("-id"):
        known = legs.get((leg.channel, leg.contact_point_id))
        if known is None or (known.ended_at is not None and leg.ended_at is None):
            legs[leg.channel, leg.contact_point_id] = leg
    return list(legs.values())


def routes_of(
    conversation: Conversation, legs: Sequence[Leg], standing: Mapping[int, Sequence[Standing]]
) -> list[Route]:
    """Return a route for each of `legs`, usable ones first; `standing` is that of addresses."""
    stopped = {
        (point_id, one.channel)
        for point_id, lines in standing.items()
        for one in lines
        if one.is_stopped and one.purpose is None
    }
    who = conversation.patient.name if conversation.patient else ""
    secure = privacy.secure_legs(conversation, legs, standing)
    routes = [
        _route(
            conversation,
            leg,
            who,
            (leg.contact_point_id, leg.channel) in stopped,
            is_secure=leg.pk in secure,
        )
        for leg in legs
    ]
    return sorted(routes, key=lambda route: (not route.is_usable, not route.is_current))


def _route(
    conversation: Conversation, leg: Leg, who: str, is_stopped: bool, *, is_secure: bool
) -> Route:
    address = shown(leg.contact_point)
    why_not = ""
    if is_stopped:
        why_not = _("opted out")
    elif leg.hub_address.state != HubAddress.State.ON:
        why_not = _("switched off")
    elif leg.ended_at is not None:
        why_not = _("ended")
    return Route(
        leg=leg.uuid,
        channel=leg.channel,
        label=str(Channel(leg.channel).label),
        address=address if leg.channel in _ADDRESSED else "",
        reaches=_reaches_by_link(conversation, leg, who)
        if is_secure
        else _reaches(leg, who, address),
        limit=LIMITS[Channel(leg.channel)],
        is_usable=not why_not,
        why_not=why_not,
        is_current=(
            leg.channel == conversation.channel
            and leg.contact_point_id == conversation.contact_point_id
        ),
        is_open=window.is_open(leg, timezone.now()),
    )


def _reaches_by_link(conversation: Conversation, leg: Leg, who: str) -> str:
    patient = conversation.patient
    if patient is None or patient.birth_date is None:
        return _("Goes as a secure link, but we know no birth date: they can only call us")
    return _("%(who)s gets a secure link by %(channel)s, and reads it after their birth date") % {
        "who": who,
        "channel": Channel(leg.channel).label,
    }


def _reaches(leg: Leg, who: str, address: str) -> str:
    if not who:
        sentences = {
            Channel.SMS: _("This goes as a text to %(address)s"),
            Channel.WHATSAPP: _("This goes by WhatsApp to %(address)s"),
            Channel.MESSENGER: _("They get this in Messenger"),
            Channel.CHAT: _("They see this in the chat window"),
            Channel.EMAIL: _("This goes as a mail to %(address)s"),
        }
    else:
        sentences = {
            Channel.SMS: _("%(who)s gets this as a text to %(address)s"),
            Channel.WHATSAPP: _("%(who)s gets this by WhatsApp to %(address)s"),
            Channel.MESSENGER: _("%(who)s gets this in Messenger"),
            Channel.CHAT: _("%(who)s sees this in the chat window"),
            Channel.EMAIL: _("%(who)s gets this as a mail to %(address)s"),
        }
    return sentences[Channel(leg.channel)] % {"who": who, "address": address}
