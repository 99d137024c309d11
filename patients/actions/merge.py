"""Two records of one person become one, and two again.

A merge moves nothing: the merged record points at the survivor, and readers resolve it
(patients/survivors.py). So un-merging is taking the pointer away, and every row is as it was.
"""

from collections.abc import Collection

from django.db import transaction

from hub.audit.record import AuditAction, record
from patients.actions.changed import Staff, tell_changed
from patients.errors import (
    BirthDatesDiffer,
    NotEnoughEvidence,
    NotMerged,
    PatientIsMerged,
    ReasonMissing,
    SamePatient,
)
from patients.models import Patient
from patients.same_person import SEEN, Evidence, birth_dates_differ, found_evidence, is_enough


def merge(
    patient: Patient,
    *,
    into: Patient,
    why: str,
    seen: Collection[Evidence] = (),
    by: Staff = None,
) -> frozenset[Evidence]:
    """Let `into` stand for `patient` too.

    Args:
        patient: the record that is merged; it stays as it is.
        into: the one that survives.
        why: in words, for whoever doubts it later.
        seen: what the person has seen with their own eyes (`same_person.SEEN`); what the records
            themselves say is looked up, not believed.
        by: who does it.

    Returns:
        The evidence on which it was done.

    Raises:
        NotEnoughEvidence: a shared number, or a name with it, is all there is.
        BirthDatesDiffer: and nobody has seen a document or the common identifier.
        PatientIsMerged: one of the two was merged already.
        SamePatient: they are the same record.
        ReasonMissing: no reason given.
    """
    claimed = {Evidence(kind) for kind in seen}
    if not claimed <= SEEN:
        raise ValueError("what records say is looked up, not claimed")
    if not why.strip():
        raise ReasonMissing("a merge needs a reason")
    if patient.pk == into.pk:
        raise SamePatient(f"patient {patient.pk}")
    with transaction.atomic():
        merged, survivor = _lock_both(patient.pk, into.pk)
        evidence = frozenset(found_evidence(merged, survivor) | claimed)
        if birth_dates_differ(merged, survivor) and not claimed:
            raise BirthDatesDiffer(f"patients {merged.pk} and {survivor.pk}")
        if not is_enough(evidence):
            raise NotEnoughEvidence(evidence)
        _point(merged, survivor.pk)
        _record("merge", merged, survivor.pk, by, why, evidence)
    return evidence


def unmerge(patient: Patient, *, why: str, by: Staff = None) -> None:
    """Take a merge back: both records are again what they were, row by row.

    Raises:
        NotMerged: the record is not merged.
        ReasonMissing: no reason given.
    """
    if not why.strip():
        raise ReasonMissing("un-merging needs a reason")
    with transaction.atomic():
        merged = Patient.objects.select_for_update().get(pk=patient.pk)
        survivor_id = merged.survivor_id
        if survivor_id is None:
            raise NotMerged(f"patient {merged.pk}")
        _point(merged, None)
        _record("unmerge", merged, survivor_id, by, why)


def _lock_both(patient_id: int, into_id: int) -> tuple[Patient, Patient]:
    """Lock both, lower id first; both must stand for themselves, so no circle can come about."""
    rows = Patient.objects.select_for_update().filter(pk__in=[patient_id, into_id])
    both = {row.pk: row for row in rows.order_by("pk")}
    for row in both.values():
        if row.survivor_id is not None:
            raise PatientIsMerged(row)
    return both[patient_id], both[into_id]


def _point(patient: Patient, survivor_id: int | None) -> None:
    # Not save(): the time of the last change to the profile is part of what must come back.
    Patient.objects.filter(pk=patient.pk).update(survivor=survivor_id)


def _record(
    what: str,
    patient: Patient,
    survivor_id: int,
    by: Staff,
    why: str,
    evidence: Collection[Evidence] = (),
) -> None:
    """Leave an event with each of the two."""
    for concerned in (patient.pk, survivor_id):
        record(
            AuditAction.EDIT_PATIENT,
            actor=by,
            patient=concerned,
            objects=[patient.pk, survivor_id],
            kind=Patient._meta.label,
            why=why,
            detail={"what": what, "evidence": sorted(kind.value for kind in evidence)},
        )
    tell_changed(patient.pk, survivor_id)
