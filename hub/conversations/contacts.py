"""A patient's conversations as one person may know of them: headings over a merged timeline.

`access.known_to` is the rule; here it is asked of one patient, with the columns that a heading
shows (a test holds the two equal).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from hub.staff.models import User


@dataclass(frozen=True, slots=True)
class Contact:
    """One conversation of the patient, as a heading over its lines.

    Attributes:
        level: "own", "read" or "masked" (access.viewers); of a masked one there is no department,
            channel or status, nor how long it went on.
    """

    id: int
    conversation: UUID
    level: str
    department: str
    channel: str
    status: str
    opened_at: datetime
    last_entry_at: datetime


def contacts_of(
    user: User, patient_ids: Sequence[int], *, limit: int | None = None
) -> list[Contact]:
    """Return the conversations that `user` may read or know of, the newest first. One query.

    Args:
        user: who reads. Without a conversation of the patient among their own they know of none.
        patient_ids: all records of one patient (patients.survivors.record_ids).
        limit: how many at most; None for all.
    """
    if not user.is_active or user.is_administrator:
        return []
    values: dict[str, Any] = {"user": user.pk, "patients": list(patient_ids), "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS, values)
        return [_contact(*row) for row in cursor.fetchall()]


# Written out: the ORM takes longer to put the rule together than the database to answer.
_CONTACTS = """
    WITH theirs AS (
        SELECT c.id, c.uuid, d.name, c.channel, c.status, c.opened_at, c.last_entry_at,
            d.restricted OR c.restricted_by_id IS NOT NULL AS restricted,
            COALESCE(c.holder_id = %(user)s, FALSE) OR c.department_id IN (
                SELECT department_id FROM staff_membership WHERE user_id = %(user)s) AS own
        FROM conversations_conversation c JOIN staff_department d ON d.id = c.department_id
        WHERE c.patient_id = ANY(%(patients)s::bigint[])
    )
    SELECT id, uuid, CASE WHEN own THEN 'own' WHEN restricted THEN 'masked' ELSE 'read' END,
        name, channel, status, opened_at, last_entry_at
    FROM theirs WHERE EXISTS (SELECT FROM theirs WHERE own)
    ORDER BY id DESC LIMIT %(limit)s
"""


def _contact(
    pk: int,
    uuid: UUID,
    level: str,
    department: str,
    channel: str,
    status: str,
    opened_at: datetime,
    last_entry_at: datetime,
) -> Contact:
    if level == "masked":
        return Contact(pk, uuid, level, "", "", "", opened_at, opened_at)
    return Contact(pk, uuid, level, department, channel, status, opened_at, last_entry_at)
