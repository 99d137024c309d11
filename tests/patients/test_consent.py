"""STOP, START and consent: an append-only ledger, of which the latest relevant row holds."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.encryption.rotation import SETTING
from patients import actions, consent, contact_points, signals
from patients.consent import Stands
from patients.errors import PatientIsMerged, ReasonMissing, StillStopped
from patients.models import Consent, ContactPoint
from tests.factories import (
    ConsentFactory,
    ContactPointFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def point() -> ContactPoint:
    return ContactPointFactory()


def _stop(point: ContactPoint, channel: str | None = "sms", **more) -> Consent:
    return actions.stop(point, channel=channel, **{"source": "keyword", "evidence": "STOP", **more})


def _start(point: ContactPoint, channel: str = "sms", **more) -> list[Consent]:
    return actions.start(
        point, channel=channel, **{"source": "keyword", "evidence": "START", **more}
    )


# --- The ledger ---


@pytest.mark.parametrize("column", ["state", "channel", "at", "evidence", "source"])
def test_a_row_cannot_be_changed(column: str) -> None:
    ConsentFactory()
    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="append-only"):
        cursor.execute(f"UPDATE patients_consent SET {column} = {column}")  # noqa: S608


def test_a_row_cannot_be_deleted() -> None:
    row = ConsentFactory()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        row.delete()
    assert Consent.objects.get() == row


def test_only_the_evidence_may_be_encrypted_anew() -> None:
    row = ConsentFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config(%s, 'on', true)", [SETTING])
        cursor.execute("UPDATE patients_consent SET evidence = evidence")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("UPDATE patients_consent SET state = 'given'")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM patients_consent")
    assert Consent.objects.get().state == row.state


def test_the_trigger_can_be_taken_back_and_set_again() -> None:
    migration = import_module("patients.migrations.0001_initial")
    row = ConsentFactory()
    with connection.cursor() as cursor:
        cursor.execute(migration.ALLOW_CHANGE)
        cursor.execute("UPDATE patients_consent SET channel = 'voice'")
        cursor.execute(migration.REFUSE_CHANGE)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("UPDATE patients_consent SET channel = 'sms'")
    row.refresh_from_db()
    assert row.channel == "voice"


def test_a_stop_names_nobody(point: ContactPoint) -> None:
    with pytest.raises(IntegrityError, match="stop_names_nobody"), transaction.atomic():
        ConsentFactory(contact_point=point, patient=PatientFactory())


def test_a_consent_is_one_persons(point: ContactPoint) -> None:
    with pytest.raises(IntegrityError, match="consent_of_one_person"), transaction.atomic():
        ConsentFactory(
            contact_point=point,
            state="given",
            patient=PatientFactory(),
            related_person=RelatedPersonFactory(),
        )


def test_evidence_is_encrypted(point: ContactPoint) -> None:
    _stop(point, evidence="please no more, canary")
    with connection.cursor() as cursor:
        cursor.execute("SELECT evidence FROM patients_consent")
        assert b"canary" not in bytes(cursor.fetchone()[0])
    assert Consent.objects.get().evidence == "please no more, canary"


# --- What holds ---


def test_nothing_said_is_not_stopped(point: ContactPoint) -> None:
    assert not consent.is_stopped(point.pk, "sms")


@pytest.mark.parametrize(
    ("stopped_channel", "stopped_purpose", "channel", "purpose", "is_stopped"),
    [
        (None, None, "sms", None, True),
        (None, None, "voice", "reminder", True),
        ("sms", None, "sms", None, True),
        ("sms", None, "sms", "reminder", True),
        ("sms", None, "voice", None, False),
        ("sms", "reminder", "sms", "reminder", True),
        ("sms", "reminder", "sms", "survey", False),
        ("sms", "reminder", "sms", None, False),
        (None, "reminder", "voice", "reminder", True),
        (None, "reminder", "voice", None, False),
    ],
)
def test_a_stop_holds_for_its_channel_and_purpose(
    point: ContactPoint,
    stopped_channel: str | None,
    stopped_purpose: str | None,
    channel: str,
    purpose: str | None,
    is_stopped: bool,
    django_assert_num_queries,
) -> None:
    _stop(point, stopped_channel, purpose=stopped_purpose)
    with django_assert_num_queries(1):
        assert consent.is_stopped(point.pk, channel, purpose) is is_stopped


def test_a_stop_is_one_addresss(point: ContactPoint) -> None:
    _stop(point)
    assert not consent.is_stopped(ContactPointFactory().pk, "sms")


def test_the_latest_relevant_row_wins(point: ContactPoint) -> None:
    _stop(point, None)
    ConsentFactory(contact_point=point, state="given", channel="sms", source="form")
    assert not consent.is_stopped(point.pk, "sms")
    assert consent.is_stopped(point.pk, "voice")
    _stop(point, "sms")
    assert consent.is_stopped(point.pk, "sms")


def test_a_yes_for_one_purpose_leaves_the_others_stopped(point: ContactPoint) -> None:
    _stop(point)
    ConsentFactory(
        contact_point=point, state="given", channel="sms", purpose="reminder", source="form"
    )
    assert not consent.is_stopped(point.pk, "sms", "reminder")
    assert consent.is_stopped(point.pk, "sms", "survey")
    assert consent.is_stopped(point.pk, "sms")


def test_what_was_said_first_counts_first_however_late_it_is_worked_on(
    point: ContactPoint,
) -> None:
    now = timezone.now()
    _stop(point, at=now)
    # A START from before the STOP, found by a sweep only now.
    assert _start(point, at=now - timedelta(minutes=1)) == []
    assert consent.is_stopped(point.pk, "sms")
    # And a STOP from before a START that was already obeyed.
    other = ContactPointFactory()
    _stop(other, at=now - timedelta(minutes=9))
    _start(other, at=now)
    _stop(other, at=now - timedelta(minutes=5))
    assert not consent.is_stopped(other.pk, "sms")


# --- STOP and START ---


def test_start_re_enables_what_the_stop_took(point: ContactPoint) -> None:
    _stop(point, None)
    assert len(_start(point)) == 1
    assert not consent.is_stopped(point.pk, "sms")
    assert not consent.is_stopped(point.pk, "voice")


def test_start_by_text_does_not_undo_a_stop_taken_down_by_staff(point: ContactPoint) -> None:
    _stop(point, None, source="staff", evidence="never contact me again")
    _start(point)
    assert not consent.is_stopped(point.pk, "sms")
    assert consent.is_stopped(point.pk, "voice")


def test_start_keeps_to_its_channel(point: ContactPoint) -> None:
    _stop(point, "voice")
    assert _start(point, "sms") == []
    assert consent.is_stopped(point.pk, "voice")


def test_start_takes_back_each_stopped_purpose(point: ContactPoint) -> None:
    _stop(point, "sms", purpose="reminder")
    _stop(point, "sms", purpose="survey")
    _start(point)
    assert not consent.is_stopped(point.pk, "sms", "reminder")
    assert not consent.is_stopped(point.pk, "sms", "survey")


def test_start_without_a_stop_agrees_to_nothing(point: ContactPoint) -> None:
    assert _start(point) == []
    assert not Consent.objects.exists()
    assert consent.standing([point])[point.pk][0].stands is Stands.UNSAID


def test_start_is_not_a_consent_but_brings_one_back(point: ContactPoint) -> None:
    _stop(point)
    _start(point)
    assert consent.standing([point])[point.pk][0].stands is Stands.UNSAID
    patient = PatientFactory()
    actions.give_consent(point, channel="sms", source="form", evidence="signed", patient=patient)
    _stop(point)
    _start(point)
    assert consent.standing([point])[point.pk][0].stands is Stands.GIVEN


def test_a_second_stop_is_on_record_too(point: ContactPoint) -> None:
    _stop(point)
    _stop(point, evidence="I said STOP")
    assert Consent.objects.count() == 2
    _start(point)
    assert not consent.is_stopped(point.pk, "sms")


@pytest.mark.django_db(transaction=True)
def test_a_stop_waits_until_who_is_sending_has_handed_over() -> None:
    point = ContactPointFactory()
    stopped = threading.Event()

    def stop() -> None:
        try:
            _stop(point)
            stopped.set()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            contact_points.lock_for_share(point.pk)
            stopping = pool.submit(stop)
            assert not stopped.wait(0.3)
            assert not consent.is_stopped(point.pk, "sms")  # what the sender goes by
        stopping.result(10)
    assert consent.is_stopped(point.pk, "sms")


def _heard(signal) -> tuple[list[dict], Callable[..., None]]:
    heard: list[dict] = []

    def receiver(**said) -> None:
        heard.append(said)

    signal.connect(receiver)
    return heard, receiver


def test_the_floors_above_hear_of_a_stop_inside_its_transaction(point: ContactPoint) -> None:
    heard, receiver = _heard(signals.contact_point_stopped)
    try:
        row = _stop(point)
    finally:
        signals.contact_point_stopped.disconnect(receiver)
    assert [said["consent"] for said in heard] == [row]


def test_a_stop_that_upstairs_cannot_follow_is_not_recorded(point: ContactPoint) -> None:
    def fails(**said) -> None:
        raise RuntimeError("cannot suppress")

    signals.contact_point_stopped.connect(fails)
    try:
        with pytest.raises(RuntimeError):
            _stop(point)
    finally:
        signals.contact_point_stopped.disconnect(fails)
    assert not Consent.objects.exists()


def test_everybody_on_the_address_is_told_after_commit(
    point: ContactPoint, django_capture_on_commit_callbacks
) -> None:
    one = LinkFactory(contact_point=point).patient
    child = RelatedPersonFactory()
    LinkFactory(contact_point=point, related_person=child)
    heard, receiver = _heard(signals.patients_changed)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            _stop(point)
            assert heard == []
    finally:
        signals.patients_changed.disconnect(receiver)
    assert [said["patient_ids"] for said in heard] == [sorted([one.pk, child.patient_id])]


# --- Consent of a person ---


def test_a_consent_says_who_agreed_and_who_took_it_down(point: ContactPoint) -> None:
    patient, clerk = PatientFactory(), UserFactory()
    row = actions.give_consent(
        point,
        channel="sms",
        source="staff",
        evidence="said yes at the desk",
        patient=patient,
        recorded_by=clerk,
    )
    row = Consent.objects.get(pk=row.pk)
    assert (row.patient, row.recorded_by, row.evidence) == (patient, clerk, "said yes at the desk")
    [standing, *others] = consent.standing([point])[point.pk]
    assert (standing.stands, standing.source, standing.since) == (Stands.GIVEN, "staff", row.at)
    assert [one.channel for one in others] == ["voice", "whatsapp"]
    assert all(one.stands is Stands.UNSAID for one in others)


def test_a_consent_needs_evidence_and_one_person(point: ContactPoint) -> None:
    patient = PatientFactory()
    with pytest.raises(ReasonMissing):
        actions.give_consent(point, channel="sms", source="staff", evidence=" ", patient=patient)
    with pytest.raises(ValueError, match="one person"):
        actions.give_consent(point, channel="sms", source="staff", evidence="yes")


def test_a_consent_does_not_undo_a_stop_unknowingly(point: ContactPoint) -> None:
    said = {"channel": "sms", "source": "form", "evidence": "signed", "patient": PatientFactory()}
    _stop(point)
    with pytest.raises(StillStopped):
        actions.give_consent(point, **said)
    assert consent.is_stopped(point.pk, "sms")
    actions.give_consent(point, **said, after_stop=True)
    assert not consent.is_stopped(point.pk, "sms")


def test_a_merged_record_agrees_to_nothing(point: ContactPoint) -> None:
    merged = PatientFactory(survivor=PatientFactory())
    with pytest.raises(PatientIsMerged):
        actions.give_consent(point, channel="sms", source="form", evidence="signed", patient=merged)


def test_each_leaves_an_audit_event_without_words(point: ContactPoint) -> None:
    clerk = UserFactory()
    row = _stop(point, source="staff", evidence="canary", recorded_by=clerk)
    event = AuditEvent.objects.get(action="consent_changed")
    assert event.actor_id == clerk.pk
    assert event.object_ids == [row.pk]
    assert event.detail["state"] == "stopped"
    assert event.detail["contact_point"] == point.pk
    assert "canary" not in str(event.detail)


# --- The profile's table ---


def test_standing_of_many_is_one_query(django_assert_num_queries) -> None:
    points = [ContactPointFactory() for _ in range(3)] + [ContactPointFactory(email=True)]
    _stop(points[0], None)
    _stop(points[1], "sms", purpose="survey")
    with django_assert_num_queries(1):
        found = consent.standing(points)
    assert [(s.channel, s.stands) for s in found[points[0].pk]] == [
        ("sms", Stands.STOPPED),
        ("voice", Stands.STOPPED),
        ("whatsapp", Stands.STOPPED),
    ]
    assert [(s.channel, s.purpose, s.stands) for s in found[points[1].pk]] == [
        ("sms", None, Stands.UNSAID),
        ("sms", "survey", Stands.STOPPED),
        ("voice", None, Stands.UNSAID),
        ("whatsapp", None, Stands.UNSAID),
    ]
    assert [s.stands for s in found[points[2].pk]] == [Stands.UNSAID] * 3
    assert [s.channel for s in found[points[3].pk]] == ["email"]


@pytest.mark.parametrize("channel", ["sms", "voice"])
def test_standing_and_is_stopped_never_disagree(channel: str) -> None:
    point = ContactPointFactory()
    steps = [("stop", None), ("start", "sms"), ("stop", "voice"), ("start", "voice")]
    for what, on in steps:
        if what == "stop":
            _stop(point, on)
        else:
            _start(point, on)
        [general] = [
            s for s in consent.standing([point])[point.pk]
            if s.channel == channel and s.purpose is None
        ]  # fmt: skip
        assert general.is_stopped is consent.is_stopped(point.pk, channel)
