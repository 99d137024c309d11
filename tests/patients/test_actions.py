"""Writing of profiles, links, record numbers and related persons."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from hub.audit.models import AuditEvent
from patients import actions, name_words
from patients.errors import ChangedMeanwhile, IdentifierTaken, LinkEnded
from patients.identify import Level, identify
from patients.models import ContactPointLink, Patient, PatientIdentifier
from tests.factories import (
    ContactPointFactory,
    IdentifierFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk():
    return UserFactory()


def _event(action: str) -> AuditEvent:
    return AuditEvent.objects.get(action=action)


# --- Profile ---


def test_a_patient_is_created_searchable_and_on_record(clerk) -> None:
    patient = actions.create_patient(legal_name="María José O’Brien", language="es", by=clerk)
    patient = Patient.objects.get(pk=patient.pk)
    assert {"=maria", "mar", "obr", "jo"} <= set(patient.name_words)
    event = _event("create_patient")
    assert (event.actor_id, event.patient_id) == (clerk.pk, patient.pk)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_patient_needs_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        actions.create_patient(legal_name=name)


def test_a_change_is_recorded_by_the_names_of_the_fields(clerk) -> None:
    patient = PatientFactory(legal_name="Ana Morales", alerts="deaf")
    changed = actions.update_profile(
        patient, by=clerk, preferred_name="Canaria", alerts="secretcanary", pronouns=""
    )
    assert changed == ["alerts", "preferred_name"]
    patient.refresh_from_db()
    assert (patient.alerts, patient.preferred_name) == ("secretcanary", "Canaria")
    assert "=canaria" in patient.name_words
    event = _event("edit_patient")
    assert event.detail["fields"] == ["alerts", "preferred_name"]
    assert "canar" not in f"{event.detail}{event.why}".lower()


def test_nothing_changed_leaves_no_event() -> None:
    patient = PatientFactory(pronouns="she/her")
    assert actions.update_profile(patient, pronouns="she/her") == []
    assert not AuditEvent.objects.exists()


def test_two_who_change_different_fields_both_win() -> None:
    patient = PatientFactory()
    stale = Patient.objects.get(pk=patient.pk)
    actions.update_profile(patient, pronouns="they/them")
    actions.update_profile(stale, time_zone="America/Chicago")
    patient.refresh_from_db()
    assert (patient.pronouns, patient.time_zone) == ("they/them", "America/Chicago")


def test_who_saw_an_older_profile_is_told() -> None:
    patient = PatientFactory()
    seen = patient.updated_at
    actions.update_profile(patient, pronouns="they/them", seen=seen)
    with pytest.raises(ChangedMeanwhile):
        actions.update_profile(patient, pronouns="she/her", seen=seen)


@pytest.mark.parametrize("field", ["survivor", "name_words", "uuid"])
def test_only_the_profile_can_be_changed(field: str) -> None:
    with pytest.raises(TypeError):
        actions.update_profile(PatientFactory(), **{field: None})


def test_words_follow_a_name_on_every_way_of_writing() -> None:
    [made] = Patient.objects.bulk_create([Patient(legal_name="Łukasz Groß")])
    made.refresh_from_db()
    assert {"=lukasz", "=gross"} <= set(made.name_words)


def test_words_of_names_of_other_scripts_are_found_by_one_sign() -> None:
    assert "王" in name_words.keys(["王小明"])
    assert "a" not in name_words.keys(["Ana"])


def test_no_word_is_longer_than_its_column() -> None:
    PatientFactory(legal_name="x" * 200)
    PatientFactory(legal_name="ß" * 200)
    assert max(map(len, name_words.keys(["ﷺ" * 200]))) <= 40


# --- Record numbers ---


def test_a_record_number_is_one_patients(clerk) -> None:
    patient, other = PatientFactory(), PatientFactory()
    identifier = actions.add_identifier(patient, " MRN ", "00-18-22 ", by=clerk)
    assert (identifier.system, identifier.value) == ("MRN", "00-18-22")
    assert actions.add_identifier(patient, "MRN", "00-18-22") == identifier
    assert AuditEvent.objects.count() == 1
    with pytest.raises(IdentifierTaken) as taken:
        actions.add_identifier(other, "MRN", "00-18-22")
    assert taken.value.holder == patient
    assert "18-22" not in str(taken.value)
    assert PatientIdentifier.objects.count() == 1


def test_a_merged_records_number_is_the_survivors() -> None:
    survivor = PatientFactory()
    identifier = IdentifierFactory(patient=PatientFactory(survivor=survivor))
    assert actions.add_identifier(survivor, identifier.system, identifier.value) == identifier
    with pytest.raises(IdentifierTaken) as taken:
        actions.add_identifier(PatientFactory(), identifier.system, identifier.value)
    assert taken.value.holder == survivor


# --- Links ---


def test_linking_twice_is_one_link(clerk) -> None:
    point, patient = ContactPointFactory(), PatientFactory()
    first = actions.link(point, patient=patient, by=clerk)
    again = actions.link(point, patient=patient, role="work", by=clerk)
    assert first == again
    assert ContactPointLink.objects.get().role == "work"


def test_a_link_is_to_one_person() -> None:
    with pytest.raises(ValueError, match="linked to"):
        actions.link(ContactPointFactory())
    with pytest.raises(IntegrityError), transaction.atomic():
        LinkFactory(related_person=RelatedPersonFactory(), patient=PatientFactory())


def test_unlinking_ends_and_linking_again_begins_unproved(clerk) -> None:
    link = LinkFactory(verified=True)
    actions.unlink(link, by=clerk, why="changed number")
    assert identify(link.contact_point).level is Level.UNKNOWN
    assert _event("edit_patient").why == "changed number"
    with pytest.raises(LinkEnded):
        actions.unlink(link)
    with pytest.raises(LinkEnded):
        actions.verify_link(link, "code")
    actions.link(link.contact_point, patient=link.patient)
    assert identify(link.contact_point).level is Level.PROBABLE
    assert ContactPointLink.objects.count() == 2


@pytest.mark.parametrize("how", ["code", "link", "birth_date", "staff"])
def test_proof_is_kept_with_how_and_when(how: str, clerk) -> None:
    link = actions.verify_link(LinkFactory(), how, by=clerk)
    assert link.is_verified
    assert link.verified_how == how
    assert identify(link.contact_point).level is Level.CONFIRMED
    assert _event("edit_patient").detail == {
        "what": "verify",
        "contact_point": link.contact_point_id,
        "how": how,
    }


def test_an_unknown_proof_is_refused() -> None:
    link = LinkFactory()
    with pytest.raises(ValueError, match="hunch"):
        actions.verify_link(link, "hunch")
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactPointLink.objects.filter(pk=link.pk).update(verified_how="code")


def test_a_merged_records_link_can_be_proved_and_ended() -> None:
    link = LinkFactory(patient=PatientFactory(survivor=PatientFactory()))
    actions.verify_link(link, "code")
    actions.unlink(link)
    link.refresh_from_db()
    assert link.until is not None


# --- Related persons ---


def test_a_related_person_may_nothing_unless_said(clerk) -> None:
    patient = PatientFactory()
    person = actions.add_related_person(patient, name=" Rosa ", relationship="mother", by=clerk)
    assert (person.name, person.may_hear, person.may_decide) == ("Rosa", False, False)
    assert _event("edit_patient").object_ids == [person.pk]


def test_ending_a_related_person_ends_their_addresses_at_once(clerk) -> None:
    person = RelatedPersonFactory()
    links = [LinkFactory(related_person=person) for _ in range(2)]
    own = LinkFactory(patient=person.patient)
    actions.end_related_person(person, by=clerk, why="divorced")
    assert person.until == timezone.localdate() - timedelta(days=1)
    assert [identify(link.contact_point).level for link in links] == [Level.UNKNOWN] * 2
    assert identify(own.contact_point).level is Level.PROBABLE
    actions.end_related_person(person, by=clerk)
    assert AuditEvent.objects.count() == 1


def test_an_end_that_was_foreseen_is_brought_forward() -> None:
    person = RelatedPersonFactory(until=date(2199, 1, 1))
    actions.end_related_person(person)
    person.refresh_from_db()
    assert person.until < timezone.localdate()
