"""The patient beside the conversation: nothing before a choice, little before a check."""

from collections.abc import Callable
from datetime import date

from django.test import Client

from hub.audit.models import AuditEvent
from hub.conversations.models import Conversation
from hub.staff.models import User
from patients import consent
from patients.models import ContactPointLink, Patient
from tests.console.conftest import Desk
from tests.factories import IdentifierFactory, LinkFactory, PatientFactory, RelatedPersonFactory

LogIn = Callable[[User], Client]


def _page(browser: Client, found: Conversation) -> str:
    return browser.get(f"/console/c/{found.uuid}/").content.decode()


def test_of_an_unknown_caller_nothing_is_disclosed(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive(number="+15550100199")
    page = _page(log_in(desk.agent), found)
    assert "Who is this?" in page
    assert "Nobody known yet" in page
    assert "Earlier contacts" not in page


def test_on_a_shared_number_it_is_asked_about_whom(desk: Desk, log_in: LogIn) -> None:
    desk.patient.alerts = "hard of hearing"
    desk.patient.save()
    other = PatientFactory(legal_name="Peter Morales")
    LinkFactory(patient=other, contact_point=desk.link.contact_point)
    found = desk.receive()
    browser = log_in(desk.agent)
    page = _page(browser, found)
    assert "About whom is this?" in page
    assert "Ana Morales" in page
    assert "Peter Morales" in page
    assert "hard of hearing" not in page
    browser.post(f"/console/c/{found.uuid}/identify", {"patient": desk.patient.uuid})
    assert "hard of hearing" in _page(browser, found)


def test_birth_date_and_record_number_are_masked_until_checked(desk: Desk, log_in: LogIn) -> None:
    desk.patient.birth_date = date(1961, 3, 12)
    desk.patient.save()
    IdentifierFactory(patient=desk.patient, value="44-18-22")
    found = desk.receive()
    browser = log_in(desk.agent)
    page = _page(browser, found)
    assert "Born •• ••• 1961" in page
    assert "44-18-22" not in page
    assert (
        'name="birth_date"' not in browser.get(f"/console/c/{found.uuid}/profile").content.decode()
    )
    wrong = browser.post(f"/console/c/{found.uuid}/birth-date", {"birth_date": "1961-12-03"})
    assert wrong.status_code == 409
    assert Conversation.objects.get(pk=found.pk).identity == "probable"
    assert AuditEvent.objects.filter(action="denied", patient_id=desk.patient.pk).exists()
    right = browser.post(f"/console/c/{found.uuid}/birth-date", {"birth_date": "1961-03-12"})
    assert right.status_code == 200
    page = _page(browser, found)
    assert "12 Mar 1961" in page
    assert "44-18-22" in page


def test_the_check_is_remembered_only_where_it_was_asked_for(desk: Desk, log_in: LogIn) -> None:
    desk.patient.birth_date = date(1961, 3, 12)
    desk.patient.save()
    found = desk.receive()
    path, said = f"/console/c/{found.uuid}/birth-date", {"birth_date": "1961-03-12"}
    browser = log_in(desk.agent)
    browser.post(path, said)
    assert not ContactPointLink.objects.get(pk=desk.link.pk).is_verified
    browser.post(path, said | {"remember": "on"})
    assert ContactPointLink.objects.get(pk=desk.link.pk).verified_how == "birth_date"


def test_a_patient_is_created_in_the_middle_of_it(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive(number="+15550100199")
    browser = log_in(desk.agent)
    said = {"legal_name": "Walter Newman", "birth_date": "1970-02-03", "language": "es"}
    assert browser.post(f"/console/c/{found.uuid}/create-patient", said).status_code == 200
    patient = Patient.objects.get(legal_name="Walter Newman")
    found.refresh_from_db()
    assert (found.patient, found.identity) == (patient, "probable")
    assert found.entries.filter(kind="identified").exists()
    browser.post(f"/console/c/{found.uuid}/forget")
    assert Conversation.objects.get(pk=found.pk).patient is None


def test_a_search_for_patients_is_on_record_and_shows_little(desk: Desk, log_in: LogIn) -> None:
    desk.patient.birth_date = date(1961, 3, 12)
    desk.patient.save()
    found = desk.receive(number="+15550100199")
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/patients?q=moral").content.decode()
    assert "Ana Morales" in page
    assert "1961" in page
    assert "12 Mar" not in page
    event = AuditEvent.objects.get(action="search")
    assert event.object_ids == [desk.patient.pk]
    assert "moral" not in str(event.detail)


def test_a_stop_said_on_the_phone_is_written_down(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    point = desk.link.contact_point
    browser = log_in(desk.agent)
    path = f"/console/c/{found.uuid}/consent"
    said = {"point": point.uuid, "channel": "sms", "state": "stopped", "evidence": "no more texts"}
    assert browser.post(path, said | {"evidence": ""}).status_code == 400
    assert browser.post(path, said).status_code == 200
    assert consent.is_stopped(point.pk, "sms")
    again = said | {"state": "given", "evidence": "changed her mind"}
    refusal = browser.post(path, again)
    assert refusal.status_code == 409
    assert "STOP" in refusal.json()["error"]
    assert browser.post(path, again | {"after_stop": "on"}).status_code == 200
    assert not consent.is_stopped(point.pk, "sms")


def test_only_the_patients_own_addresses_can_be_changed(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    strangers = LinkFactory().contact_point
    said = {"point": strangers.uuid, "channel": "sms", "state": "stopped", "evidence": "x"}
    assert log_in(desk.agent).post(f"/console/c/{found.uuid}/consent", said).status_code == 404
    assert not consent.is_stopped(strangers.pk, "sms")


def test_the_profile_changes_only_what_was_changed(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    browser = log_in(desk.agent)
    said = {
        "legal_name": "Ana Morales",
        "preferred_name": "Anita",
        "language": "es",
        "alerts": "speak slowly",
    }
    assert browser.post(f"/console/c/{found.uuid}/profile", said).status_code == 200
    desk.patient.refresh_from_db()
    assert (desk.patient.preferred_name, desk.patient.language) == ("Anita", "es")
    assert desk.patient.alerts == "speak slowly"
    event = AuditEvent.objects.filter(action="edit_patient").latest("at")
    assert event.detail["fields"] == ["alerts", "language", "preferred_name"]


def test_addresses_and_people_are_added_and_ended(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    browser = log_in(desk.agent)
    path = f"/console/c/{found.uuid}/"
    bad = {"system": "phone", "value": "12", "role": "home"}
    assert browser.post(path + "contact-point", bad).status_code == 400
    good = bad | {"value": "(555) 010-0188"}
    assert browser.post(path + "contact-point", good).status_code == 200
    assert desk.patient.links.filter(contact_point__value="+15550100188").exists()
    person = {"name": "Rosa Morales", "relationship": "daughter", "may_hear": "on"}
    assert browser.post(path + "related", person).status_code == 200
    added = desk.patient.related_persons.get()
    assert (added.may_hear, added.may_decide) == (True, False)
    assert "Rosa Morales" in _page(browser, found)
    browser.post(path + "end-related", {"person": added.uuid})
    assert "Rosa Morales" not in _page(browser, found)


def test_another_patients_relative_cannot_be_ended(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    stranger = RelatedPersonFactory()
    said = {"person": stranger.uuid}
    answer = log_in(desk.agent).post(f"/console/c/{found.uuid}/end-related", said)
    assert answer.status_code == 404
    stranger.refresh_from_db()
    assert stranger.until is None
