"""Creating and changing a patient's profile."""

from datetime import date, datetime
from typing import TypedDict, Unpack

from django.db import transaction

from hub.audit.record import AuditAction, record
from patients.actions.changed import Staff, lock_patient, tell_changed
from patients.errors import ChangedMeanwhile, IdentifierTaken
from patients.models import Patient, PatientIdentifier
from patients.survivors import survivor_of


class Profile(TypedDict, total=False):
    """What staff may write of a patient; the fields of the model."""

    legal_name: str
    preferred_name: str
    pronouns: str
    birth_date: date | None
    language: str
    interpreter_needed: bool
    accessibility_needs: str
    time_zone: str
    preferred_channel: str
    alerts: str


EDITABLE = frozenset(Profile.__annotations__)


def create_patient(*, by: Staff = None, **profile: Unpack[Profile]) -> Patient:
    """Create a patient.

    Args:
        by: who does it.
        **profile: the fields that are known; `legal_name` at least.
    """
    if not profile.get("legal_name", "").strip():
        raise ValueError("a patient needs a name")
    with transaction.atomic():
        patient = Patient.objects.create(**profile)
        record(AuditAction.CREATE_PATIENT, actor=by, patient=patient, objects=[patient])
        tell_changed(patient.pk)
    return patient


def update_profile(
    patient: Patient,
    *,
    by: Staff = None,
    seen: datetime | None = None,
    **changes: Unpack[Profile],
) -> list[str]:
    """Change a patient's profile; the audit event says which fields, never what they said.

    Pass what the person changed, not the whole form: what somebody else changed meanwhile stays.

    Args:
        patient: whose profile.
        by: who does it.
        seen: `updated_at` of the profile that the person saw when they began.
        **changes: the fields to write.

    Returns:
        The names of the fields that really changed, in order; none leaves no event.

    Raises:
        PatientIsMerged: the record was merged into another.
        ChangedMeanwhile: the profile is no longer what `seen` says.
    """
    unknown = set(changes) - EDITABLE
    if unknown:
        raise TypeError(f"not a field of the profile: {', '.join(sorted(unknown))}")
    with transaction.atomic():
        locked = lock_patient(patient.pk)
        if seen is not None and locked.updated_at != seen:
            raise ChangedMeanwhile(f"patient {locked.pk}")
        changed = sorted(name for name, new in changes.items() if getattr(locked, name) != new)
        if not changed:
            return []
        for name in changed:
            setattr(locked, name, changes[name])  # type: ignore[literal-required]
        locked.save(update_fields=[*changed, "name_words", "updated_at"])
        record(
            AuditAction.EDIT_PATIENT,
            actor=by,
            patient=locked,
            objects=[locked],
            detail={"what": "profile", "fields": changed},
        )
        tell_changed(locked.pk)
    return changed


def add_identifier(
    patient: Patient, system: str, value: str, *, by: Staff = None
) -> PatientIdentifier:
    """Add the number by which a system knows the patient, or return it where it stands.

    Raises:
        IdentifierTaken: it is another patient's.
        PatientIsMerged: the record was merged into another.
    """
    system, value = " ".join(system.split()), " ".join(value.split())
    if not system or not value:
        raise ValueError("an identifier has a system and a value")
    with transaction.atomic():
        locked = lock_patient(patient.pk)
        identifier, made = PatientIdentifier.objects.select_related("patient").get_or_create(
            system=system, value=value, defaults={"patient": locked}
        )
        if made:
            record(
                AuditAction.EDIT_PATIENT,
                actor=by,
                patient=locked,
                objects=[identifier],
                detail={"what": "identifier"},
            )
            tell_changed(locked.pk)
        elif survivor_of(identifier.patient).pk != locked.pk:
            raise IdentifierTaken(survivor_of(identifier.patient))
    return identifier
