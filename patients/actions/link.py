"""Whose an address is: linking, ending a link, proving it."""

from django.db import transaction
from django.utils import timezone

from hub.audit.record import AuditAction, record
from patients import contact_points
from patients.actions.changed import Staff, lock_patient, tell_changed
from patients.errors import LinkEnded
from patients.models import ContactPoint, ContactPointLink, Patient, RelatedPerson


def link(
    contact_point: ContactPoint,
    *,
    patient: Patient | None = None,
    related_person: RelatedPerson | None = None,
    role: str = ContactPointLink.Role.MOBILE,
    by: Staff = None,
) -> ContactPointLink:
    """Say that an address is a person's; a second current link makes it shared.

    Returns:
        The current link; the one that stood, when there was one (its role is set anew).

    Raises:
        PatientIsMerged: the record was merged into another.
    """
    if (patient is None) == (related_person is None):
        raise ValueError("an address is linked to a patient or to a related person")
    patient_id = patient.pk if patient else related_person.patient_id  # type: ignore[union-attr]
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        lock_patient(patient_id)
        current, _made = ContactPointLink.objects.update_or_create(
            contact_point=contact_point,
            patient=patient,
            related_person=related_person,
            until=None,
            defaults={"role": role},
        )
        _record(current, patient_id, "link", by)
    return current


def unlink(link: ContactPointLink, *, by: Staff = None, why: str = "") -> None:
    """End a link; it stays on record.

    Raises:
        LinkEnded: it ended before.
    """
    with transaction.atomic():
        current, patient_id = _lock(link)
        current.until = timezone.now()
        current.save(update_fields=["until"])
        _record(current, patient_id, "unlink", by, why)


def verify_link(link: ContactPointLink, how: str, *, by: Staff = None) -> ContactPointLink:
    """Say that an address was proved to be the person's.

    Args:
        link: the current link.
        how: a ContactPointLink.Proof.
        by: who did it; None when the patient did, by a code or a link.

    Raises:
        LinkEnded: it is no longer current.
    """
    proof = ContactPointLink.Proof(how)
    with transaction.atomic():
        current, patient_id = _lock(link)
        current.verified_how = proof
        current.verified_at = timezone.now()
        current.save(update_fields=["verified_how", "verified_at"])
        _record(current, patient_id, "verify", by, how=proof.value)
    return current


def _lock(link: ContactPointLink) -> tuple[ContactPointLink, int]:
    """Lock address and patient in that order; return the link as it is now, and the patient's id.

    Links of a merged record may be proved or ended as before: un-merge must find them right.
    """
    contact_points.lock(link.contact_point_id)
    current = ContactPointLink.objects.select_related("related_person").get(pk=link.pk)
    if current.until is not None:
        raise LinkEnded(f"link {link.pk} has ended")
    patient_id = current.patient_id or current.related_person.patient_id  # type: ignore[union-attr]
    Patient.objects.select_for_update().only("pk").get(pk=patient_id)
    return current, patient_id


def _record(
    link: ContactPointLink, patient_id: int, what: str, by: Staff, why: str = "", how: str = ""
) -> None:
    record(
        AuditAction.EDIT_PATIENT,
        actor=by,
        patient=patient_id,
        objects=[link],
        why=why,
        detail={"what": what, "contact_point": link.contact_point_id, "how": how},
    )
    tell_changed(patient_id)
