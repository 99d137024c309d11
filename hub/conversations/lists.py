"""The inbox: lists of conversations, sorted by what is due first, and how many are in each.

Each page is one statement: a few rows are picked by an index whose order is the list's own, department
by department, and only these are joined with what a row shows. Unread is told by comparing two
numbers. So a list costs the same with a thousand entries in the database as with a million.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext

from hub.conversations.models import Conversation, Entry
from hub.encryption.fields import Sealed
from hub.staff.models import User
from patients.models import ContactPoint, Patient
from patients.normal_form import display
from patients.survivors import survivor_ids

PAGE = 50
PREVIEW = 120
"""How many characters of the last message a row shows."""
COUNT_UP_TO = 1000
"""Where counting stops: the screen says "999+"."""


class ListName(StrEnum):
    """The lists of the inbox."""

    MINE = "mine"
    TEAM = "team"
    UNASSIGNED = "unassigned"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class BadCursor(ValueError):
    """A list was asked to go on from something that is no place in it."""


NAMES = tuple(str(name) for name in ListName)


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation, as a row of a list shows it.

    Attributes:
        id: the conversation's id (for the audit; addresses take `conversation`, its uuid).
        who: the patient's name, or the address where nobody is known.
        preview: the last message in one line, cut to `PREVIEW` characters, or "Attachment"; empty
            where it is hidden or nothing was said yet.
        last_author_kind: who wrote that message (Entry.Author).
        since: what the age counts from: the patient's wait, else the last entry.
        unread: whether the reader has not seen the last message (their own counts as seen).
    """

    id: int
    conversation: UUID
    revision: int
    who: str
    patient_id: int | None
    identity: str
    preview: str
    last_author_kind: str
    last_message_number: int
    channel: str
    status: str
    urgent: bool
    priority: int
    since: datetime
    waiting_since: datetime | None
    last_entry_at: datetime
    snoozed_until: datetime | None
    resolved_at: datetime | None
    resolution: str
    holder_id: int | None
    holder_name: str
    holder_initials: str
    department_id: int
    department: str
    unread: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of their list; `after` is given back to read on, None at the end."""

    rows: tuple[Row, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many conversations stand in each list; `COUNT_UP_TO` means that many or more."""

    mine: int
    mine_unread: int
    team: int
    unassigned: int
    snoozed: int


def page_of(
    name: ListName | str,
    user: User,
    after: str | None = None,
    limit: int = PAGE,
    *,
    department_id: int | None = None,
) -> Page:
    """Return a page of one of `user`'s lists. Two queries.

    Args:
        name: which list.
        after: the `after` of the page before.
        limit: how many rows.
        department_id: only this one of the user's departments (not for "mine").

    Raises:
        BadCursor: `after` is not one of ours.
        ValueError: there is no such list.
    """
    name = ListName(name)
    departments = _departments(user)
    if departments is None:
        return Page((), None)
    if department_id is not None:
        departments = [pk for pk in departments if pk == department_id]
    place = _Place.parse(name, after) if after else None
    sql, values = _pick(name, user, departments, place, limit + 1)
    rows = _rows(sql, values, user.pk, _ORDERS[name])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(tuple(rows), _Place.of(name, rows[-1]).text() if more else None)


def rows_of(conversation_ids: Collection[int], user_id: int | None = None) -> dict[int, Row]:
    """Return the rows of these conversations by id, without asking who may see them. One query.

    With no `user_id` nothing is unread: who has read what is asked apart (`readers`).
    """
    sql = "SELECT id FROM conversations_conversation WHERE id = ANY(%s)"
    found = _rows(sql, [list(conversation_ids)], user_id, "c.id")
    return {row.id: row for row in found}


