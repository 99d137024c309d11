"""Links that bring a patient from texts to the chat, in the same conversation.

The token stands behind the "#" of the address: browsers keep that part to themselves, so it is in
no log, no Referer and no proxy, ours or another's. Opening the page, as link previews do, uses up
nothing; the app sends the token in the body of a POST when the patient presses Start.
"""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.chat import refusals, sessions, tokens
from channels_app.chat.models import ChatLink, ChatSession, ChatSite
from channels_app.chat.sessions import Started
from hub.conversations import errors, wording
from hub.conversations.actions.automatic import answer_automatically
from hub.conversations.actions.send import Answer, send
from hub.conversations.append import Line, append
from hub.conversations.models import Channel, Conversation, Entry, Leg
from hub.realtime.events import ChatSessionChanged
from hub.realtime.publish import publish_on_commit
from hub.staff.models import User
from patients import contact_points
from patients.models import ContactPoint

LIFETIME = timedelta(hours=24)
#: How long an old link may still be traded for a new one, sent to the same number.
RENEWABLE = timedelta(days=7)
#: The kind of automatic answer that carries a new link: one a day and contact point.
WHAT = "chat_link"

_BROWSER_SECRET = re.compile(r"[A-Za-z0-9_-]{22,64}")


class NoChatSite(errors.ConversationError):
    """There is no chat that a link could lead to."""

    def __init__(self) -> None:
        super().__init__(_("No web chat is set up."))


def send_link(conversation: Conversation, *, by: User, intent: UUID | None = None) -> Entry:
    """Text the patient a link to go on in web chat; returns the entry of that text.

    It goes over the conversation's open text leg by `send`, so its rules hold. The same `intent`
    twice is one link. Raises ChannelClosed, NoChatSite, and what `send` raises.
    """
    intent = intent or uuid4()
    leg = _open_text_leg(conversation)
    if leg is None:
        raise errors.ChannelClosed
    with transaction.atomic():
        contact_points.lock(leg.contact_point_id)
        repeat = conversation.entries.filter(intent=intent).first()
        if repeat is not None:
            return repeat
        link, token = _make(conversation, leg)
        body = wording.chat_link(link.language, address_of(token))
        entry = send(
            conversation, Answer(body=body, leg_id=leg.pk, intent=intent, is_plain=True), by=by
        )
        _note(conversation, leg, link, author=by)
    return entry


def address_of(token: str) -> str:
    """Return the address of the page that takes `token`."""
    return f"{settings.PUBLIC_URL}/c/#{token}"


def start(token: str, *, browser: str, language: str) -> Started:
    """Begin the chat by a link; the same `browser` again gets the same session.

    Args:
        token: the link's.
        browser: a secret that the browser made and keeps.
        language: what the visitor reads.

    Raises LinkUnknown, LinkUsed, LinkExpired, SessionOver, SessionMoved, Malformed.
    """
    if not _BROWSER_SECRET.fullmatch(browser):
        raise refusals.Malformed
    link = _find(token)
    bearer = tokens.session_token_of_link(link.uuid, browser)
    with transaction.atomic():
        contact_points.lock(link.contact_point_id)
        link = _find(token)
        now = timezone.now()
        if link.session is not None:
            if link.session.token_hash != tokens.hash_of(bearer):
                raise refusals.LinkUsed
            sessions.require_live(link.session)
            return Started(link.session, bearer)
        if link.expires_at <= now:
            raise refusals.LinkExpired
        _end_others(link, now)
        session = ChatSession.objects.create(
            site=link.site,
            token_hash=tokens.hash_of(bearer),
            contact_point=link.contact_point,
            language=language if language in sessions.LANGUAGES else link.language,
            expires_at=now + sessions.LIFETIME,
        )
        link.session = session
        link.used_at = now
        link.save(update_fields=["session", "used_at"])
        session.link = link
        if link.conversation.status != Conversation.Status.RESOLVED:
            sessions.open_leg_of_link(session, now)
    return Started(session, bearer)


def renew(token: str) -> None:
    """Text a new link to the number that the old one went to; at most one a day.

    Raises LinkUnknown, NoNewLink.
    """
    old = _find(token)
    with transaction.atomic():
        contact_points.lock(old.contact_point_id)
        old = _find(token)
        now = timezone.now()
        is_spent = old.session is not None or old.expires_at <= now
        leg = _open_text_leg(old.conversation, old.contact_point)
        if not is_spent or leg is None or now - old.created_at > RENEWABLE:
            raise refusals.NoNewLink
        link, new_token = _make(old.conversation, leg)
        body = wording.chat_link(link.language, address_of(new_token))
        entry = answer_automatically(old.conversation, leg, lambda: body, what=WHAT, at=now)
        if entry is None:
            raise refusals.NoNewLink
        _note(old.conversation, leg, link, author=None)


def _find(token: str) -> ChatLink:
    link = (
        ChatLink.objects.select_related(
            "conversation__patient", "contact_point", "site__hub_address__department", "session"
        )
        .filter(token_hash=tokens.hash_of(token))
        .first()
    )
    if link is None:
        raise refusals.LinkUnknown
    return link


def _make(conversation: Conversation, leg: Leg) -> tuple[ChatLink, str]:
    token = tokens.new_link_token()
    link = ChatLink.objects.create(
        token_hash=tokens.hash_of(token),
        conversation=conversation,
        contact_point_id=leg.contact_point_id,
        site=_site_of(conversation),
        language=conversation.patient.language if conversation.patient else "en",
        expires_at=timezone.now() + LIFETIME,
    )
    return link, token


def _open_text_leg(
    conversation: Conversation, contact_point: ContactPoint | None = None
) -> Leg | None:
    legs = conversation.legs.filter(channel=Channel.SMS, ended_at__isnull=True)
    if contact_point is not None:
        legs = legs.filter(contact_point=contact_point)
    return legs.order_by("-id").first()


def _site_of(conversation: Conversation) -> ChatSite:
    """Return the department's own site, else the oldest of the house."""
    sites = ChatSite.objects.order_by("pk")
    own = sites.filter(hub_address__department_id=conversation.department_id).first()
    site = own or sites.first()
    if site is None:
        raise NoChatSite
    return site


def _end_others(link: ChatLink, now: datetime) -> None:
    """The newest link wins: an older session of the same number at that site ends."""
    older = ChatSession.objects.filter(
        site=link.site, contact_point=link.contact_point, ended_at__isnull=True
    )
    for pk in list(older.values_list("pk", flat=True)):
        ChatSession.objects.filter(pk=pk).update(ended_at=now)
        publish_on_commit(ChatSessionChanged(pk))


def _note(conversation: Conversation, leg: Leg, link: ChatLink, *, author: User | None) -> None:
    """Say in the timeline, for staff, that a link went out; never the link itself."""
    detail: dict[str, Any] = {"what": "sent", "link": str(link.uuid)}
    append(
        conversation,
        Line(
            kind=Entry.Kind.LINK,
            author_kind=Entry.Author.STAFF if author else Entry.Author.SYSTEM,
            author_id=author.pk if author else None,
            at=timezone.now(),
            leg=leg,
            detail=detail,
        ),
    )
