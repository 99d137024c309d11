"""What the actions share: who did it, and telling the floors above after commit."""

from functools import partial
from typing import TypeAlias

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models.functions import Coalesce

from patients import signals
from patients.errors import PatientIsMerged
from patients.models import ContactPointLink, Patient

Staff: TypeAlias = AbstractBaseUser | None
"""A member of staff (staff.User, which this floor cannot import), or nobody."""


def lock_patient(patient_id: int) -> Patient:
    """Return a patient locked until the transaction ends.

    Raises:
        PatientIsMerged: the record was merged into another, perhaps a moment ago.
    """
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    if patient.survivor_id is not None:
        raise PatientIsMerged(patient)
    return patient


def tell_changed(*patient_ids: int, contact_point: int | None = None) -> None:
    """After commit, tell that what is shown of patients changed.

    Args:
        patient_ids: the patients.
        contact_point: an address; everybody linked to it changed.
    """
    transaction.on_commit(partial(_send, patient_ids, contact_point), robust=True)


def _send(patient_ids: tuple[int, ...], contact_point: int | None) -> None:
    concerned = set(patient_ids)
    if contact_point is not None and signals.patients_changed.has_listeners(Patient):
        links = ContactPointLink.objects.filter(contact_point=contact_point, until=None)
        concerned.update(
            links.values_list(Coalesce("patient_id", "related_person__patient_id"), flat=True)
        )
    if concerned:
        signals.patients_changed.send_robust(sender=Patient, patient_ids=sorted(concerned))