def readers(conversation_id: int, user_ids: Collection[int]) -> set[int]:
    """Return who of `user_ids` has seen the conversation's last message, or wrote it. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.user_id FROM conversations_readmark m "
            "JOIN conversations_conversation c ON c.id = m.conversation_id "
            "WHERE m.conversation_id = %s AND m.user_id = ANY(%s) "
            "AND m.number >= c.last_message_number "
            "UNION SELECT e.author_id FROM conversations_conversation c "
            "JOIN conversations_entry e ON e.conversation_id = c.id "
            "AND e.number = c.last_message_number "
            "WHERE c.id = %s AND e.author_id = ANY(%s)",
            [conversation_id, list(user_ids), conversation_id, list(user_ids)],
        )
        return {row[0] for row in cursor.fetchall()}


def counts(user: User) -> Counts:
    """Return how many conversations each of `user`'s lists has. Two queries."""
    departments = _departments(user)
    if departments is None:
        return Counts(0, 0, 0, 0, 0)
    active = "status IN ('open', 'waiting')"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT
              (SELECT count(*) FROM (SELECT FROM conversations_conversation
                WHERE holder_id = %(user)s AND {active} LIMIT {COUNT_UP_TO}) x),
              (SELECT count(*) FROM (SELECT FROM conversations_conversation c
                LEFT JOIN conversations_readmark m
                  ON m.conversation_id = c.id AND m.user_id = %(user)s
                LEFT JOIN conversations_entry e
                  ON e.conversation_id = c.id AND e.number = c.last_message_number
                WHERE c.holder_id = %(user)s AND c.{active}
                  AND c.last_message_number > COALESCE(m.number, 0)
                  AND e.author_id IS DISTINCT FROM %(user)s LIMIT {COUNT_UP_TO}) x),
              (SELECT count(*) FROM (SELECT FROM conversations_conversation
                WHERE department_id = ANY(%(departments)s) AND {active} LIMIT {COUNT_UP_TO}) x),
              (SELECT count(*) FROM (SELECT FROM conversations_conversation
                WHERE department_id = ANY(%(departments)s) AND {active} AND holder_id IS NULL
                LIMIT {COUNT_UP_TO}) x),
              (SELECT count(*) FROM (
                (SELECT id FROM conversations_conversation
                WHERE department_id = ANY(%(departments)s) AND status = 'snoozed'
                LIMIT {COUNT_UP_TO})
                UNION (SELECT id FROM conversations_conversation
                WHERE holder_id = %(user)s AND status = 'snoozed' LIMIT {COUNT_UP_TO})
                LIMIT {COUNT_UP_TO}) x)
            """,
            {"user": user.pk, "departments": departments},
        )
        return Counts(*cursor.fetchone())


def _departments(user: User) -> list[int] | None:
    """Return the departments whose lists `user` reads; None where they read no content at all."""
    if not user.is_active or user.is_administrator:
        return None
    return list(user.memberships.values_list("department_id", flat=True))


# --- Places in a list ---

#: Each list's order; the index of the same order is in Conversation.Meta.
_ORDERS = {
    ListName.MINE: "c.priority DESC, c.waiting_since, c.id",  # inbox_holder
    ListName.TEAM: "c.priority DESC, c.waiting_since, c.id",  # inbox_department
    ListName.UNASSIGNED: "c.priority DESC, c.waiting_since, c.id",  # inbox_unassigned
    ListName.SNOOZED: "c.snoozed_until, c.id",  # inbox_snoozed
    ListName.RESOLVED: "c.resolved_at DESC, c.id DESC",  # inbox_resolved
}

_BODY: Any = Entry._meta.get_field("body")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ended: the sort key of its last row, whose id is written as its uuid."""

    priority: int
    at: datetime | None
    uuid: UUID

    @classmethod
    def of(cls, name: ListName, row: Row) -> "_Place":
        at = {ListName.SNOOZED: row.snoozed_until, ListName.RESOLVED: row.resolved_at}.get(
            name, row.waiting_since
        )
        return cls(row.priority, at, row.conversation)

    @classmethod
    def parse(cls, name: ListName, text: str) -> "_Place":
        try:
            priority, micros, uuid = text.split(".")
            at = datetime.fromtimestamp(int(micros) // 10**6, tz=UTC) if micros else None
            if at is not None:
                at = at.replace(microsecond=int(micros) % 10**6)
            place = cls(int(priority), at, UUID(uuid))
        except (ValueError, OverflowError, OSError) as error:
            raise BadCursor from error
        if not -(2**15) <= place.priority < 2**15:
            raise BadCursor
        if at is None and name in (ListName.SNOOZED, ListName.RESOLVED):
            raise BadCursor
        return place

    def text(self) -> str:
        micros = ""
        if self.at is not None:
            since = self.at - _EPOCH
            micros = str((since.days * 86_400 + since.seconds) * 10**6 + since.microseconds)
        return f"{self.priority}.{micros}.{self.uuid}"


_ID = "(SELECT id FROM conversations_conversation WHERE uuid = %s)"


def _beyond(name: ListName, place: _Place | None) -> list[tuple[str, list[Any]]]:
    """Return the conditions of the stretches after `place`, each one range of the index."""
    if place is None:
        return [("TRUE", [])]
    if name is ListName.SNOOZED:
        return [(f"(c.snoozed_until, c.id) > (%s, {_ID})", [place.at, place.uuid])]
    if name is ListName.RESOLVED:
        return [(f"(c.resolved_at, c.id) < (%s, {_ID})", [place.at, place.uuid])]
    less_urgent: tuple[str, list[Any]] = ("c.priority < %s", [place.priority])
    if place.at is None:
        rest = f"c.priority = %s AND c.waiting_since IS NULL AND c.id > {_ID}"
        return [(rest, [place.priority, place.uuid]), less_urgent]
    return [
        (
            f"c.priority = %s AND (c.waiting_since, c.id) > (%s, {_ID})",
            [place.priority, place.at, place.uuid],
        ),
        ("c.priority = %s AND c.waiting_since IS NULL", [place.priority]),
        less_urgent,
    ]


def _pick(
    name: ListName, user: User, departments: Sequence[int], place: _Place | None, limit: int
) -> tuple[str, list[Any]]:
    """Return SQL, with its values, for the ids of a page: the first of each range, merged."""
    active = "c.status IN ('open', 'waiting')"
    held: tuple[str, list[Any]] = ("c.holder_id = %s", [user.pk])
    sources: list[tuple[str, list[Any]]]
    by_department: list[tuple[str, list[Any]]] = [
        ("c.department_id = %s", [pk]) for pk in departments
    ]
    match name:
        case ListName.MINE:
            sources, status = [held], active
        case ListName.TEAM:
            sources, status = by_department, active
        case ListName.UNASSIGNED:
            sources, status = by_department, f"{active} AND c.holder_id IS NULL"
        case ListName.SNOOZED:
            # What one holds stays in one's list when it stands in another department.
            elsewhere = (
                "c.holder_id = %s AND NOT c.department_id = ANY(%s)",
                [user.pk, departments],
            )
            sources, status = [*by_department, elsewhere], "c.status = 'snoozed'"
        case ListName.RESOLVED:
            sources, status = by_department, "c.status = 'resolved'"
    parts: list[str] = []
    values: list[Any] = []
    for whose, whose_values in sources:
        for beyond, beyond_values in _beyond(name, place):
            parts.append(
                f"(SELECT c.id, c.priority, c.waiting_since, c.snoozed_until, c.resolved_at "
                f"FROM conversations_conversation c WHERE {whose} AND {status} AND {beyond} "
                f"ORDER BY {_ORDERS[name]} LIMIT {limit})"
            )
            values += [*whose_values, *beyond_values]
    if not parts:
        return "SELECT NULL::bigint AS id WHERE FALSE", []
    return (
        f"SELECT c.id FROM ({' UNION ALL '.join(parts)}) c ORDER BY {_ORDERS[name]} LIMIT {limit}",
        values,
    )


# --- Rows ---

_SHOWN = """
    SELECT c.id, c.uuid, c.revision, c.identity, c.channel, c.status, c.priority, c.waiting_since,
        c.last_entry_at, c.snoozed_until, c.resolved_at, c.resolution, c.last_message_number,
        c.patient_id, c.holder_id, h.name AS holder_name, c.department_id, d.name AS department_name,
        COALESCE(NULLIF(s.preferred_name, ''), s.legal_name,
            NULLIF(p.preferred_name, ''), p.legal_name) AS patient_name,
        s.survivor_id AS further, point.value AS address, point.system,
        e.uuid AS entry_uuid, e.body, e.author_kind,
        e.erased_at IS NOT NULL OR e.moved_to_id IS NOT NULL AS hidden,
        c.last_message_number > COALESCE(m.number, 0)
            AND e.author_id IS DISTINCT FROM %s AS unread
    FROM ({picked}) picked
    JOIN conversations_conversation c ON c.id = picked.id
    JOIN staff_department d ON d.id = c.department_id
    JOIN patients_contactpoint point ON point.id = c.contact_point_id
    LEFT JOIN patients_patient p ON p.id = c.patient_id
    LEFT JOIN patients_patient s ON s.id = p.survivor_id
    LEFT JOIN staff_user h ON h.id = c.holder_id
    LEFT JOIN conversations_entry e
        ON e.conversation_id = c.id AND e.number = c.last_message_number
    LEFT JOIN conversations_readmark m ON m.conversation_id = c.id AND m.user_id = %s
    ORDER BY {order}
"""


def _rows(picked: str, values: Sequence[Any], user_id: int | None, order: str) -> list[Row]:
    sql = _SHOWN.format(picked=picked, order=order)
    with connection.cursor() as cursor:
        cursor.execute(sql, [user_id, *values, user_id])
        columns = [column.name for column in cursor.description or ()]
        found = [dict(zip(columns, values, strict=True)) for values in cursor.fetchall()]
    names = _far_survivors(found)
    return [_row(one, names, reads=user_id is not None) for one in found]


def _row(one: dict[str, Any], names: dict[int, str], *, reads: bool) -> Row:
    who = names.get(one["patient_id"]) or one["patient_name"]
    return Row(
        id=one["id"],
        conversation=one["uuid"],
        revision=one["revision"],
        who=who or display(ContactPoint(system=one["system"], value=one["address"])),
        patient_id=one["patient_id"],
        identity=one["identity"],
        preview=_preview(one),
        last_author_kind=one["author_kind"] or "",
        last_message_number=one["last_message_number"],
        channel=one["channel"],
        status=one["status"],
        urgent=one["priority"] >= Conversation.Priority.URGENT,
        priority=one["priority"],
        since=one["waiting_since"] or one["last_entry_at"],
        waiting_since=one["waiting_since"],
        last_entry_at=one["last_entry_at"],
        snoozed_until=one["snoozed_until"],
        resolved_at=one["resolved_at"],
        resolution=one["resolution"],
        holder_id=one["holder_id"],
        holder_name=one["holder_name"] or "",
        holder_initials=User(name=one["holder_name"]).initials if one["holder_name"] else "",
        department_id=one["department_id"],
        department=one["department_name"],
        unread=bool(reads and one["unread"]),
    )


def _preview(one: dict[str, Any]) -> str:
    if one["entry_uuid"] is None or one["hidden"]:
        return ""
    body = " ".join(Sealed(bytes(one["body"]), _BODY).reveal(one["entry_uuid"]).split())
    if not body:
        return gettext("Attachment")
    return body if len(body) <= PREVIEW else body[: PREVIEW - 1].rstrip() + "…"


def _far_survivors(found: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Return the names of those whose record was merged more than once; mostly there are none."""
    far = {one["patient_id"] for one in found if one["further"] is not None}
    if not far:
        return {}
    survivors = survivor_ids(far)
    patients = Patient.objects.in_bulk(set(survivors.values()))
    return {pk: patients[survivor].name for pk, survivor in survivors.items()}
