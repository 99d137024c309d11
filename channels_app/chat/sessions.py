"""The only writers of chat sessions: begin, write, tell who one is, end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels_app.chat import refusals, timeline, tokens
from channels_app.chat.models import ChatLeg, ChatSession, ChatSite
from hub.conversations.actions.legs import end_leg, open_leg
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send import LIMITS
from hub.conversations.append import advance
from hub.conversations.inbound import Inbound, ReceivedFile
from hub.conversations.models import Channel, Conversation, Entry, Leg
from hub.realtime.events import ChatSessionChanged
from hub.realtime.publish import publish_on_commit
from hub.routing import queue
from patients import contact_points
from patients.models import ContactPoint

#: How long a browser may stay away and still go on; as long as a conversation reopens.
LIFETIME = settings.REOPENING_WINDOW
#: Its end is put off at most this often, not with each message.
RENEW_AFTER = timedelta(minutes=10)
LANGUAGES = ("en", "es")
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Said:
    """What a visitor typed about themself. It ranks candidates for staff and proves nothing."""

    name: str = ""
    birth_date: date | None = None

    def to_json(self) -> dict[str, str]:
        """Return what is kept, without what was not said."""
        said = {"name": self.name[:LONGEST_NAME].strip()} if self.name.strip() else {}
        if self.birth_date is not None:
            said["birth_date"] = self.birth_date.isoformat()
        return said

    @classmethod
    def from_json(cls, said: dict[str, str]) -> "Said":
        """Return what was kept."""
        born = said.get("birth_date")
        return cls(said.get("name", ""), date.fromisoformat(born) if born else None)


@dataclass(frozen=True, slots=True)
class Started:
    """A new session, and the token that opens it, which is nowhere else."""

    session: ChatSession
    token: str


def start(site: ChatSite, *, language: str, said: Said) -> Started:
    """Begin the session of a visitor of `site`, who is nobody known."""
    token = tokens.new_session_token()
    with transaction.atomic():
        visitor = contact_points.hold(ContactPoint.System.VISITOR, f"visitor-{uuid4().hex}")
        session = ChatSession.objects.create(
            site=site,
            token_hash=tokens.hash_of(token),
            contact_point=visitor,
            language=language,
            said=said.to_json(),
            expires_at=timezone.now() + LIFETIME,
        )
    return Started(session, token)


def find(token: str, site_key: str) -> ChatSession:
    """Return the session that `token` opens at that site. Raises SessionOver, SessionMoved."""
    session = (
        ChatSession.objects.select_related("site__hub_address__department", "contact_point")
        .filter(token_hash=tokens.hash_of(token), site__key=site_key)
        .first()
    )
    if session is None:
        raise refusals.SessionOver
    require_live(session)
    return session


def again(session_id: int) -> ChatSession:
    """Return a session found before, if it still lives. Raises SessionOver, SessionMoved."""
    session = ChatSession.objects.select_related(
        "site__hub_address__department", "contact_point", "link"
    ).get(pk=session_id)
    require_live(session)
    return session


def require_live(session: ChatSession) -> None:
    """Raise SessionOver, or SessionMoved where a newer link took its place."""
    if session.is_live(timezone.now()):
        return
    newer = session.ended_at is not None and ChatSession.objects.filter(
        contact_point_id=session.contact_point_id, site_id=session.site_id, pk__gt=session.pk
    )
    raise refusals.SessionMoved if newer and newer.exists() else refusals.SessionOver


def write(
    session: ChatSession, text: str, *, intent: UUID, files: Sequence[ReceivedFile] = ()
) -> Entry:
    """Append what the visitor wrote; the same `intent` twice is one message.

    It is committed when this returns. Raises NothingToSay, TooLong, SessionOver, SessionMoved.
    """
    if not text.strip() and not files:
        raise refusals.NothingToSay
    if len(text) > LIMITS[Channel.CHAT]:
        raise refusals.TooLong(LIMITS[Channel.CHAT])
    now = timezone.now()
    with transaction.atomic():
        # First in the lock order, and what keeps two presses of "send" apart.
        contact_points.lock(session.contact_point_id)
        session = again(session.pk)
        repeat = repeated(session, intent)
        if repeat is not None:
            return repeat
        open_leg_of_link(session, now)
        received = receive(
            Inbound(
                channel=Channel.CHAT,
                contact_system=session.contact_point.system,
                contact_value=session.contact_point.value,
                hub_address_id=session.site.hub_address_id,
                text=text,
                at=now,
                received_files=tuple(files),
                intent=intent,
                language=session.language,
                said=session.said,
            )
        )
        assert received.entry.leg is not None
        _bind(session, received.entry.leg)
        if session.expires_at < now + LIFETIME - RENEW_AFTER:
            ChatSession.objects.filter(pk=session.pk).update(expires_at=now + LIFETIME)
    return received.entry


def repeated(session: ChatSession, intent: UUID) -> Entry | None:
    """Return the entry that this press of "send" made before, if it did."""
    return timeline.visible(session).filter(intent=intent, author_kind=Entry.Author.PATIENT).first()


def open_leg_of_link(session: ChatSession, at: datetime) -> None:
    """Open the leg of who came by a link in the link's conversation, unless that was done.

    A resolved conversation gets it with the first message, which reopens it.
    """
    link = getattr(session, "link", None)
    if link is None or session.legs.exists():
        return
    leg = open_leg(
        link.conversation,
        Channel.CHAT,
        session.contact_point,
        session.site.hub_address,
        at,
        kind=Entry.Kind.LINK,
        detail={"what": "opened", "channel": Channel.CHAT.value, "link": str(link.uuid)},
    )
    _bind(session, leg)


def _bind(session: ChatSession, leg: Leg) -> None:
    """Note that `leg` runs in `session`; tell its sockets where it is new."""
    _row, is_new = ChatLeg.objects.get_or_create(leg=leg, defaults={"session": session})
    if is_new:
        publish_on_commit(ChatSessionChanged(session.pk))


def tell(session: ChatSession, said: Said) -> None:
    """Keep what the visitor says of themself, and let the agents' page show it anew."""
    with transaction.atomic():
        locked = ChatSession.objects.select_for_update(of=("self",)).get(pk=session.pk)
        locked.said = {**locked.said, **said.to_json()}
        locked.save(update_fields=["said"])
        session.said = locked.said
        leg = timeline.current_leg(session)
        if leg is not None and leg.ended_at is None:
            advance(leg.conversation)


