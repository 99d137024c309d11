"""What the console's patient panel shows, read in a fixed number of queries."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from patients import consent, normal_form, survivors, wording
from patients.age import age
from patients.models import (
    ContactPoint,
    ContactPointLink,
    Patient,
    PatientIdentifier,
    RelatedPerson,
)


@dataclass(frozen=True, slots=True)
class Identifier:
    """A record number, masked: "MRN ••18-22"."""

    system: str
    masked: str
    #: The whole number, for a click that is audited.
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """One address, and what is known of it."""

    contact_point: ContactPoint
    link: ContactPointLink
    display: str = field(repr=False)
    standings: tuple[consent.Standing, ...]
    #: Somebody else has it too: what is sent there may be read by them.
    is_shared: bool

    @property
    def is_verified(self) -> bool:
        """Whether it was proved to be theirs."""
        return self.link.is_verified

    @property
    def is_stopped(self) -> bool:
        """Whether every channel to it is stopped."""
        general = [one for one in self.standings if one.purpose is None]
        return bool(general) and all(one.is_stopped for one in general)


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who speaks for the patient."""

    person: RelatedPerson
    #: Still may; those who no longer may come last.
    is_current: bool
    reaches: tuple[Reach, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A patient as staff see them."""

    #: The record that stands for the person, merges resolved.
    patient: Patient
    uuid: UUID
    name: str = field(repr=False)
    legal_name: str = field(repr=False)
    #: Names on records that were merged into this one.
    also_known_as: tuple[str, ...] = field(repr=False)
    pronouns: str
    birth_date: date | None = field(repr=False)
    #: "" where the birth date is unknown.
    age: str
    language: str
    interpreter_needed: bool
    accessibility_needs: str = field(repr=False)
    alerts: str = field(repr=False)
    time_zone: str
    preferred_channel: str
    identifiers: tuple[Identifier, ...]
    reaches: tuple[Reach, ...]
    speakers: tuple[Speaker, ...]
    #: How many records were merged into this one.
    merged_records: int

    @property
    def verified_at(self) -> datetime | None:
        """When an address was last proved to be theirs."""
        return max((r.link.verified_at for r in self.reaches if r.link.verified_at), default=None)


def read(patient: Patient) -> Profile:
    """Return the profile of whoever `patient` stands for now, in at most six queries."""
    ids = survivors.record_ids(patient.pk)
    records = list(Patient.objects.filter(pk__in=ids).order_by("pk"))
    survivor = next(record for record in records if record.survivor_id is None)
    reaches = _reaches(ids)
    today = timezone.localdate()
    return Profile(
        patient=survivor,
        uuid=survivor.uuid,
        name=survivor.name,
        legal_name=survivor.legal_name,
        also_known_as=_other_names(survivor, records),
        pronouns=survivor.pronouns,
        birth_date=survivor.birth_date,
        age=age(survivor.birth_date, today) if survivor.birth_date else "",
        language=wording.language(survivor.language),
        interpreter_needed=survivor.interpreter_needed,
        accessibility_needs=survivor.accessibility_needs,
        alerts=survivor.alerts,
        time_zone=survivor.time_zone,
        preferred_channel=survivor.preferred_channel,
        identifiers=_identifiers(ids),
        reaches=tuple(reaches[None]),
        speakers=_speakers(ids, reaches, today),
        merged_records=len(records) - 1,
    )


def mask(identifier: str) -> str:
    """Return a record number of which only the last four signs show: "••18-22".

    Of a short one fewer do: two are hidden always.
    """
    signs = [place for place, sign in enumerate(identifier) if sign.isalnum()]
    kept = max(0, min(4, len(signs) - 2))
    return "••" + (identifier[signs[-kept] :] if kept else "")


def _other_names(survivor: Patient, records: list[Patient]) -> tuple[str, ...]:
    shown = {survivor.legal_name, survivor.preferred_name}
    names = [record.legal_name for record in records]
    return tuple(dict.fromkeys(name for name in names if name not in shown))


def _identifiers(ids: list[int]) -> tuple[Identifier, ...]:
    rows = PatientIdentifier.objects.filter(patient__in=ids).order_by("system", "value")
    return tuple(Identifier(row.system, mask(row.value), row.value) for row in rows)


def _reaches(ids: list[int]) -> dict[int | None, list[Reach]]:
    """Addresses by the related person whose they are; None: the patient's own."""
    others = ContactPointLink.objects.filter(
        contact_point=OuterRef("contact_point"), until=None
    ).exclude(pk=OuterRef("pk"))
    # The same person's record before a merge is nobody else.
    not_the_patient = Q(patient__isnull=True) | ~Q(patient__in=ids)
    own = Q(patient__in=ids)
    links = list(
        ContactPointLink.objects.select_related("contact_point")
        .filter(own | Q(related_person__patient__in=ids), until=None)
        .annotate(
            with_others=Exists(others.filter(not_the_patient)),
            with_anybody=Exists(others),
        )
        .order_by("contact_point__system", "since", "pk")
    )
    standings = consent.standing([link.contact_point for link in links])
    found: dict[int | None, list[Reach]] = defaultdict(list)
    seen: set[tuple[int | None, int]] = set()
    for link in links:
        key = (link.related_person_id, link.contact_point_id)
        if key in seen:
            continue  # two merged records had the same number
        seen.add(key)
        theirs = link.with_others if link.related_person_id is None else link.with_anybody
        found[link.related_person_id].append(
            Reach(
                contact_point=link.contact_point,
                link=link,
                display=normal_form.display(link.contact_point),
                standings=tuple(standings[link.contact_point_id]),
                is_shared=theirs,
            )
        )
    return found


def _speakers(
    ids: list[int], reaches: dict[int | None, list[Reach]], today: date
) -> tuple[Speaker, ...]:
    persons = RelatedPerson.objects.filter(patient__in=ids).order_by("name", "pk")
    speakers = [
        Speaker(
            person=person,
            is_current=person.until is None or person.until >= today,
            reaches=tuple(reaches.get(person.pk, ())),
        )
        for person in persons
    ]
    return tuple(sorted(speakers, key=lambda speaker: not speaker.is_current))
