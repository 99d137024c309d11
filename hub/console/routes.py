"""By which ways an answer can reach the patient now, and why another one cannot be used."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from hub.console.addresses import shown
from hub.conversations.actions.send import LIMITS
from hub.conversations.models import Channel, Conversation, Leg
from patients import consent


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


def routes_of(conversation: Conversation) -> list[Route]:
    """Return a route for each (channel, address) that the conversation ran on, usable ones first.

    Two queries: the legs, and where their addresses stand.
    """
    legs: dict[tuple[str, int], Leg] = {}
    rows = conversation.legs.select_related("contact_point", "hub_address").order_by("-id")
    for leg in rows:
        known = legs.get((leg.channel, leg.contact_point_id))
        if known is None or (known.ended_at is not None and leg.ended_at is None):
            legs[leg.channel, leg.contact_point_id] = leg
    standing = consent.standing({leg.contact_point for leg in legs.values()})
    stopped = {
        (point_id, one.channel)
        for point_id, lines in standing.items()
        for one in lines
        if one.is_stopped and one.purpose is None
    }
    who = conversation.patient.name if conversation.patient else ""
    routes = [
        _route(conversation, leg, who, (leg.contact_point_id, leg.channel) in stopped)
        for leg in legs.values()
    ]
    return sorted(routes, key=lambda route: (not route.is_usable, not route.is_current))


def _route(conversation: Conversation, leg: Leg, who: str, is_stopped: bool) -> Route:
    address = shown(leg.contact_point)
    why_not = ""
    if is_stopped:
        why_not = _("opted out")
    elif leg.ended_at is not None:
        why_not = _("ended")
    return Route(
        leg=leg.uuid,
        channel=leg.channel,
        label=str(Channel(leg.channel).label),
        address=address if leg.channel == Channel.SMS else "",
        reaches=_reaches(leg, who, address),
        limit=LIMITS[Channel(leg.channel)],
        is_usable=not why_not,
        why_not=why_not,
        is_current=(
            leg.channel == conversation.channel
            and leg.contact_point_id == conversation.contact_point_id
        ),
    )


def _reaches(leg: Leg, who: str, address: str) -> str:
    if not who:
        if leg.channel == Channel.SMS:
            return _("This goes as a text to %(address)s") % {"address": address}
        return _("They see this in the chat window")
    if leg.channel == Channel.SMS:
        return _("%(who)s gets this as a text to %(address)s") % {"who": who, "address": address}
    return _("%(who)s sees this in the chat window") % {"who": who}