def speak(session: ChatSession, language: str) -> None:
    """Keep the language that the visitor reads."""
    if language in LANGUAGES and language != session.language:
        ChatSession.objects.filter(pk=session.pk).update(language=language)
        session.language = language


def end(session: ChatSession) -> None:
    """End the session by the visitor's wish: its token opens nothing, its leg ends."""
    now = timezone.now()
    with transaction.atomic():
        contact_points.lock(session.contact_point_id)
        if not ChatSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(
            ended_at=now
        ):
            return
        leg = timeline.current_leg(session)
        if leg is not None and leg.ended_at is None:
            end_leg(leg, now)
            if not Leg.objects.filter(conversation=leg.conversation, ended_at=None).exists():
                queue.abandon(leg.conversation, at=now)
        publish_on_commit(ChatSessionChanged(session.pk))


def end_expired(limit: int = 200) -> int:
    """End sessions whose time is over, so that nobody answers into an empty room."""
    over = list(
        ChatSession.objects.filter(
            ended_at__isnull=True, expires_at__lte=timezone.now()
        ).select_related("contact_point", "site")[:limit]
    )
    for session in over:
        end(session)
    return len(over)


def said_in(conversation: Conversation) -> Said | None:
    """Return what the latest visitor of `conversation` said of themself, for staff to compare."""
    newest = (
        ChatSession.objects.filter(legs__leg__conversation=conversation).order_by("-pk").first()
    )
    said = Said.from_json(newest.said) if newest else Said()
    return said if said != Said() else None
