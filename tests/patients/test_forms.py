"""Forms of the patient pages: clear messages, and writing by the actions alone."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from hub.audit.models import AuditEvent
from patients import actions, consent
from patients.forms import (
    ConsentForm,
    ContactPointForm,
    IdentifierForm,
    NewPatientForm,
    ProfileForm,
    RelatedPersonForm,
)
from patients.models import Consent, ContactPoint, Patient, RelatedPerson
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


@pytest.fixture
def clerk():
    return UserFactory()


@pytest.fixture
def patient() -> Patient:
    return PatientFactory(legal_name="Ana Morales", birth_date=date(1961, 3, 12), alerts="deaf")


def _shown(form: ProfileForm) -> dict[str, str]:
    """What a browser would send back of a form that was only opened."""
    return {
        name: value
        for name in form.fields
        if (value := form[name].value()) not in (None, False)
    }  # fmt: skip


# --- Creating ---


def test_a_patient_is_created_by_what_is_known(clerk) -> None:
    form = NewPatientForm(
        {"legal_name": "  Ana   Morales ", "language": "es", "birth_date": "1961-03-12"}
    )
    assert form.is_valid(), form.errors
    made = form.save(by=clerk)
    made = Patient.objects.get(pk=made.pk)
    assert (made.legal_name, made.language, made.birth_date) == (
        "Ana Morales",
        "es",
        date(1961, 3, 12),
    )
    assert AuditEvent.objects.get().actor_id == clerk.pk


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({"legal_name": ""}, "legal_name", "required"),
        ({"legal_name": " \t "}, "legal_name", "required"),
        ({"legal_name": "A\0na"}, "legal_name", "null_characters_not_allowed"),
        ({"legal_name": "x" * 201}, "legal_name", "max_length"),
        ({"birth_date": "2199-01-01"}, "birth_date", "future"),
        ({"birth_date": "1861-03-12"}, "birth_date", "too_long_ago"),
        ({"birth_date": "31/31/1961"}, "birth_date", "invalid"),
        ({"language": "klingon"}, "language", "invalid_choice"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(data: dict, field: str, code: str) -> None:
    form = NewPatientForm({"legal_name": "Ana", "language": "en", **data})
    assert not form.is_valid()
    assert [error.code for error in form.errors.as_data()[field]] == [code]
    assert list(form.errors) == [field]


def test_a_child_may_be_born_today() -> None:
    today = timezone.localdate().isoformat()
    form = NewPatientForm({"legal_name": "Baby", "language": "en", "birth_date": today})
    assert form.is_valid(), form.errors


# --- Changing ---


def test_only_what_was_changed_is_written(patient: Patient, clerk) -> None:
    data = _shown(ProfileForm(instance=patient)) | {"pronouns": "she/her"}
    form = ProfileForm(data, instance=patient)
    assert form.is_valid(), form.errors
    assert form.save(by=clerk) == ["pronouns"]
    patient.refresh_from_db()
    assert (patient.pronouns, patient.alerts) == ("she/her", "deaf")
    assert AuditEvent.objects.get().detail["fields"] == ["pronouns"]


def test_a_form_that_was_only_opened_changes_nothing(patient: Patient, clerk) -> None:
    form = ProfileForm(_shown(ProfileForm(instance=patient)), instance=patient)
    assert form.is_valid(), form.errors
    assert form.save(by=clerk) == []


def test_encrypted_fields_can_be_changed_and_emptied(patient: Patient, clerk) -> None:
    data = _shown(ProfileForm(instance=patient))
    form = ProfileForm(
        data | {"alerts": "", "accessibility_needs": "large\r\nprint"}, instance=patient
    )
    assert form.is_valid(), form.errors
    form.save(by=clerk)
    patient = Patient.objects.get(pk=patient.pk)
    assert (patient.alerts, patient.accessibility_needs) == ("", "large\r\nprint")


def test_who_is_late_is_told_and_writes_nothing(patient: Patient, clerk) -> None:
    data = _shown(ProfileForm(instance=patient))
    actions.update_profile(patient, pronouns="they/them")
    form = ProfileForm(data | {"pronouns": "she/her"}, instance=Patient.objects.get(pk=patient.pk))
    assert not form.is_valid()
    assert form.has_error("__all__", "changed_meanwhile")


@pytest.mark.parametrize(
    ("zone", "is_valid"),
    [("America/Chicago", True), ("", True), ("Chicago", False), ("../etc/passwd", False)],
)
def test_time_zones_are_known_ones(patient: Patient, zone: str, is_valid: bool) -> None:
    form = ProfileForm(
        _shown(ProfileForm(instance=patient)) | {"time_zone": zone}, instance=patient
    )
    assert form.is_valid() is is_valid


def test_an_imported_language_survives_editing(clerk) -> None:
    patient = PatientFactory(language="de", preferred_channel="fax")
    data = _shown(ProfileForm(instance=patient)) | {"pronouns": "sie"}
    form = ProfileForm(data, instance=patient)
    assert form.is_valid(), form.errors
    form.save(by=clerk)
    patient.refresh_from_db()
    assert (patient.language, patient.preferred_channel) == ("de", "fax")


def test_every_field_has_a_label() -> None:
    link = LinkFactory()
    for form in (
        NewPatientForm(),
        ProfileForm(instance=link.patient),
        ContactPointForm(link.patient),
        IdentifierForm(),
        RelatedPersonForm(),
        ConsentForm(link),
    ):
        for field in form.visible_fields():
            assert field.label, field.name
            assert field.label != field.name, field.name


# --- Addresses ---


def _address(patient: Patient, **data: str) -> ContactPointForm:
    return ContactPointForm(
        patient, {"system": "phone", "value": "(555) 010-0142", "role": "mobile", **data}
    )


def test_an_address_is_linked_in_its_normal_form(patient: Patient, clerk) -> None:
    form = _address(patient)
    assert form.is_valid(), form.errors
    link = form.save(by=clerk)
    assert link.patient == patient
    assert ContactPoint.objects.get().value == "+15550100142"


def test_an_address_can_be_a_related_persons(patient: Patient, clerk) -> None:
    mother = RelatedPersonFactory(patient=patient)
    form = _address(patient, whose=str(mother.uuid))
    assert form.is_valid(), form.errors
    link = form.save(by=clerk)
    assert (link.patient, link.related_person) == (None, mother)


def test_an_address_cannot_be_a_strangers_or_an_ended_persons(patient: Patient) -> None:
    ended = RelatedPersonFactory(patient=patient, until=timezone.localdate() - timedelta(days=1))
    for person in (RelatedPersonFactory(), ended):
        assert "whose" in _address(patient, whose=str(person.uuid)).errors


@pytest.mark.parametrize(
    ("system", "value", "words"),
    [
        ("phone", "010-0142", "area code"),
        ("phone", "555-010-0142 ext 5", "extension"),
        ("phone", "ana@example.org", "phone number"),
        ("email", "ana", "name@example.org"),
    ],
)
def test_a_wrong_address_is_explained(
    patient: Patient, system: str, value: str, words: str
) -> None:
    form = _address(patient, system=system, value=value)
    assert not form.is_valid()
    assert words in form.errors["value"][0]
    assert not ContactPoint.objects.exists()


# --- Record numbers and related persons ---


def test_a_record_number_of_somebody_else_is_explained(patient: Patient, clerk) -> None:
    taken = IdentifierFactory()
    form = IdentifierForm({"system": taken.system, "value": f" {taken.value} "})
    assert form.is_valid(), form.errors
    assert form.save(patient, by=clerk) is None
    assert form.has_error("value", "taken")
    form = IdentifierForm({"system": "MRN", "value": "99-99-99"})
    assert form.is_valid()
    assert form.save(patient, by=clerk).patient == patient


def test_a_related_person_is_added(patient: Patient, clerk) -> None:
    form = RelatedPersonForm({"name": "Rosa", "relationship": "mother", "may_hear": "on"})
    assert form.is_valid(), form.errors
    person = form.save(patient, by=clerk)
    assert RelatedPerson.objects.get() == person
    assert (person.patient, person.may_hear, person.may_decide) == (patient, True, False)


def test_who_decides_must_hear_and_the_last_day_is_to_come() -> None:
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    form = RelatedPersonForm(
        {"name": "Rosa", "relationship": "mother", "may_decide": "on", "until": yesterday}
    )
    assert not form.is_valid()
    assert form.has_error("may_hear", "must_hear")
    assert form.has_error("until", "past")


# --- Consent ---


def _consent(link, **data: str) -> ConsentForm:
    return ConsentForm(link, {"state": "stopped", "channel": "", "source": "staff", **data})


def test_a_stop_needs_no_words_and_is_the_addresss(clerk) -> None:
    link = LinkFactory()
    form = _consent(link)
    assert form.is_valid(), form.errors
    [row] = form.save(by=clerk)
    assert (row.patient, row.channel, row.recorded_by_id) == (None, None, clerk.pk)
    assert consent.is_stopped(link.contact_point_id, "voice")


def test_a_yes_needs_its_proof(clerk) -> None:
    link = LinkFactory()
    form = _consent(link, state="given", evidence=" ")
    assert not form.is_valid()
    assert form.has_error("evidence", "required")
    form = _consent(link, state="given", evidence="signed form A")
    assert form.is_valid(), form.errors
    rows = form.save(by=clerk)
    assert [(row.channel, row.patient) for row in rows] == [
        ("sms", link.patient),
        ("voice", link.patient),
        ("whatsapp", link.patient),
    ]


def test_a_yes_after_a_stop_is_asked_about(clerk) -> None:
    link = LinkFactory()
    ConsentFactory(contact_point=link.contact_point)
    said = {"state": "given", "channel": "sms", "evidence": "wants texts again"}
    form = _consent(link, **said)
    assert not form.is_valid()
    assert form.has_error("after_stop", "stopped")
    form = _consent(link, **said, after_stop="on")
    assert form.is_valid(), form.errors
    form.save(by=clerk)
    assert not consent.is_stopped(link.contact_point_id, "sms")


def test_the_yes_of_a_merged_record_is_the_survivors(clerk) -> None:
    survivor = PatientFactory()
    link = LinkFactory(patient=PatientFactory(survivor=survivor))
    form = _consent(link, state="given", channel="sms", evidence="yes")
    assert form.is_valid(), form.errors
    [row] = form.save(by=clerk)
    assert row.patient == survivor


def test_channels_and_sources_are_those_that_fit() -> None:
    link = LinkFactory(contact_point=ContactPointFactory(email=True))
    assert "channel" in _consent(link, channel="sms").errors
    assert "source" in _consent(link, source="keyword").errors
    assert _consent(link, channel="email").is_valid()
    assert not Consent.objects.exists()
