"""The readers of entries: a page of a conversation, and what changed since a revision.

Each reads rows as plain values and opens a text only when it is shown. What was erased, moved away
or is hidden from the reader comes out masked: that something was said, and nothing of it.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from hub.conversations.models import Attachment, Conversation, Entry
from hub.encryption.fields import Sealed

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
            `department`, `from_department`, `to_department`, `patient`, `before`), their name.
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
    if level == "masked":
        return Page(_contact_only(conversation.pk, before), None, None)
    rows = _rows(_BEFORE, [conversation.pk, before or _HIGHEST, limit + 1], user_id)
    more = len(rows) > limit
    rows = rows[:limit][::-1]
    lines = _lines(rows)
    read = rows[0]["seen"] or 0 if rows else 0
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
    whoever reads a revision reads all lower ones too. Three queries at most.
    """
    rows = _rows(_CHANGED, [conversation_id, revision, CHANGES + 1])
    complete = len(rows) <= CHANGES
    highest = max((row["revision"] for row in rows), default=revision)
    lines = _lines(sorted(rows, key=lambda row: row["number"])) if complete else ()
    return Changes(lines, highest, complete)


def lines_of(entry_ids: Collection[int]) -> tuple[EntryLine, ...]:
    """Return these entries as lines, in no order. Three queries at most."""
    return _lines(_rows(_THESE, [list(entry_ids)]))


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
    return contact_only(_lines(_rows(_FIRST, [conversation_id])))


# Written out: the ORM takes longer to put such a statement together than the database to answer.
_SHOWN = """
    SELECT e.id, e.uuid, e.conversation_id, c.uuid AS conversation_uuid, e.number, e.revision,
        e.kind, e.audience, e.author_kind, e.author_id, a.name AS author_name, e.body, e.at,
        e.channel, e.delivery_state, e.delivery_error, e.detail,
        e.erased_at IS NOT NULL OR e.moved_to_id IS NOT NULL AS hidden,
        EXISTS (SELECT FROM conversations_attachment f WHERE f.entry_id = e.id) AS has_files,
        (SELECT number FROM conversations_readmark m
            WHERE m.user_id = %s AND m.conversation_id = e.conversation_id) AS seen
    FROM conversations_entry e
    JOIN conversations_conversation c ON c.id = e.conversation_id
    LEFT JOIN staff_user a ON a.id = e.author_id
    WHERE """
_BEFORE = "e.conversation_id = %s AND e.number < %s ORDER BY e.number DESC LIMIT %s"
_CHANGED = "e.conversation_id = %s AND e.revision > %s ORDER BY e.revision, e.number LIMIT %s"
_FIRST = "e.conversation_id = %s AND e.number = 1"
_THESE = "e.id = ANY(%s::bigint[])"

_HIGHEST = 2**31 - 1
"""No entry's number is higher."""

_BODY: Any = Entry._meta.get_field("body")


def _rows(which: str, values: Sequence[Any], user_id: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of `which`, one of the conditions above; one query."""
    with connection.cursor() as cursor:
        cursor.execute(_SHOWN + which, [user_id or 0, *values])
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _lines(rows: Sequence[Mapping[str, Any]]) -> tuple[EntryLine, ...]:
    """Return the rows as lines, with files and names; two queries at most, mostly none."""
    with_files = [row["id"] for row in rows if row["has_files"]]
    files = _files(with_files) if with_files else {}
    details = {row["id"]: json.loads(row["detail"]) for row in rows if row["detail"] != "{}"}
    names = _names(details.values())
    return tuple(
        _line(row, files.get(row["id"], ()), details.get(row["id"], {}), names) for row in rows
    )


def _line(
    row: Mapping[str, Any],
    files: tuple[AttachmentLine, ...],
    detail: Mapping[str, Any],
    names: Mapping[tuple[str, int], str],
) -> EntryLine:
    hidden = row["hidden"]
    line = EntryLine(
        id=row["id"],
        uuid=row["uuid"],
        conversation_id=row["conversation_id"],
        conversation_uuid=row["conversation_uuid"],
        number=row["number"],
        revision=row["revision"],
        kind=row["kind"],
        audience=row["audience"],
        author_kind=row["author_kind"],
        author_id=row["author_id"],
        author_name=row["author_name"] or "",
        body="" if hidden else Sealed(bytes(row["body"]), _BODY).reveal(row["uuid"]),
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
    "department": "department",
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
