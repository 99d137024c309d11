"""What the patient sees on the secure page: the messages of one conversation, and no more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from channels_app.secure.models import SecureLink
from hub.conversations.models import Attachment, Entry

#: The newest lines of a conversation; nobody scrolls through more on a phone.
MOST = 200

_GONE = Q(erased_at__isnull=False) | Q(moved_to__isnull=False)


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """One message."""

    is_own: bool
    is_automatic: bool
    name: str
    body: str
    at: datetime
    files: Sequence[Attachment]


def visible(link: SecureLink) -> QuerySet[Entry]:
    """Return the messages that the patient may see, in their order; never a note."""
    return (
        Entry.objects.filter(
            conversation=link.conversation_id,
            kind=Entry.Kind.MESSAGE,
            audience=Entry.Audience.PATIENT,
        )
        .exclude(_GONE)
        .order_by("number")
    )


def lines(link: SecureLink) -> list[ThreadLine]:
    """Return the newest `MOST` messages, the oldest of them first."""
    newest = visible(link).select_related("author").prefetch_related("attachments")
    return [_line(entry) for entry in reversed(newest.reverse()[:MOST])]


def visible_file(link: SecureLink, uuid: UUID) -> Attachment | None:
    """Return the stored file `uuid` if it came with a message that the patient may see."""
    return (
        Attachment.objects.filter(
            uuid=uuid, state=Attachment.State.STORED, entry__in=visible(link).order_by()
        )
        .select_related("entry")
        .first()
    )


def _line(entry: Entry) -> ThreadLine:
    stored = [one for one in entry.attachments.all() if one.state == Attachment.State.STORED]
    return ThreadLine(
        is_own=entry.author_kind == Entry.Author.PATIENT,
        is_automatic=entry.author_kind == Entry.Author.AUTOMATIC,
        name=entry.author.first_name if entry.author else "",
        body=entry.body,
        at=entry.at,
        files=sorted(stored, key=lambda one: one.position),
    )
