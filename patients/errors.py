"""What can be wrong with a wish to change patient data."""

from collections.abc import Collection

from patients.models import Patient


class PatientError(Exception):
    """What the errors of this room share. Their text holds no patient data: it may be logged."""


class PatientIsMerged(PatientError):
    """The record was merged into another; what is to be changed is that one."""

    def __init__(self, patient: Patient) -> None:
        super().__init__(f"patient {patient.pk} was merged into {patient.survivor_id}")
        self.patient = patient


class NotMerged(PatientError):
    """Only a merged record can be un-merged."""


class SamePatient(PatientError):
    """A record cannot be merged into itself."""


class NotEnoughEvidence(PatientError):
    """Nothing but a telephone number, or a name with it, says that two records are one person."""

    def __init__(self, found: Collection[str]) -> None:
        super().__init__(f"not enough evidence for a merge: {', '.join(sorted(found)) or 'none'}")
        self.found = frozenset(found)


class BirthDatesDiffer(PatientError):
    """Two records with different birth dates, and nobody has seen a document that explains it."""


class IdentifierTaken(PatientError):
    """The identifier is another patient's: the two may be one person."""

    def __init__(self, holder: Patient) -> None:
        super().__init__(f"the identifier is patient {holder.pk}'s")
        self.holder = holder


class LinkEnded(PatientError):
    """The link is no longer current."""


class ReasonMissing(PatientError):
    """A merge, its undoing or a consent needs a reason or evidence in words."""


class ChangedMeanwhile(PatientError):
    """Somebody changed the profile since the form was opened."""


class StillStopped(PatientError):
    """The address said STOP; a consent does not undo that unless it was given knowing of it."""
