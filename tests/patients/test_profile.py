"""What the patient panel shows, in a fixed number of queries."""

from datetime import date, timedelta

import pytest
from django.utils import timezone, translation

from patients import actions, profile, wording
from patients.consent import Stands
from tests.factories import (
    ConsentFactory,
    ContactPointFactory,
    IdentifierFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
)

pytestmark = pytest.mark.django_db


def test_a_profile_shows_what_is_known() -> None:
    patient = PatientFactory(
        legal_name="Ana Morales",
        preferred_name="Anita",
        pronouns="she/her",
        birth_date=timezone.localdate() - timedelta(days=91),
        language="es",
        interpreter_needed=True,
        accessibility_needs="large print",
        alerts="hard of hearing",
    )
    IdentifierFactory(patient=patient, value="00-18-22")
    point = ContactPointFactory(value="+15550100142")
    LinkFactory(patient=patient, contact_point=point, verified=True)
    ConsentFactory(contact_point=point)
    shown = profile.read(patient)
    assert (shown.name, shown.legal_name) == ("Anita", "Ana Morales")
    assert (shown.age, shown.language, shown.pronouns) == ("91 days", "Spanish", "she/her")
    assert (shown.alerts, shown.accessibility_needs) == ("hard of hearing", "large print")
    assert shown.interpreter_needed
    assert [(i.system, i.masked) for i in shown.identifiers] == [("MRN", "••18-22")]
    [reach] = shown.reaches
    assert reach.display == "(555) 010-0142"
    assert reach.is_verified
    assert not reach.is_shared
    assert [(s.channel, s.stands) for s in reach.standings] == [
        ("sms", Stands.STOPPED),
        ("voice", Stands.UNSAID),
        ("whatsapp", Stands.UNSAID),
    ]
    assert not reach.is_stopped
    assert shown.verified_at == reach.link.verified_at


def test_an_empty_profile_is_shown_too() -> None:
    shown = profile.read(PatientFactory())
    assert (shown.age, shown.reaches, shown.speakers, shown.verified_at) == ("", (), (), None)


def test_six_queries_however_much_is_known(django_assert_num_queries) -> None:
    patient = PatientFactory()
    with django_assert_num_queries(5):  # no address, so no consent to look for
        profile.read(patient)
    for _ in range(3):
        merged = PatientFactory(survivor=patient)
        for record in (patient, merged):
            IdentifierFactory(patient=record)
            link = LinkFactory(patient=record)
            ConsentFactory(contact_point=link.contact_point)
            person = RelatedPersonFactory(patient=record)
            LinkFactory(related_person=person)
    with django_assert_num_queries(6):
        shown = profile.read(patient)
        assert (len(shown.reaches), len(shown.speakers)) == (6, 6)
        assert all(reach.display for reach in shown.reaches)
        assert [speaker.reaches[0].display for speaker in shown.speakers]
        assert shown.alerts == ""


def test_a_merged_record_shows_the_survivor_with_what_both_know() -> None:
    survivor = PatientFactory(legal_name="Ana Morales")
    merged = PatientFactory(legal_name="Ana Pérez", survivor=survivor)
    IdentifierFactory(patient=merged)
    link = LinkFactory(patient=merged)
    LinkFactory(patient=survivor, contact_point=link.contact_point)
    shown = profile.read(merged)
    assert shown.patient == survivor
    assert shown.also_known_as == ("Ana Pérez",)
    assert (len(shown.identifiers), shown.merged_records) == (1, 1)
    [reach] = shown.reaches  # the same number of both is one, and shared with nobody
    assert not reach.is_shared


def test_a_number_that_somebody_else_has_too_is_marked() -> None:
    link = LinkFactory()
    LinkFactory(contact_point=link.contact_point, until=timezone.now())
    assert not profile.read(link.patient).reaches[0].is_shared
    LinkFactory(contact_point=link.contact_point)
    assert profile.read(link.patient).reaches[0].is_shared


def test_a_mother_on_the_childs_number_shares_it() -> None:
    mother = RelatedPersonFactory()
    link = LinkFactory(patient=mother.patient)
    LinkFactory(contact_point=link.contact_point, related_person=mother)
    shown = profile.read(mother.patient)
    assert shown.reaches[0].is_shared
    assert shown.speakers[0].reaches[0].is_shared


def test_those_who_no_longer_speak_come_last() -> None:
    patient = PatientFactory()
    gone = RelatedPersonFactory(patient=patient, name="Aaron", until=date(2020, 1, 1))
    here = RelatedPersonFactory(patient=patient, name="Zoe", until=timezone.localdate())
    speakers = profile.read(patient).speakers
    assert [(s.person, s.is_current) for s in speakers] == [(here, True), (gone, False)]


def test_an_ended_link_is_not_shown() -> None:
    link = LinkFactory()
    actions.unlink(link)
    assert profile.read(link.patient).reaches == ()


def test_an_address_is_stopped_when_all_its_channels_are() -> None:
    link = LinkFactory()
    ConsentFactory(contact_point=link.contact_point, channel=None)
    assert profile.read(link.patient).reaches[0].is_stopped


def test_it_does_not_print_what_it_knows() -> None:
    link = LinkFactory(
        patient=PatientFactory(legal_name="Canary One", alerts="canary two"),
        contact_point=ContactPointFactory(email=True, value="canary@example.org"),
    )
    IdentifierFactory(patient=link.patient, value="CANARY-3")
    assert "canary" not in repr(profile.read(link.patient)).lower()


@pytest.mark.parametrize(
    ("identifier", "masked"),
    [
        ("00-18-22", "••18-22"),
        ("12345678", "••5678"),
        ("MRN12345", "••2345"),
        ("12-34-5-", "••34-5-"),
        ("1234", "••34"),
        ("123", "••3"),
        ("12", "••"),
        ("1", "••"),
        ("--", "••"),
    ],
)
def test_identifiers_show_their_end_only(identifier: str, masked: str) -> None:
    assert profile.mask(identifier) == masked


def test_words_for_people_follow_the_language() -> None:
    assert wording.language("es") == "Spanish"
    assert wording.language("de") == "German"
    assert wording.language("qqq") == "qqq"
    assert (wording.channel(None), wording.channel("sms")) == ("All channels", "Text message")
    with translation.override("es"):
        assert wording.language("de") == "Alemán"
