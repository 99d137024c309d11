"""What a recorded row holds, what it costs, and what it refuses."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.test.utils import CaptureQueriesContext

from hub.audit.models import AppendOnly, AuditEvent
from hub.audit.origin import Origin, use_origin
from hub.audit.record import AuditAction, DetailNotIds, MixedObjects, record
from hub.staff.models import Department


def test_a_row_holds_all_of_it(agent: Any) -> None:
    departments = [Department.objects.create(name=f"D{n}", slug=f"d{n}") for n in range(3)]
    thread = uuid4()
    with use_origin(Origin(ip="192.0.2.7", request_id="req-1", session="feed")):
        event = record(
            AuditAction.VIEW_LIST,
            actor=agent,
            patient=12,
            conversation=34,
            objects=departments,
            why="Called about the results.",
            detail={"list": "mine", "last_number": 41, "thread": thread, "pages": [1, 2]},
        )
    row = AuditEvent.objects.get(pk=event.pk)
    assert row.actor == agent
    assert row.action == "view_list"
    assert (row.patient_id, row.conversation_id) == (12, 34)
    assert row.object_kind == "staff.Department"
    assert row.object_ids == [each.pk for each in departments]
    assert (row.ip, row.request_id, row.session) == ("192.0.2.7", "req-1", "feed")
    assert row.why == "Called about the results."
    assert row.detail == {
        "list": "mine",
        "last_number": 41,
        "thread": str(thread),
        "pages": [1, 2],
    }


def test_recording_is_one_statement(agent: Any) -> None:
    with CaptureQueriesContext(connection) as queries:
        record(AuditAction.VIEW_PATIENT, actor=agent, patient=1, conversation=2, why="because")
    assert [query["sql"].split()[0] for query in queries.captured_queries] == ["INSERT"]


@pytest.mark.parametrize("nobody", [None, AnonymousUser()])
def test_somebody_unknown_has_no_actor(db: None, nobody: Any) -> None:
    event = record(AuditAction.SIGN_IN_FAILED, actor=nobody)
    assert AuditEvent.objects.get(pk=event.pk).actor is None


def test_the_reason_is_not_in_the_table(agent: Any) -> None:
    record(AuditAction.BREAK_GLASS, actor=agent, patient=1, why="canary-overdose-4711")
    with connection.cursor() as cursor:
        cursor.execute("SELECT e::text, e.why FROM audit_auditevent e")
        text, why = cursor.fetchone()
    assert "canary" not in text
    assert b"canary" not in bytes(why)
    assert b"canary".hex() not in text


def test_it_is_rolled_back_with_what_it_tells_of(agent: Any) -> None:
    class Change(Exception):
        pass

    def change() -> None:
        with transaction.atomic():
            record(AuditAction.EDIT_PATIENT, actor=agent, patient=1)
            raise Change

    with pytest.raises(Change):
        change()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "detail",
    [
        {"name": "Ada Lovelace"},
        {"note": "chest pain since Monday"},
        {"phone": "+15550100142"},
        {"mail": "ada@example.org"},
        {"long": "x" * 65},
        {"deep": [{"words": "two words"}]},
        {"two words": 1},
        {"share": 0.5},
        {"moment": object()},
    ],
)
def test_words_are_refused_as_detail(agent: Any, detail: dict[str, Any]) -> None:
    with pytest.raises(DetailNotIds) as refused:
        record(AuditAction.VIEW_PATIENT, actor=agent, detail=detail)
    assert "Lovelace" not in str(refused.value)
    assert not AuditEvent.objects.exists()


def test_objects_are_of_one_kind(agent: Any) -> None:
    department = Department.objects.create(name="D", slug="d")
    with pytest.raises(MixedObjects):
        record(AuditAction.VIEW_LIST, actor=agent, objects=[department, agent])
    with pytest.raises(MixedObjects):
        record(AuditAction.VIEW_LIST, actor=agent, objects=[1, 2])
    event = record(AuditAction.VIEW_LIST, actor=agent, objects=[1, 2], kind="patients.Patient")
    assert AuditEvent.objects.get(pk=event.pk).object_ids == [1, 2]


def test_an_unknown_action_is_refused(agent: Any) -> None:
    with pytest.raises(ValueError, match="looked_around"):
        record("looked_around", actor=agent)  # type: ignore[arg-type]


def test_rows_cannot_be_changed_or_deleted_by_the_model(agent: Any) -> None:
    event = record(AuditAction.SIGN_IN, actor=agent)
    event.action = "sign_out"
    with pytest.raises(AppendOnly):
        event.save()
    with pytest.raises(AppendOnly):
        event.delete()


def test_somebody_who_did_something_cannot_be_deleted(agent: Any) -> None:
    record(AuditAction.SIGN_IN, actor=agent)
    with pytest.raises(ProtectedError):
        agent.delete()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute("DELETE FROM staff_user WHERE id = %s", [agent.pk])
