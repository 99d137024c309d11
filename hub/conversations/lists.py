"""The inbox: lists of conversations, sorted by what is due first, and how many are in each.

Each page is one statement: a few rows are picked by an index whose order is the list's own,
department by department, and only these are joined with what a row shows. Unread is told by
comparing two numbers. So a list costs the same with a thousand entries in the database as with a
million.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from hub.conversations.cursors import BadCursor, to_moment, to_text
from hub.conversations.rows import Row, read, rows_of
from hub.staff.models import Role, User

__all__ = [
    "NAMES",
    "BadCursor",
    "Counts",
    "ListName",
    "Page",
    "Row",
    "counts",
    "counts_of",
    "departments_of",
    "page_of",
    "rows_of",
]

PAGE = 50
COUNT_UP_TO = 1000
"""Where counting stops: the screen says "999+"."""


class ListName(StrEnum):
    """The lists of the inbox."""

    MINE = "mine"
    TEAM = "team"
    UNASSIGNED = "unassigned"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


NAMES = tuple(str(name) for name in ListName)


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
    departments: Sequence[int] | None = None,
) -> Page:
    """Return a page of one of `user`'s lists. Two queries, one where `departments` are given.

    Args:
        name: which list.
        user: whose.
        after: the `after` of the page before.
        limit: how many rows.
        department_id: only this one of the user's departments (not for "mine").
        departments: what `departments_of` says of the user, where that is known already.

    Raises:
        BadCursor: `after` is not one of ours.
        ValueError: there is no such list.
    """
    name = ListName(name)
    if not _reads_content(user):
        return Page((), None)
    if departments is None:
        departments = departments_of(user)
    if department_id is not None:
        departments = [pk for pk in departments if pk == department_id]
    place = _Place.parse(name, after) if after else None
    sql, values = _pick(name, user, departments, place, limit + 1)
    rows = read(sql, values, user.pk, _ORDERS[name])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(tuple(rows), _Place.of(name, rows[-1]).text() if more else None)


def counts(user: User) -> Counts:
    """Return how many conversations each of `user`'s lists has. Two queries."""
    return counts_of([user.pk])[user.pk]


def counts_of(user_ids: Collection[int]) -> dict[int, Counts]:
    """Return the counts of many people at once. Two queries, however many they are."""
    ids = list(user_ids)
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS_OF_DEPARTMENTS, [ids])
        teams = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_COUNTS_OF_HOLDERS, [ids])
        held = {row[0]: row[1:] for row in cursor.fetchall()}
    found = {}
    for pk in ids:
        team, unassigned, snoozed = teams.get(pk, (0, 0, 0))
        mine, unread, elsewhere = held.get(pk, (0, 0, 0))
        found[pk] = Counts(
            *(
                min(int(count), COUNT_UP_TO)
                for count in (mine, unread, team, unassigned, snoozed + elsewhere)
            )
        )
    return found


_COUNT = f"SELECT count(*) FROM (SELECT FROM conversations_conversation WHERE {{}} LIMIT {COUNT_UP_TO}) c"  # noqa: E501, S608
_ACTIVE = "department_id = own.id AND status IN ('open', 'waiting')"

_COUNTS_OF_DEPARTMENTS = f"""
    WITH people AS (
        SELECT id FROM staff_user
        WHERE id = ANY(%s) AND is_active AND role <> '{Role.ADMINISTRATOR}'
    ), membership AS (
        SELECT user_id, department_id FROM staff_membership JOIN people ON people.id = user_id
    ), department AS (
        SELECT own.id,
            ({_COUNT.format(_ACTIVE)}) AS team,
            ({_COUNT.format(_ACTIVE + " AND holder_id IS NULL")}) AS unassigned,
            ({_COUNT.format("department_id = own.id AND status = 'snoozed'")}) AS snoozed
        FROM (SELECT DISTINCT department_id AS id FROM membership) own
    )
    SELECT user_id, sum(team), sum(unassigned), sum(snoozed)
    FROM membership JOIN department ON department.id = department_id GROUP BY user_id
"""  # noqa: S608  (fixed text; the values are parameters)

_COUNTS_OF_HOLDERS = f"""
    SELECT c.holder_id,
        count(*) FILTER (WHERE c.status <> 'snoozed'),
        count(*) FILTER (WHERE c.status <> 'snoozed'
            AND c.last_message_number > COALESCE(m.number, 0)
            AND e.author_id IS DISTINCT FROM c.holder_id),
        count(*) FILTER (WHERE c.status = 'snoozed' AND NOT EXISTS (
            SELECT FROM staff_membership own
            WHERE own.user_id = c.holder_id AND own.department_id = c.department_id))
    FROM conversations_conversation c
    JOIN staff_user u ON u.id = c.holder_id AND u.is_active AND u.role <> '{Role.ADMINISTRATOR}'
    LEFT JOIN conversations_readmark m ON m.conversation_id = c.id AND m.user_id = c.holder_id
    LEFT JOIN conversations_entry e
        ON e.conversation_id = c.id AND e.number = c.last_message_number
    WHERE c.holder_id = ANY(%s) AND c.status IN ('open', 'waiting', 'snoozed')
    GROUP BY c.holder_id
"""  # noqa: S608  (as above)


def departments_of(user: User) -> list[int]:
    """Return the ids of the departments whose lists `user` reads. One query."""
    return list(user.memberships.values_list("department_id", flat=True))


def _reads_content(user: User) -> bool:
    return user.is_active and not user.is_administrator


# --- Places in a list ---

#: Each list's order; the index of the same order is in Conversation.Meta.
_ORDERS = {
    ListName.MINE: "c.priority DESC, c.waiting_since, c.id",  # inbox_holder
    ListName.TEAM: "c.priority DESC, c.waiting_since, c.id",  # inbox_department
    ListName.UNASSIGNED: "c.priority DESC, c.waiting_since, c.id",  # inbox_unassigned
    ListName.SNOOZED: "c.snoozed_until, c.id",  # inbox_snoozed
    ListName.RESOLVED: "c.resolved_at DESC, c.id DESC",  # inbox_resolved
}


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
            place = cls(int(priority), to_moment(micros), UUID(uuid))
        except ValueError as error:
            raise BadCursor from error
        if not -(2**15) <= place.priority < 2**15:
            raise BadCursor
        if place.at is None and name in (ListName.SNOOZED, ListName.RESOLVED):
            raise BadCursor
        return place

    def text(self) -> str:
        return f"{self.priority}.{to_text(self.at)}.{self.uuid}"


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


_KEYS = (
    "c.id, c.priority, c.waiting_since, c.snoozed_until, c.resolved_at "
    "FROM conversations_conversation c"
)


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
        case _:
            sources, status = by_department, "c.status = 'resolved'"
    parts: list[str] = []
    values: list[Any] = []
    order = _ORDERS[name]
    for whose, whose_values in sources:
        for beyond, beyond_values in _beyond(name, place):
            where = f"{whose} AND {status} AND {beyond}"
            parts.append(f"(SELECT {_KEYS} WHERE {where} ORDER BY {order} LIMIT {limit})")
            values += [*whose_values, *beyond_values]
    if not parts:
        return "SELECT NULL::bigint AS id WHERE FALSE", []
    merged = " UNION ALL ".join(parts)
    return f"SELECT c.id FROM ({merged}) c ORDER BY {order} LIMIT {limit}", values  # noqa: S608
