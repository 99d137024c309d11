"""Two records of one person become one, never on a number alone, and two again, row by row."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from hub.audit.models import AuditEvent
from patients import actions
from patients.errors import (
    BirthDatesDiffer,
    NotEnoughEvidence,
    NotMerged,
    PatientIsMerged,
    ReasonMissing,
    SamePatient,
)
from patients.models import Patient
from patients.same_person import Evidence, found_evidence
from patients.survivors import record_ids, survivor_ids, survivor_of
from tests.factories import (
    ConsentFactory,
    ContactPointFactory,
    IdentifierFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

BORN = date(1961, 3, 12)
WHY = "same person, checked at the desk"


def _ana(**fields: Any) -> Patient:
    return PatientFactory(**{"legal_name": "Ana Morales", "birth_date": BORN, **fields})


def _share_a_number(*patients: Patient) -> None:
    point = ContactPointFactory()
    for patient in patients:
        LinkFactory(contact_point=point, patient=patient)


# --- Evidence ---


def test_a_shared_number_alone_merges_nobody() -> None:
    one, other = PatientFactory(), PatientFactory()
    _share_a_number(one, other)
    with pytest.raises(NotEnoughEvidence) as refusal:
        actions.merge(one, into=other, why=WHY)
    assert refusal.value.found == {Evidence.CONTACT_POINT}
    assert not Patient.objects.exclude(survivor=None).exists()


def test_nor_a_number_with_a_name() -> None:
    father, son = _ana(birth_date=None), _ana(birth_date=None)
    _share_a_number(father, son)
    with pytest.raises(NotEnoughEvidence):
        actions.merge(father, into=son, why=WHY)


def test_nor_a_birth_date_alone() -> None:
    with pytest.raises(NotEnoughEvidence):
        actions.merge(_ana(), into=_ana(legal_name="Xi Wu"), why=WHY)


@pytest.mark.parametrize(
    ("one", "other", "share", "seen", "evidence"),
    [
        ({}, {}, False, (), {"name", "birth_date"}),
        ({}, {"legal_name": "Ana Pérez"}, True, (), {"contact_point", "birth_date"}),
        (
            {"birth_date": None},
            {"legal_name": "A. M."},
            True,
            (Evidence.IDENTIFIER,),
            {"contact_point", "identifier"},
        ),
        (
            {},
            {"birth_date": date(1961, 12, 3)},
            False,
            (Evidence.DOCUMENT,),
            {"name", "document"},
        ),
    ],
)
def test_two_kinds_of_evidence_one_of_them_telling_are_enough(
    one: dict, other: dict, share: bool, seen: tuple, evidence: set[str]
) -> None:
    first, second = _ana(**one), _ana(**other)
    if share:
        _share_a_number(first, second)
    assert actions.merge(first, into=second, why=WHY, seen=seen) == evidence
    first.refresh_from_db()
    assert first.survivor == second


def test_different_birth_dates_need_something_seen() -> None:
    first, second = _ana(), _ana(birth_date=date(1962, 3, 12))
    _share_a_number(first, second)
    with pytest.raises(BirthDatesDiffer):
        actions.merge(first, into=second, why=WHY)


def test_what_records_say_cannot_be_claimed() -> None:
    with pytest.raises(ValueError, match="looked up"):
        actions.merge(PatientFactory(), into=PatientFactory(), why=WHY, seen=["birth_date", "name"])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana Morales", "ANA MARÍA MORALES", True),
        ("Ana Morales", "Morales, Ana", True),
        ("Ana Morales", "Ana Pérez", False),
        ("Ana", "Ana", False),  # one word is too little
    ],
)
def test_names_are_compared_by_their_words(one: str, other: str, same: bool) -> None:
    found = found_evidence(
        _ana(legal_name=one, birth_date=None), _ana(legal_name=other, birth_date=None)
    )
    assert (Evidence.NAME in found) is same


def test_a_mothers_number_is_no_evidence() -> None:
    child = PatientFactory()
    point = LinkFactory(related_person=RelatedPersonFactory(patient=child)).contact_point
    other = LinkFactory(contact_point=point).patient
    assert found_evidence(child, other) == set()


@pytest.mark.parametrize("why", ["", "  "])
def test_a_reason_is_needed(why: str) -> None:
    with pytest.raises(ReasonMissing):
        actions.merge(_ana(), into=_ana(), why=why)


# --- Merging and back ---

TABLES = ("patient", "patientidentifier", "relatedperson", "contactpoint", "contactpointlink",
          "consent")  # fmt: skip


def _rows() -> dict[str, list[tuple]]:
    """All that this room stores, byte by byte."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM patients_{table} ORDER BY id")  # noqa: S608
            found[table] = [
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                for row in cursor.fetchall()
            ]
    return found


