"""The readers of entries: a page of a conversation, and what changed since a revision.

Each reads rows as plain values and opens a text only when it is shown. What was erased, moved away
or is hidden from the reader comes out masked: that something was said, and nothing of it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet, Subquery

from hub.conversations.models import Attachment, Conversation, Entry, ReadMark

PAGE = 50
"""How many lines a page of a timeline has."""

CHANGES = 500
"""More changes than this are not caught up with line by line: the page is loaded anew."""


@dataclass(frozen=True, slots=True)
class AttachmentLine:
    """One file of an entry, as the timeline shows it; its bytes come through a view."""

    uuid: UUID
    position: int
    state: str
    reason: str
    file_name: str
    content_type: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One entry, ready to be drawn.

    Attributes:
        detail: the ids and codes of the entry as they are stored (see `Entry.detail`).
        names: for each key of `detail` that names a person, patient or department (`to`,
            `from_department`, `to_department`, `patient`, `before`), their name.
        is_masked: the reader may not see what was said; no body, author, file or detail is left.
    """

    id: int
    uuid: UUID
    conversation_id: int
    conversation_uuid: UUID
    number: int
    revision: int
    kind: str
    audience: str
    author_kind: str
    author_id: int | None
    author_name: str
    body: str
    at: datetime
    channel: str
    delivery_state: str
    delivery_error: str
    attachments: tuple[AttachmentLine, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    is_masked: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of one conversation, oldest first.

    Attributes:
        older_before: give it as `before` to read the lines above these; None at the very top.
        first_unread: the number of the first line here that the reader has not seen and did not
            write; None where they have seen all.
    """

    lines: tuple[EntryLine, ...]
    older_before: int | None
    first_unread: int | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What has a higher revision than a client's last, by number.

    Attributes:
        revision: what the client has once it has drawn `lines`.
        is_complete: False where there was too much: the client loads the page anew.
    """

    lines: tuple[EntryLine, ...]
    revision: int
    is_complete: bool


def page(
    conversation: Conversation,
    before: int | None = None,
    limit: int = PAGE,
    *,
    user_id: int | None = None,
    level: str = "own",
) -> Page:
    """Return the latest lines of `conversation`, or those with numbers below `before`.

    Args:
        conversation: which.
        before: an `older_before` of an earlier page.
        limit: how many lines.
        user_id: whose read mark `first_unread` is taken from.
        level: what `access.viewers` says of the reader; "masked" gives only that there was a
            contact.
    """
    entries = Entry.objects.filter(conversation_id=conversation.pk)
    if before is not None:
        entries = entries.filter(number__lt=before)
    if level == "masked":
        return Page(_contact_only(conversation.pk, before), None, None)
    mark = ReadMark.objects.filter(user_id=user_id or 0, conversation_id=conversation.pk)
    rows = list(
        _values(entries.annotate(mark=Subquery(mark.values("number")[:1])), "mark").order_by(
            "-number"
        )[: limit + 1]
    )
    more = len(rows) > limit
    rows = rows[:limit][::-1]
    lines = _lines(rows)
    read = rows[0]["mark"] or 0 if rows else 0
    unread = None
    if user_id is not None:
        unread = next(
            (line.number for line in lines if line.number > read and line.author_id != user_id),
            None,
        )
    return Page(lines, lines[0].number if more else None, unread)


def changed_since(conversation_id: int, revision: int) -> Changes:
    """Return the lines whose revision is higher than `revision`: what a client missed.

    A revision is given out under the row lock of its conversation, which is held until the commit:
    whoever reads a revision reads all lower ones too. Two queries, or three.
    """
    rows = list(
        _values(
            Entry.objects.filter(conversation_id=conversation_id, revision__gt=revision)
        ).order_by("revision", "number")[: CHANGES + 1]
    )
    complete = len(rows) <= CHANGES
    highest = max((row["revision"] for row in rows), default=revision)
    lines = _lines(sorted(rows, key=lambda row: row["number"])) if complete else ()
    return Changes(lines, highest, complete)


def lines_of(entries: QuerySet[Entry]) -> tuple[EntryLine, ...]:
    """Return these entries as lines. Three queries at most."""
    return _lines(list(_values(entries)))


def masked(line: EntryLine) -> EntryLine:
    """Return what is left of `line` for somebody who may not see what was said."""
    return replace(
        line,
        author_id=None,
        author_name="",
        body="",
        channel="",
        delivery_state="",
        delivery_error="",
        attachments=(),
        detail={},
        names={},
        is_masked=True,
    )


def contact_only(lines: Iterable[EntryLine]) -> tuple[EntryLine, ...]:
    """Return what `lines` are for a reader at the level "masked": the first entry, masked.

    How much was said and when would already tell something of a restricted department's patient.
    """
    return tuple(masked(line) for line in lines if line.number == 1)


def _contact_only(conversation_id: int, before: int | None) -> tuple[EntryLine, ...]:
    if before is not None:
        return ()
    first = Entry.objects.filter(conversation_id=conversation_id, number=1)
    return contact_only(lines_of(first))


_VALUES = (
    "id",
    "uuid",
    "conversation_id",
    "conversation__uuid",
    "number",
    "revision",
    "kind",
    "audience",
    "author_kind",
    "author_id",
    "author__name",
    "body",
    "at",
    "channel",
    "delivery_state",
    "delivery_error",
    "detail",
    "erased_at",
    "moved_to_id",
)


def _values(entries: QuerySet[Entry], *more: str) -> "QuerySet[Entry, dict[str, Any]]":
    return entries.values(*_VALUES, *more)


def _lines(rows: Sequence[Mapping[str, Any]]) -> tuple[EntryLine, ...]:
    """Return the rows as lines, with files and names; two queries at most."""
    shown = [row["id"] for row in rows if row["kind"] in _WITH_FILES]
    files = _files(shown) if shown else {}
    names = _names([row["detail"] for row in rows if row["detail"]])
    return tuple(_line(row, files.get(row["id"], ()), names) for row in rows)


_WITH_FILES = frozenset((Entry.Kind.MESSAGE.value, Entry.Kind.NOTE.value))


def _line(
    row: Mapping[str, Any],
    files: tuple[AttachmentLine, ...],
    names: Mapping[tuple[str, int], str],
) -> EntryLine:
    hidden = row["erased_at"] is not None or row["moved_to_id"] is not None
    detail = row["detail"]
    line = EntryLine(
        id=row["id"],
        uuid=row["uuid"],
        conversation_id=row["conversation_id"],
        conversation_uuid=row["conversation__uuid"],
        number=row["number"],
        revision=row["revision"],
        kind=row["kind"],
        audience=row["audience"],
        author_kind=row["author_kind"],
        author_id=row["author_id"],
        author_name=row["author__name"] or "",
        body="" if hidden else row["body"].reveal(row["uuid"]),
        at=row["at"],
        channel=row["channel"],
        delivery_state=row["delivery_state"],
        delivery_error=row["delivery_error"],
        attachments=files,
        detail=detail,
        names={
            key: names[table, detail[key]]
            for key, table in _NAMED.items()
            if (table, detail.get(key)) in names
        }
        if detail
        else {},
    )
    return masked(line) if hidden else line


def _files(entry_ids: Collection[int]) -> dict[int, tuple[AttachmentLine, ...]]:
    found: dict[int, list[AttachmentLine]] = {}
    for file in Attachment.objects.filter(entry_id__in=entry_ids).order_by("entry_id", "position"):
        found.setdefault(file.entry_id, []).append(
            AttachmentLine(
                uuid=file.uuid,
                position=file.position,
                state=file.state,
                reason=file.reason,
                file_name=file.file_name,
                content_type=file.content_type,
                size=file.size,
            )
        )
    return {entry_id: tuple(files) for entry_id, files in found.items()}


#: Which key of an entry's detail is the id of whom.
_NAMED = {
    "to": "person",
    "by": "person",
    "from_department": "department",
    "to_department": "department",
    "patient": "patient",
    "before": "patient",
}

_NAMES = """
    SELECT 'person', id, name FROM staff_user WHERE id = ANY(%s)
    UNION ALL SELECT 'department', id, name FROM staff_department WHERE id = ANY(%s)
    UNION ALL SELECT 'patient', id, COALESCE(NULLIF(preferred_name, ''), legal_name)
    FROM patients_patient WHERE id = ANY(%s)
"""


def _names(details: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """Return the names of whoever the details speak of, by kind and id. One query."""
    wanted: dict[str, set[int]] = {"person": set(), "department": set(), "patient": set()}
    for detail in details:
        for key, table in _NAMED.items():
            if isinstance(found := detail.get(key), int):
                wanted[table].add(found)
    if not any(wanted.values()):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, [list(ids) for ids in wanted.values()])
        return {(table, pk): name for table, pk, name in cursor.fetchall()}
