"""What a person is being offered, as the cards in the corner of their console show it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.template.loader import get_template
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from hub.audit.origin import Origin, use_origin
from hub.audit.record import AuditAction, record
from hub.console.head import head_of
from hub.console.sockets import Socket, frame
from hub.console.templatetags.console import conversation_path
from hub.conversations import access
from hub.conversations.models import Channel
from hub.realtime.database_threads import in_database_thread
from hub.routing.models import Offer, QueueEntry
from hub.routing.offers import open_offers_of
from hub.staff.models import User


@dataclass(frozen=True, slots=True)
class Card:
    """One open offer.

    A call's (`fills`) has no `html`: the softphone rings instead (an event of the page carries all
    cards, static/js/console/offers.js).

    Attributes:
        left, lasts: seconds, of the whole time; the browser counts by its own clock.
        said: what a screen reader says at once.
    """

    uuid: str
    conversation: str
    path: str
    channel: str
    kind: str
    fills: bool
    left: float
    lasts: float
    said: str
    html: str


def cards_of(user: User, language: str, now: datetime | None = None) -> list[Card]:
    """Return the cards of what `user` is being offered now, and may see; the oldest first."""
    found = open_offers_of(user)
    if not found:
        return []
    ids = [offer.queue_entry.conversation_id for offer in found]
    own = set(access.own(user).filter(pk__in=ids).values_list("pk", flat=True))
    now = now or timezone.now()
    with translation.override(language):
        return [
            _card(offer, now)
            for offer in found
            if offer.queue_entry.conversation_id in own and offer.until > now
        ]


async def push_to(sockets: Iterable[Socket]) -> None:
    """Tell sockets what their people are being offered: all of it, so that a frame may be lost.

    The tabs of one log-in are one reading, however many they are.
    """
    tabs: dict[tuple[int, str, str], list[Socket]] = {}
    for socket in sockets:
        if not socket.is_locked:
            key = (socket.user_id, socket.session_key, socket.language)
            tabs.setdefault(key, []).append(socket)
    for (user_id, _session_key, language), open_ones in tabs.items():
        cards = await in_database_thread(_shown_to, user_id, language, open_ones[0].origin)
        text = frame("offers", offers=[asdict(card) for card in cards])
        for socket in open_ones:
            if not socket.is_locked:
                socket.push(text)


def _shown_to(user_id: int, language: str, origin: Origin) -> list[Card]:
    """Return a person's cards. They name patients, so they are a reading, as a list is."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return []
    cards = cards_of(user, language)
    with use_origin(origin):
        note_shown(user, cards)
    return cards


def note_shown(user: User, cards: list[Card]) -> None:
    """Write down which conversations the cards showed."""
    if cards:
        record(
            AuditAction.VIEW_LIST,
            actor=user,
            detail={"list": "offers", "conversations": [card.conversation for card in cards]},
        )


def _card(offer: Offer, now: datetime) -> Card:
    wait = offer.queue_entry
    conversation = wait.conversation
    who = head_of(conversation).who
    card: dict[str, Any] = {
        "uuid": str(offer.uuid),
        "conversation": str(conversation.uuid),
        "path": conversation_path(conversation.uuid),
        "channel": offer.channel,
        "kind": wait.kind,
        "fills": offer.fills,
        "left": round((offer.until - now).total_seconds(), 1),
        "lasts": round((offer.until - offer.made_at).total_seconds(), 1),
    }
    if wait.kind == QueueEntry.Kind.LIVE:
        channel = str(Channel(offer.channel).label) if offer.channel in Channel.values else ""
    else:  # a callback, or what is left to do after somebody hung up
        channel = wait.get_kind_display()
    said = _("%(channel)s from %(who)s is offered to you.") % {"channel": channel, "who": who}
    html = ""
    if not offer.fills:
        context = card | {
            "who": who,
            "channel_label": channel,
            "department": wait.department.name,
            "why": offer.get_why_display(),
            "is_urgent": offer.why == Offer.Why.URGENT,
            "since": wait.place_since,
        }
        html = get_template("console/partials/offer.html").render({"offer": context}).strip()
    return Card(said=said, html=html, **card)
