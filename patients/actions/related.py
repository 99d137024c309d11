"""Who speaks for a patient."""

from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from hub.audit.record import AuditAction, record
from patients import contact_points
from patients.actions.changed import Staff, lock_patient, tell_changed
from patients.models import ContactPointLink, Patient, RelatedPerson


def add_related_person(
    patient: Patient,
    *,
    name: str,
    relationship: str,
    may_hear: bool = False,
    may_decide: bool = False,
    until: date | None = None,
    by: Staff = None,
) -> RelatedPerson:
    """Say that somebody may speak for a patient; without more they may hear and decide nothing.

    Args:
        patient: for whom.
        name: theirs.
        relationship: to the patient: "mother", "carer" …
        may_hear: what is said about the patient.
        may_decide: on the patient's behalf.
        until: the last day on which that is so.
        by: who says it.

    Raises:
        PatientIsMerged: the record was merged into another.
    """
    if not name.strip():
        raise ValueError("a related person needs a name")
    with transaction.atomic():
        locked = lock_patient(patient.pk)
        person = RelatedPerson.objects.create(
            patient=locked,
            name=name.strip(),
            relationship=relationship.strip(),
            may_hear=may_hear,
            may_decide=may_decide,
            until=until,
        )
        _record(person, "related_person", by)
    return person


def end_related_person(person: RelatedPerson, *, by: Staff = None, why: str = "") -> None:
    """End somebody's speaking for a patient, now: they hear nothing more, and their addresses no
    longer lead to the patient. The record stays.
    """
    with transaction.atomic():
        points = ContactPointLink.objects.filter(related_person=person, until=None)
        for contact_point_id in points.order_by("contact_point").values_list(
            "contact_point", flat=True
        ):
            contact_points.lock(contact_point_id)
        Patient.objects.select_for_update().only("pk").get(pk=person.patient_id)
        person.refresh_from_db()
        yesterday = timezone.localdate() - timedelta(days=1)
        if person.until is not None and person.until <= yesterday:
            return
        person.until = yesterday  # `until` is the last day on which they may
        person.save(update_fields=["until"])
        points.update(until=timezone.now())
        _record(person, "end_related_person", by, why)


def _record(person: RelatedPerson, what: str, by: Staff, why: str = "") -> None:
    record(
        AuditAction.EDIT_PATIENT,
        actor=by,
        patient=person.patient_id,
        objects=[person],
        why=why,
        detail={"what": what},
    )
    tell_changed(person.patient_id)
