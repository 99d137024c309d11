"""A patient's timeline: all their conversations, merged by time, newest first.

What a reader may not read but may know of (a restricted department) is one masked line a
conversation: that there was a contact. Merged records are one patient (patients.survivors).

A page opens the conversations with the latest entries, twenty at a time, until no conversation that
is still closed can have a line above the page's last: no line is passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from django.db import connection

from hub.conversations.contacts import Contact, contacts_of
from hub.conversations.cursors import BadCursor, to_moment, to_text
from hub.conversations.timeline import PAGE, EntryLine, lines_of, masked
from hub.staff.models import User
from patients.survivors import record_ids

OPENED = 20
"""How many conversations are opened at once (measured: 0.8 ms; two hundred take 8.9 ms)."""

# Entries are stamped before their conversation is locked, so two may stand a moment out of order.
_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PatientPage:
    """Lines newest first, the conversations that they belong to by uuid, and where to read on."""

    lines: tuple[EntryLine, ...]
    contacts: Mapping[UUID, Contact]
    older_before: str | None


def of_patient(
    patient_id: int, user: User, before: str | None = None, limit: int = PAGE
) -> PatientPage:
    """Return a page of what `user` may see of the patient.

    Args:
        patient_id: any record of the patient.
        user: who reads.
        before: an `older_before` of the page above.
        limit: how many lines.

    Raises:
        BadCursor: `before` is not one of ours.
    """
    place = _parse(before) if before else None
    contacts = sorted(
        contacts_of(user, record_ids(patient_id)), key=lambda one: one.last_entry_at, reverse=True
    )
    closed = [one for one in contacts if place is None or one.opened_at < place[0] + _SLACK]
    found: list[_Found] = []
    while closed:
        opened, closed = closed[:OPENED], closed[OPENED:]
        found = sorted([*found, *_latest(opened, place, limit + 1)], reverse=True)
        # What stands above the latest entry of those still closed comes before all of theirs.
        if closed and sum(one[0] > closed[0].last_entry_at + _SLACK for one in found) > limit:
            break
    shown = found[:limit]
    lines = _lines(shown, {one.id: one.level for one in contacts})
    return PatientPage(
        lines=lines,
        contacts={one.conversation: one for one in contacts},
        older_before=_text(lines[-1]) if len(found) > limit else None,
    )


_Found: TypeAlias = tuple[datetime, int]
"""An entry's moment and id: the order of the timeline."""


_LATEST = """
    (SELECT e.at, e.id
    FROM unnest(%(open)s::bigint[]) AS opened (id), LATERAL (
        SELECT at, id FROM conversations_entry
        WHERE conversation_id = opened.id
            AND (at, id) < (%(at)s, COALESCE((SELECT id FROM conversations_entry
                WHERE uuid = %(uuid)s), 0))
        ORDER BY at DESC, id DESC LIMIT %(limit)s
    ) e)
    UNION ALL
    SELECT at, id FROM conversations_entry
    WHERE conversation_id = ANY(%(masked)s::bigint[]) AND number = 1
        AND (at, id) < (%(at)s, COALESCE((SELECT id FROM conversations_entry
            WHERE uuid = %(uuid)s), 0))
    ORDER BY at DESC, id DESC LIMIT %(limit)s
"""


def _latest(
    opened: Sequence[Contact], place: tuple[datetime, UUID] | None, limit: int
) -> list[_Found]:
    """Return the latest entries of these conversations before `place`. One query."""
    at, uuid = place or ("infinity", None)
    values = {
        "open": [one.id for one in opened if one.level != "masked"],
        "masked": [one.id for one in opened if one.level == "masked"],
        "at": at,
        "uuid": uuid,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, values)
        return list(cursor.fetchall())


def _lines(shown: Sequence[_Found], levels: Mapping[int, str]) -> tuple[EntryLine, ...]:
    ids = [pk for _at, pk in shown]
    lines = {line.id: line for line in lines_of(ids)}
    return tuple(
        masked(lines[pk]) if levels[lines[pk].conversation_id] == "masked" else lines[pk]
        for pk in ids
    )


def _text(line: EntryLine) -> str:
    return f"{to_text(line.at)}.{line.uuid}"


def _parse(text: str) -> tuple[datetime, UUID]:
    try:
        micros, uuid = text.split(".")
        at = to_moment(micros)
        if at is None:
            raise BadCursor
        return at, UUID(uuid)
    except ValueError as error:
        raise BadCursor from error
