"""What the console's templates need beyond Django's own tags: ages, days, addresses."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django import template
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from hub.console.wording import delivery_reason as reason_in_words
from hub.conversations.actions.status import Resolution
from hub.conversations.models import Channel, Conversation
from hub.conversations.rows import Row
from patients.models import ContactPointLink

register = template.Library()

_SAMPLE = UUID(int=0)


@lru_cache(maxsize=8)
def _around(name: str) -> tuple[str, str]:
    """What stands before and after the uuid in the address `name`; reversing is slow in a loop."""
    before, _uuid, after = reverse(name, args=[_SAMPLE]).partition(str(_SAMPLE))
    return before, after


@register.filter
def conversation_path(uuid: UUID) -> str:
    """The address of a conversation's page."""
    before, after = _around("console:conversation")
    return f"{before}{uuid}{after}"


@register.filter
def attachment_path(uuid: UUID) -> str:
    """The address of an attachment's download."""
    before, after = _around("console:attachment")
    return f"{before}{uuid}{after}"


@register.filter
def age(at: datetime | None) -> str:
    """How long ago, in two or three characters: "now", "4m", "2h", "3d". As in ages.js."""
    if at is None:
        return ""
    minutes = int((timezone.now() - at).total_seconds() // 60)
    if minutes < 1:
        return _("now")
    if minutes < 60:
        return _("%dm") % minutes
    if minutes < 60 * 24:
        return _("%dh") % (minutes // 60)
    if minutes < 60 * 24 * 365:
        return _("%dd") % (minutes // (60 * 24))
    return _("%dy") % (minutes // (60 * 24 * 365))


@register.filter
def age_words(at: datetime | None) -> str:
    """How long ago in words, for the head of a conversation: "4 minutes"."""
    if at is None:
        return ""
    if timezone.now() - at < timedelta(minutes=1):
        return _("a moment")
    return timesince(at, depth=1)


@register.filter
def clock(at: datetime) -> str:
    """The time of day, exact to the minute: 09:12."""
    return timezone.localtime(at).strftime("%H:%M")


@register.filter
def full_time(at: datetime | None) -> str:
    """The full time with its zone, for a hover and for screen readers."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'j F Y, H:i:s')} {local.tzname()}"


@register.filter
def iso(at: datetime | None) -> str:
    """The time as a machine reads it."""
    return at.isoformat(timespec="seconds") if at else ""


@register.filter
def day(at: datetime) -> str:
    """The day of a time, as a machine reads it."""
    return day_of(at).isoformat()


@register.filter
def short_date(at: datetime | None) -> str:
    """A day in a list: 3 Nov, with the year where it is another one."""
    if at is None:
        return ""
    return _short(day_of(at), timezone.localdate())


def day_of(at: datetime) -> date:
    """The day of a time, here."""
    return timezone.localtime(at).date()


def label_of_day(that: date) -> str:
    """The day as a separator names it: Today, Yesterday, 3 Nov, 3 Nov 2025."""
    today = timezone.localdate()
    if that == today:
        return _("Today")
    if that == today - timedelta(days=1):
        return _("Yesterday")
    return _short(that, today)


def _short(that: date, today: date) -> str:
    return formats.date_format(that, "j M" if that.year == today.year else "j M Y")


@register.filter
def delivery_reason(code: str) -> str:
    """Why something was not delivered, in words."""
    return reason_in_words(code)


@register.filter
def initials(name: str) -> str:
    """Two letters for a person's circle; nothing for a number."""
    parts = [part for part in (name or "").split() if part[0].isalpha()]
    if not parts:
        return ""
    return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()


@register.filter
def size(count: int) -> str:
    """A file's size as people say it."""
    if count < 1024:
        return _("%d bytes") % count
    if count < 1024 * 1024:
        return _("%d kB") % round(count / 1024)
    return _("%.1f MB") % (count / 1024 / 1024)


@register.filter
def resolution_words(code: str) -> str:
    """Why a conversation is over, in words inside a sentence."""
    return str(Resolution(code).label).lower() if code in Resolution.values else _("done")


@register.filter
def proof_words(code: str) -> str:
    """How somebody was checked, in words inside a sentence."""
    proofs = ContactPointLink.Proof
    return str(proofs(code).label).lower() if code in proofs.values else code


@register.filter
def channel_words(code: str) -> str:
    """A channel by its name."""
    return str(Channel(code).label) if code in Channel.values else code


@register.filter
def moment_words(text: str) -> str:
    """A moment stored as text, in words."""
    at = parse_datetime(text or "")
    return until(at) if at else ""


@register.filter
def until(at: datetime | None) -> str:
    """A time to come, as somebody says it: Mon 30 Nov, 09:00."""
    return formats.date_format(timezone.localtime(at), "D j M, H:i") if at else ""


_LAST = "9"
"""Sorts after every year: what waits for the patient stands below what waits for us."""


@register.filter
def due(row: Row) -> str:
    """The key by which a browser keeps rows in the order of their list (see lists.py)."""
    if row.status == Conversation.Status.RESOLVED:
        return iso_utc(row.resolved_at)
    if row.status == Conversation.Status.SNOOZED:
        return iso_utc(row.snoozed_until)
    return f"{9999 - row.priority}{iso_utc(row.waiting_since) or _LAST}"


def iso_utc(at: datetime | None) -> str:
    """A time as text whose order is the order in time."""
    return at.astimezone(UTC).isoformat() if at else ""
