"""What says that two records are one person. Read before a merge; a merge asks it again."""

from collections.abc import Collection
from enum import StrEnum

from django.db.models import Q

from patients import name_words, survivors
from patients.models import ContactPointLink, Patient


class Evidence(StrEnum):
    """What speaks for two records being one person."""

    # Found in the records
    CONTACT_POINT = "contact_point"
    NAME = "name"
    BIRTH_DATE = "birth_date"
    # Seen by a member of staff
    IDENTIFIER = "identifier"  # one record number stands for both in the system that gave it
    DOCUMENT = "document"  # an identity card, a certificate of marriage or birth


SEEN = frozenset({Evidence.IDENTIFIER, Evidence.DOCUMENT})
"""What only a person can see."""

_TELLING = SEEN | {Evidence.BIRTH_DATE}


def found_evidence(one: Patient, other: Patient) -> set[Evidence]:
    """Return what the records themselves say for being one person."""
    found = set()
    if one.birth_date is not None and one.birth_date == other.birth_date:
        found.add(Evidence.BIRTH_DATE)
    if _one_name(one, other):
        found.add(Evidence.NAME)
    if _addresses(one) & _addresses(other):
        found.add(Evidence.CONTACT_POINT)
    return found


def birth_dates_differ(one: Patient, other: Patient) -> bool:
    """Whether both birth dates are known, and are not the same."""
    return None not in (one.birth_date, other.birth_date) and one.birth_date != other.birth_date


def is_enough(evidence: Collection[Evidence]) -> bool:
    """Whether evidence is enough for a merge: two kinds, one of them telling.

    A family shares a telephone, and father and son a name with it (DESIGN.md, invariant 8).
    """
    return len(set(evidence)) >= 2 and not _TELLING.isdisjoint(evidence)


def _one_name(one: Patient, other: Patient) -> bool:
    """Whether the words of one's names are among the other's, a single word being too little."""
    mine, theirs = (
        set(name_words.words(f"{patient.legal_name} {patient.preferred_name}"))
        for patient in (one, other)
    )
    return min(len(mine), len(theirs)) >= 2 and (mine <= theirs or theirs <= mine)


def _addresses(patient: Patient) -> set[int]:
    """Ids of the contact points that are or were the patient's own."""
    links = ContactPointLink.objects.filter(
        Q(patient__in=survivors.record_ids(patient.pk)), related_person=None
    )
    return set(links.values_list("contact_point_id", flat=True))