def _with_everything(patient: Patient) -> None:
    IdentifierFactory(patient=patient)
    link = LinkFactory(patient=patient, verified=True)
    LinkFactory(related_person=RelatedPersonFactory(patient=patient))
    ConsentFactory(contact_point=link.contact_point, patient=patient, state="given")


def test_a_merge_moves_nothing_and_unmerging_restores_every_row() -> None:
    first, second = _ana(alerts="deaf"), _ana(alerts="blind")
    for patient in (first, second):
        _with_everything(patient)
    before = _rows()
    actions.merge(first, into=second, why=WHY)
    merged = _rows()
    assert {table: merged[table] for table in TABLES[1:]} == {
        table: before[table] for table in TABLES[1:]
    }
    assert merged["patient"] != before["patient"]
    actions.unmerge(first, why="it was her twin")
    assert _rows() == before


def test_what_was_added_after_the_merge_stays_with_whom_it_was_added_to() -> None:
    first, second = _ana(), _ana()
    actions.merge(first, into=second, why=WHY)
    actions.add_identifier(second, "MRN", "00-18-22")
    actions.unmerge(first, why="twins")
    assert [i.value for i in second.identifiers.all()] == ["00-18-22"]
    assert not first.identifiers.exists()


def test_a_merged_record_is_not_merged_or_written_again() -> None:
    first, second, third = _ana(), _ana(), _ana()
    actions.merge(first, into=second, why=WHY)
    with pytest.raises(PatientIsMerged):
        actions.merge(first, into=third, why=WHY)
    with pytest.raises(PatientIsMerged):
        actions.merge(third, into=first, why=WHY)
    with pytest.raises(PatientIsMerged):
        actions.merge(second, into=first, why=WHY)  # would be a circle
    with pytest.raises(PatientIsMerged):
        actions.update_profile(first, alerts="x")
    with pytest.raises(PatientIsMerged):
        actions.link(ContactPointFactory(), patient=first)
    with pytest.raises(PatientIsMerged):
        actions.add_identifier(first, "MRN", "1")
    with pytest.raises(PatientIsMerged):
        actions.add_related_person(first, name="Rosa", relationship="mother")


def test_a_record_is_not_merged_into_itself() -> None:
    ana = _ana()
    with pytest.raises(SamePatient):
        actions.merge(ana, into=ana, why=WHY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.filter(pk=ana.pk).update(survivor=ana.pk)


def test_only_a_merge_can_be_undone() -> None:
    with pytest.raises(NotMerged):
        actions.unmerge(_ana(), why="by mistake")


def test_chains_are_followed_and_undone_link_by_link() -> None:
    first, second, third, alone = _ana(), _ana(), _ana(), _ana()
    actions.merge(first, into=second, why=WHY)
    actions.merge(second, into=third, why=WHY)
    ids = [first.pk, second.pk, third.pk]
    first.refresh_from_db()
    assert survivor_of(first) == third
    assert survivor_ids([*ids, alone.pk]) == dict.fromkeys(ids, third.pk) | {alone.pk: alone.pk}
    assert record_ids(first.pk) == record_ids(third.pk) == ids
    actions.unmerge(second, why="twins")
    assert survivor_of(first) == second
    assert record_ids(third.pk) == [third.pk]


def test_both_are_told_in_the_audit_trail_with_the_reason() -> None:
    clerk, first, second = UserFactory(), _ana(), _ana()
    actions.merge(first, into=second, why=WHY, by=clerk)
    actions.unmerge(first, why="twins", by=clerk)
    events = AuditEvent.objects.filter(actor_id=clerk.pk).order_by("pk")
    assert [(e.patient_id, e.detail["what"], e.why) for e in events] == [
        (first.pk, "merge", WHY),
        (second.pk, "merge", WHY),
        (first.pk, "unmerge", "twins"),
        (second.pk, "unmerge", "twins"),
    ]
    assert events[0].object_ids == [first.pk, second.pk]
    assert events[0].detail["evidence"] == ["birth_date", "name"]


@pytest.mark.django_db(transaction=True)
def test_two_merging_each_into_the_other_at_once_make_no_circle() -> None:
    for _time in range(5):
        first, second = _ana(), _ana()
        barrier = threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            results = [
                pool.submit(_merge, barrier, *pair) for pair in ((first, second), (second, first))
            ]
        assert sorted(r.result() for r in results) == ["done", "refused"]
        survivors = Patient.objects.filter(pk__in=[first.pk, second.pk], survivor=None)
        assert survivors.count() == 1


def _merge(barrier: threading.Barrier, patient: Patient, into: Patient) -> str:
    barrier.wait(10)
    try:
        actions.merge(patient, into=into, why=WHY)
    except PatientIsMerged:
        return "refused"
    finally:
        connection.close()
    return "done"
