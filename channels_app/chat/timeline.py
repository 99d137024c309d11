"""What a visitor sees: the patient-audience entries of the legs of their session, and no others.

Lines are counted 1, 2, 3 … within the session. The conversation's own numbers stay inside: their
gaps would tell how much staff wrote among themselves.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from channels_app.chat.models import ChatSession
from hub.conversations.models import Attachment, Channel, Entry, Leg
from hub.routing import hours
from hub.routing.after_hours import expected_in_words
from hub.staff.models import Department
from hub.staff.presence import on_duty
from patients import normal_form
from patients.models import ContactPoint

#: Lines of one answer; a client that was away longer asks again.
PAGE = 100
#: How long it may be told who is there before it is looked up again, in seconds.
PRESENCE_CACHE = 10

_GONE = Q(erased_at__isnull=False) | Q(moved_to__isnull=False)


@dataclass(frozen=True, slots=True)
class Page:
    """What an app that has the lines up to some place gets to be up to date."""

    lines: list[dict[str, Any]]
    #: Places, among those it has, of lines that were taken back since.
    gone: list[int]
    head: dict[str, Any]
    last: int
    more: bool
    #: The conversation that the chat runs in now.
    conversation_id: int | None = None

    def to_message(self) -> dict[str, Any]:
        """Return what travels to the visitor."""
        return {
            "lines": self.lines,
            "gone": self.gone,
            "head": self.head,
            "last": self.last,
            "more": self.more,
        }


def visible(session: ChatSession) -> QuerySet[Entry]:
    """Return the entries that the visitor of `session` may see, in their order."""
    return Entry.objects.filter(
        leg__chat_leg__session=session, audience=Entry.Audience.PATIENT
    ).order_by("id")


def visible_file(session: ChatSession, uuid: UUID) -> Attachment | None:
    """Return the stored file `uuid` if it belongs to an entry that the visitor may see."""
    return (
        Attachment.objects.filter(
            uuid=uuid,
            state=Attachment.State.STORED,
            entry__in=visible(session).exclude(_GONE).order_by(),
        )
        .select_related("entry")
        .first()
    )


def current_leg(session: ChatSession) -> Leg | None:
    """Return the newest leg of the session, open or ended, with its conversation."""
    newest = (
        session.legs.select_related("leg__conversation__department").order_by("-leg_id").first()
    )
    return newest.leg if newest else None


def page(session: ChatSession, after: int, language: str) -> Page:
    """Return the lines after place `after`, at most `PAGE`, and who is there."""
    entries = list(
        visible(session)
        .select_related("author")
        .prefetch_related("attachments")[after : after + PAGE + 1]
    )
    more = len(entries) > PAGE
    lines = [_line(entry, after + i) for i, entry in enumerate(entries[:PAGE], 1)]
    leg = current_leg(session)
    return Page(
        lines=lines,
        gone=_gone_before(session, after),
        head=_head(session, leg, language),
        last=after + len(lines),
        more=more,
        conversation_id=leg.conversation_id if leg and leg.ended_at is None else None,
    )


def _line(entry: Entry, place: int) -> dict[str, Any]:
    gone = entry.erased_at is not None or entry.moved_to_id is not None
    return {
        "n": place,
        "id": str(entry.uuid),
        "by": _BY[Entry.Author(entry.author_kind)],
        "name": entry.author.first_name if entry.author else "",
        "text": "" if gone else entry.body,
        "at": entry.at.isoformat(),
        "files": [] if gone else [_file(one) for one in _in_order(entry)],
        "intent": str(entry.intent) if _is_own(entry) and entry.intent else "",
        "gone": gone,
    }


_BY = {
    Entry.Author.PATIENT: "me",
    Entry.Author.STAFF: "person",
    Entry.Author.AUTOMATIC: "automatic",
    Entry.Author.SYSTEM: "automatic",
}


def _is_own(entry: Entry) -> bool:
    return entry.author_kind == Entry.Author.PATIENT


def _in_order(entry: Entry) -> list[Attachment]:
    stored = [one for one in entry.attachments.all() if one.state == Attachment.State.STORED]
    return sorted(stored, key=lambda one: one.position)


def _file(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": str(attachment.uuid),
        "name": attachment.file_name,
        "type": attachment.content_type,
        "size": attachment.size,
    }


def _gone_before(session: ChatSession, after: int) -> list[int]:
    if not after:
        return []
    seen = visible(session)
    places = (
        seen.filter(pk__lte=pk).count() for pk in seen.filter(_GONE).values_list("pk", flat=True)
    )
    return [place for place in places if place <= after]


def _head(session: ChatSession, leg: Leg | None, language: str) -> dict[str, Any]:
    """Return who speaks there, when an answer can be expected, and how else to reach us."""
    department = leg.conversation.department if leg else session.site.hub_address.department
    number = _text_number(session)
    return {
        "state": "new" if leg is None else "open" if leg.ended_at is None else "ended",
        "person": _person(session),
        "department": department.name,
        "byLink": session.contact_point.system == ContactPoint.System.PHONE,
        "text": {"href": number, "shown": _readable(number)} if number else None,
        "said": bool(session.said),
        **presence(department, language),
    }


def presence(department: Department, language: str) -> dict[str, Any]:
    """Return whether a person is there now, and if not when one can be expected, in words."""
    key = f"chat:presence:{department.pk}:{language}"
    try:
        found = cache.get(key)
    except RedisError:
        found = None
    if found is None:
        now = timezone.now()
        here = on_duty(department.pk)
        found = {
            "here": here,
            "expected": "" if here else expected_in_words(department, now, language),
            "closed": not here and not hours.is_open(department, now),
        }
        # Without a cache it is looked up again, that is all.
        with suppress(RedisError):
            cache.set(key, found, PRESENCE_CACHE)
    return found


def _person(session: ChatSession) -> str:
    """Return the first name of the person who answered last, or nothing."""
    last = (
        visible(session)
        .filter(author_kind=Entry.Author.STAFF, kind=Entry.Kind.MESSAGE)
        .select_related("author")
        .last()
    )
    return last.author.first_name if last and last.author else ""


def _text_number(session: ChatSession) -> str:
    """Return our number to text to: the one that sent the link, else the site's."""
    if session.contact_point.system == ContactPoint.System.PHONE:
        leg = (
            Leg.objects.filter(contact_point_id=session.contact_point_id, channel=Channel.SMS)
            .select_related("hub_address")
            .order_by("-id")
            .first()
        )
        if leg is not None:
            return leg.hub_address.value
    return session.site.text_number


def _readable(number: str) -> str:
    return normal_form.display(ContactPoint(system=ContactPoint.System.PHONE, value=number))
