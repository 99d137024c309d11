"""What an auditor gets: all of a patient's and a person's events, as CSV that does no harm."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.evidence import events_of_patient, events_of_user
from hub.audit.management.commands.audit_report import harmless
from hub.audit.models import AuditEvent
from hub.audit.origin import Origin
from hub.audit.record import AuditAction, record
from hub.conversations.models import Conversation
from patients.models import Patient
from tests.factories import ContactPointFactory, DepartmentFactory, PatientFactory, UserFactory


def conversation_of(patient: Patient) -> Conversation:
    return Conversation.objects.create(
        patient=patient,
        department=DepartmentFactory(),
        contact_point=ContactPointFactory(),
        channel="sms",
        opened_at=timezone.now(),
        last_entry_at=timezone.now(),
    )


def report(**options: Any) -> list[dict[str, str]]:
    out = StringIO()
    call_command("audit_report", stdout=out, **options)
    return list(csv.DictReader(StringIO(out.getvalue())))


def test_a_patients_events_include_lists_and_conversations_that_showed_them(agent: Any) -> None:
    patient, other = PatientFactory(), PatientFactory()
    mine, theirs = conversation_of(patient), conversation_of(other)
    wanted = [
        record(AuditAction.VIEW_PATIENT, actor=agent, patient=patient),
        record(AuditAction.SEARCH, actor=agent, objects=[other, patient]),
        record(AuditAction.VIEW_CONVERSATION, actor=agent, conversation=mine),
        record(AuditAction.VIEW_LIST, actor=agent, objects=[theirs, mine]),
    ]
    record(AuditAction.VIEW_PATIENT, actor=agent, patient=other)
    record(AuditAction.VIEW_LIST, actor=agent, objects=[theirs])
    # The same numbers, but of another kind of thing.
    record(AuditAction.VIEW_LIST, actor=agent, objects=[patient.pk], kind="staff.Department")
    found = events_of_patient(patient, conversations=[mine.pk])
    assert [each.pk for each in found] == [each.pk for each in reversed(wanted)]


def test_a_persons_events(agent: Any) -> None:
    events = [record(AuditAction.SIGN_IN, actor=agent) for _ in range(2)]
    record(AuditAction.SIGN_IN, actor=UserFactory())
    assert list(events_of_user(agent)) == events[::-1]


def test_the_report_of_a_patient_follows_merges_and_records_itself(agent: Any) -> None:
    survivor = PatientFactory()
    merged = PatientFactory(survivor=survivor)
    merged_before = PatientFactory(survivor=merged)
    conversation = conversation_of(merged)
    origin = Origin("192.0.2.7", "req-1", "feed")
    for patient in (survivor, merged, merged_before):
        record(AuditAction.VIEW_PATIENT, actor=agent, patient=patient, origin=origin, why="asked")
    record(AuditAction.LEAVE_CONVERSATION, actor=agent, conversation=conversation,
           detail={"last_number": 4})  # fmt: skip
    rows = report(patient=str(survivor.uuid))
    assert [row["action"] for row in rows] == [
        "view_audit", "leave_conversation", "view_patient", "view_patient", "view_patient",
    ]  # fmt: skip
    assert rows[1]["detail"] == "last_number=4"
    assert rows[-1]["who"] == agent.email
    assert (rows[-1]["ip"], rows[-1]["session"], rows[-1]["why"]) == ("192.0.2.7", "feed", "asked")
    assert AuditEvent.objects.filter(action="view_audit", patient_id=survivor.pk).count() == 1


def test_the_report_of_a_person_between_two_days(agent: Any) -> None:
    now = timezone.now()
    record(AuditAction.SIGN_IN, actor=agent)
    today, tomorrow = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    assert [row["action"] for row in report(user=agent.email.upper(), since=today)] == ["sign_in"]
    assert len(report(user=agent.email, since=today, until=today)) == 1
    assert report(user=agent.email, since=tomorrow) == []
    assert report(user=agent.email, until=now.isoformat()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"user": "nobody@example.org"},
        {"patient": "00000000-0000-0000-0000-000000000000"},
        {"user": "agent.audit@example.org", "since": "yesterday"},
        {"user": "agent.audit@example.org", "since": "2026-02-31"},
    ],
)
def test_a_wrong_question_is_answered_in_words(agent: Any, options: dict[str, str]) -> None:
    with pytest.raises(CommandError):
        report(**options)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "sign", ["=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＠", "|", "%"]
)
def test_a_reason_is_no_formula(agent: Any, sign: str) -> None:
    why = f'{sign}HYPERLINK("http://example.org","x")'
    record(AuditAction.BREAK_GLASS, actor=agent, why=why)
    assert report(user=agent.email)[0]["why"] == f"'{why}"


@given(st.text())
def test_a_cell_keeps_its_text(text: str) -> None:
    assert harmless(text) in (text, f"'{text}")
    assert harmless(text)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
