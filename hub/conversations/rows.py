"""The rows of the inbox: what one line about a conversation says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
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

PREVIEW = 120
"""How many characters of the last message a row shows."""

_BODY: Any = Entry._meta.get_field("body")


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


def rows_of(conversation_ids: Collection[int], user_id: int | None = None) -> dict[int, Row]:
    """Return the rows of these conversations by id, without asking who may see them. One query.

    With no `user_id` nothing is unread: what each reader has seen their browser knows.
    """
    values: list[Any] = [*conversation_ids]
    if len(values) == 1:
        # One id has a plan that the database keeps. Of an array it does not know how long it is,
        # and plans all the joins anew, which takes it five times as long as to follow them.
        sql = "SELECT %s::bigint AS id"
    else:
        sql = "SELECT id FROM conversations_conversation WHERE id = ANY(%s)"
        values = [values]
    return {row.id: row for row in read(sql, values, user_id, "c.id")}


_SHOWN = """
    SELECT c.id, c.uuid, c.revision, c.identity, c.channel, c.status, c.priority, c.waiting_since,
        c.last_entry_at, c.snoozed_until, c.resolved_at, c.resolution, c.last_message_number,
        c.patient_id, c.holder_id, h.name AS holder_name, c.department_id,
        d.name AS department_name,
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


def read(picked: str, values: Sequence[Any], user_id: int | None, order: str) -> list[Row]:
    """Return rows for the ids that the SQL `picked` gives, in `order`. One query.

    `order` is SQL over the conversation as `c`. Both come from our own code, never from a request.
    """
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
