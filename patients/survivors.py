"""Reads through merges: a merged record points at its survivor, which may be merged on itself."""

from collections.abc import Collection, Iterable

from django.db import connection
from django.db.models import QuerySet

from patients.models import Patient

# UNION, not UNION ALL: were there ever a circle, the walk would still end.
_SURVIVORS = """
    WITH RECURSIVE walk (start, id, survivor_id) AS (
        SELECT id, id, survivor_id FROM patients_patient WHERE id = ANY(%s)
        UNION
        SELECT walk.start, patient.id, patient.survivor_id
        FROM walk JOIN patients_patient patient ON patient.id = walk.survivor_id
    )
    SELECT start, id FROM walk WHERE survivor_id IS NULL
"""

_FAMILY = """
    WITH RECURSIVE up (id, survivor_id) AS (
        SELECT id, survivor_id FROM patients_patient WHERE id = %s
        UNION
        SELECT patient.id, patient.survivor_id
        FROM up JOIN patients_patient patient ON patient.id = up.survivor_id
    ), down (id) AS (
        SELECT id FROM up WHERE survivor_id IS NULL
        UNION
        SELECT patient.id FROM down JOIN patients_patient patient ON patient.survivor_id = down.id
    )
    SELECT id FROM down ORDER BY id
"""


def survivor_ids(patient_ids: Collection[int]) -> dict[int, int]:
    """Map each record to the one that stands for it now (itself when it was not merged)."""
    with connection.cursor() as cursor:
        cursor.execute(_SURVIVORS, [list(patient_ids)])
        return dict(cursor.fetchall())


def survivor_of(patient: Patient) -> Patient:
    """Return the record that stands for `patient` now."""
    if patient.survivor_id is None:
        return patient
    return Patient.objects.get(pk=survivor_ids([patient.pk])[patient.pk])


def standing(among: QuerySet[Patient], found: Iterable[Patient]) -> list[Patient]:
    """Replace merged records by those that stand for them now, each once, in their order.

    Args:
        among: the patients whom the asking person may see; others are left out.
        found: records, merged ones among them.
    """
    rows = list(found)
    merged = [row.pk for row in rows if row.survivor_id is not None]
    if not merged:
        return rows
    stands_for = survivor_ids(merged)
    known = {row.pk: row for row in rows if row.survivor_id is None}
    known |= among.in_bulk(set(stands_for.values()) - set(known))
    order = dict.fromkeys(stands_for.get(row.pk, row.pk) for row in rows)
    return [known[patient_id] for patient_id in order if patient_id in known]


def record_ids(patient_id: int) -> list[int]:
    """Return the ids of all records of one person: the survivor and everything merged into it."""
    with connection.cursor() as cursor:
        cursor.execute(_FAMILY, [patient_id])
        return [row[0] for row in cursor.fetchall()]
