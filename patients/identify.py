"""Whom an address speaks for, and who a visitor may be by what they typed.

Only a link identifies, and only when there is one: a shared or unknown address does not
(MODEL.md, "Joining"). What a visitor types about themself ranks candidates for staff, no more.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Q, QuerySet
from django.utils import timezone

from patients import name_words, survivors
from patients.models import ContactPoint, Patient

MOST_CANDIDATES = 5


class Level(StrEnum):
    """How sure we are who speaks from an address."""

    UNKNOWN = "unknown"  # nobody is linked
    SHARED = "shared"  # several, or somebody who speaks for a patient: ask about whom
    PROBABLE = "probable"  # one patient's, unproved
    CONFIRMED = "confirmed"  # one patient's, proved


@dataclass(frozen=True, slots=True)
class LinkedPerson:
    """One who is linked to an address: a patient, or somebody who speaks for that patient."""

    link_id: int
    #: The record that stands for them now, merges resolved.
    patient: Patient
    role: str
    verified_at: datetime | None
    verified_how: str
    #: None when the address is the patient's own.
    related_person_id: int | None
    related_name: str = field(repr=False)  # a name must not reach a log
    relationship: str
    may_hear: bool
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Identification:
    """What an address says about who is speaking."""

    level: Level
    #: The patient, when the address identifies one; None when somebody must ask or choose.
    patient: Patient | None
    links: tuple[LinkedPerson, ...]

    @property
    def patients(self) -> tuple[Patient, ...]:
        """All patients whom it may be about, each once."""
        return tuple({link.patient.pk: link.patient for link in self.links}.values())


# Uses the index of the link's contact_point, then primary keys. The walk resolves merges.
_LINKED = """
    WITH RECURSIVE linked AS (
        SELECT link.id AS link_id, link.role AS link_role,
            link.verified_at, link.verified_how,
            person.id AS related_id, person.name AS related_name, person.relationship,
            person.may_hear, person.may_decide,
            COALESCE(link.patient_id, person.patient_id) AS record_id
        FROM patients_contactpointlink link
        LEFT JOIN patients_relatedperson person ON person.id = link.related_person_id
        WHERE link.contact_point_id = %s AND link.until IS NULL
            AND (person.until IS NULL OR person.until >= %s)
    ), walk (start, id, survivor_id) AS (
        SELECT record.id, record.id, record.survivor_id
        FROM patients_patient record WHERE record.id IN (SELECT record_id FROM linked)
        UNION
        SELECT walk.start, record.id, record.survivor_id
        FROM walk JOIN patients_patient record ON record.id = walk.survivor_id
    )
    SELECT patient.*, linked.*
    FROM linked
    JOIN walk ON walk.start = linked.record_id AND walk.survivor_id IS NULL
    JOIN patients_patient patient ON patient.id = walk.id
    ORDER BY linked.link_id
"""


def identify(contact_point: ContactPoint) -> Identification:
    """Tell whom an address identifies, in one query.

    One patient linked: probable, or confirmed when that link was proved. Several persons, or
    anybody who speaks for a patient: shared, even when a link was proved, since the telephone may
    be in the other's hand. Records merged into one another are one person.
    """
    rows = Patient.objects.raw(_LINKED, [contact_point.pk, timezone.localdate()])
    links = tuple(_linked_person(row) for row in rows)
    return Identification(*_judge(links), links)


def _judge(links: tuple[LinkedPerson, ...]) -> tuple[Level, Patient | None]:
    if not links:
        return Level.UNKNOWN, None
    persons = {(link.patient.pk, link.related_person_id) for link in links}
    if len(persons) > 1 or links[0].related_person_id is not None:
        return Level.SHARED, None
    proved = any(link.verified_at for link in links)
    return (Level.CONFIRMED if proved else Level.PROBABLE), links[0].patient


def _linked_person(row: Patient) -> LinkedPerson:
    # The query's further columns hang on the instance that raw() made.
    more = vars(row)
    return LinkedPerson(
        link_id=more["link_id"],
        patient=row,
        role=more["link_role"],
        verified_at=more["verified_at"],
        verified_how=more["verified_how"],
        related_person_id=more["related_id"],
        related_name=more["related_name"] or "",
        relationship=more["relationship"] or "",
        may_hear=bool(more["may_hear"]),
        may_decide=bool(more["may_decide"]),
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patient who may be the visitor; for staff to choose from."""

    patient: Patient
    same_birth_date: bool
    #: How many words of the typed name are whole words of the patient's names.
    same_words: int
    #: How many words were typed.
    typed_words: int

    @property
    def same_name(self) -> bool:
        """Whether every word that they typed is in the patient's names."""
        return 0 < self.typed_words == self.same_words


def candidates(
    among: QuerySet[Patient],
    name: str,
    birth_date: date | None,
    *,
    limit: int = MOST_CANDIDATES,
) -> list[Candidate]:
    """Rank patients by what a visitor typed about themself. For staff only: it identifies nobody.

    Args:
        among: the patients whom the asking person may see.
        name: as typed.
        birth_date: as typed, if they did.
        limit: the most that are returned.
    """
    typed = name_words.words(name)
    whole = [name_words.WHOLE + word for word in typed]
    wanted = Q(pk__in=[])
    if birth_date:
        wanted |= Q(birth_date=birth_date)
    if whole:
        # Without the birth date, half a name says nothing.
        wanted |= Q(name_words__contains=whole)
    found = among.filter(wanted).order_by("-pk")[:500]
    ranked = sorted(
        (_candidate(patient, birth_date, whole) for patient in survivors.standing(among, found)),
        key=lambda c: (c.same_birth_date and c.same_words > 0, c.same_birth_date, c.same_words),
        reverse=True,
    )
    return ranked[:limit]


def _candidate(patient: Patient, birth_date: date | None, whole: list[str]) -> Candidate:
    return Candidate(
        patient=patient,
        same_birth_date=birth_date is not None and patient.birth_date == birth_date,
        same_words=len(set(whole) & set(patient.name_words)),
        typed_words=len(whole),
    )
