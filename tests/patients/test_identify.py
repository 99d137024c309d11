"""Whom an address identifies."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from patients.identify import Level, candidates, identify
from patients.models import Patient
from tests.factories import (
    ContactPointFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
)

pytestmark = pytest.mark.django_db


def test_an_address_without_links_is_unknown() -> None:
    found = identify(ContactPointFactory())
    assert (found.level, found.patient, found.links) == (Level.UNKNOWN, None, ())


def test_one_patient_is_probable() -> None:
    link = LinkFactory()
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.PROBABLE, link.patient)
    assert found.links[0].link_id == link.pk


def test_a_proved_link_confirms() -> None:
    link = LinkFactory(verified=True)
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.CONFIRMED, link.patient)


def test_two_patients_share_even_when_one_is_proved() -> None:
    link = LinkFactory(verified=True)
    other = LinkFactory(contact_point=link.contact_point)
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.SHARED, None)
    assert found.patients == (link.patient, other.patient)


def test_who_speaks_for_a_patient_must_say_about_whom() -> None:
    mother = RelatedPersonFactory(may_hear=True)
    link = LinkFactory(related_person=mother, verified=True)
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.SHARED, None)
    assert found.patients == (mother.patient,)
    assert found.links[0].may_hear is True
    assert found.links[0].relationship == "mother"


def test_patient_and_mother_on_one_telephone_share_it() -> None:
    mother = RelatedPersonFactory()
    link = LinkFactory(patient=mother.patient)
    LinkFactory(contact_point=link.contact_point, related_person=mother)
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.SHARED, None)
    assert found.patients == (mother.patient,)


def test_an_ended_link_identifies_nobody() -> None:
    link = LinkFactory(until=timezone.now())
    assert identify(link.contact_point).level is Level.UNKNOWN
    LinkFactory(contact_point=link.contact_point)
    assert identify(link.contact_point).level is Level.PROBABLE


@pytest.mark.parametrize(
    ("days", "level"), [(-1, Level.UNKNOWN), (0, Level.SHARED), (1, Level.SHARED)]
)
def test_a_related_person_speaks_until_the_end_of_the_last_day(days: int, level: Level) -> None:
    person = RelatedPersonFactory(until=timezone.localdate() + timedelta(days=days))
    link = LinkFactory(related_person=person)
    assert identify(link.contact_point).level is level


def test_a_merged_patient_is_found_as_the_survivor() -> None:
    last = PatientFactory(alerts="hard of hearing")
    middle = PatientFactory(survivor=last)
    first = PatientFactory(survivor=middle)
    link = LinkFactory(patient=first)
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.PROBABLE, last)
    assert found.patient.alerts == "hard of hearing"


def test_links_of_two_merged_records_are_one_patient() -> None:
    survivor = PatientFactory()
    link = LinkFactory(patient=survivor)
    LinkFactory(
        contact_point=link.contact_point, patient=PatientFactory(survivor=survivor), verified=True
    )
    found = identify(link.contact_point)
    assert (found.level, found.patient) == (Level.CONFIRMED, survivor)


def test_it_is_one_query_however_many_are_linked(django_assert_num_queries) -> None:
    point = ContactPointFactory()
    for _ in range(3):
        LinkFactory(contact_point=point)
        LinkFactory(contact_point=point, related_person=RelatedPersonFactory())
    with django_assert_num_queries(1):
        found = identify(point)
        assert len(found.patients) == 6
        assert all(patient.alerts == "" for patient in found.patients)


def test_names_do_not_reach_a_log_by_repr() -> None:
    link = LinkFactory(related_person=RelatedPersonFactory(name="Rosa Canary"))
    assert "Canary" not in repr(identify(link.contact_point))


# --- Candidates ---


@pytest.fixture
def ana() -> Patient:
    return PatientFactory(
        legal_name="Ana María Morales", preferred_name="Anita", birth_date=date(1961, 3, 12)
    )


def _names(name: str, born: date | None) -> list[Patient]:
    return [found.patient for found in candidates(Patient.objects.all(), name, born)]


def test_candidates_are_ranked_by_name_and_birth_date(ana: Patient) -> None:
    twin = PatientFactory(legal_name="Beto Morales", birth_date=date(1961, 3, 12))
    stranger = PatientFactory(legal_name="Xi Wu", birth_date=date(1961, 3, 12))
    namesake = PatientFactory(legal_name="Ana Morales", birth_date=date(1990, 1, 1))
    PatientFactory(legal_name="Ben Other", birth_date=date(1980, 1, 1))
    assert _names("ana morales", date(1961, 3, 12)) == [ana, twin, stranger, namesake]


def test_without_a_birth_date_the_whole_name_is_needed(ana: Patient) -> None:
    assert _names("Anita Morales", None) == [ana]
    assert _names("Ana M", None) == []
    assert _names("", None) == []


def test_candidates_say_what_was_the_same(ana: Patient) -> None:
    [found] = candidates(Patient.objects.all(), "ANA MORALES", date(1961, 3, 12))
    assert (found.same_birth_date, found.same_name) == (True, True)
    [found] = candidates(Patient.objects.all(), "Ana Smith", date(1961, 3, 12))
    assert (found.same_birth_date, found.same_name, found.same_words) == (True, False, 1)


def test_candidates_come_from_the_given_patients_only(ana: Patient) -> None:
    nobody = Patient.objects.exclude(pk=ana.pk)
    assert candidates(nobody, "Ana Morales", date(1961, 3, 12)) == []


def test_a_merged_record_leads_to_its_survivor(ana: Patient) -> None:
    maiden = PatientFactory(legal_name="Ana Pérez", survivor=ana)
    assert maiden.survivor == ana
    assert _names("ana perez", None) == [ana]
    without = Patient.objects.exclude(pk=ana.pk)
    assert candidates(without, "ana perez", None) == []


def test_candidates_are_limited() -> None:
    for _ in range(7):
        PatientFactory(legal_name="Ana Morales")
    assert len(candidates(Patient.objects.all(), "Ana Morales", None)) == 5
