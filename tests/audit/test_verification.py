"""Tampering by somebody who owns the database: each kind is found, and where it is."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from hub.audit.models import AuditEvent, AuditSeal
from hub.audit.record import AuditAction, record
from hub.audit.sealing import seal
from hub.audit.verification import Finding, verify
from tests.audit.conftest import triggers_off

COLUMNS = (
    "uuid, actor_id, action, object_kind, object_ids, patient_id, conversation_id, at, ip, "
    "request_id, session, why, detail, hmac"
)


@pytest.fixture
def rows(agent: Any) -> list[int]:
    """Three seals of three rows each; the fifth row is about patient 105."""
    ids = []
    for number in range(9):
        event = record(
            AuditAction.VIEW_PATIENT,
            actor=agent,
            patient=101 + number,
            conversation=201 + number,
            objects=[1, 2, 3],
            kind="patients.Patient",
            why=f"reason {number}",
            detail={"n": number},
        )
        ids.append(event.pk)
        if number % 3 == 2:
            seal()
    verdict = verify()
    assert (verdict.seals, verdict.events, verdict.findings) == (3, 9, [])
    return ids


def tamper(statement: str, *values: Any) -> list[Finding]:
    with triggers_off() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount
    return verify().findings


def places(findings: list[Finding]) -> list[tuple[int | None, int | None]]:
    return [(finding.seal, finding.row) for finding in findings]


@pytest.mark.parametrize(
    "change",
    [
        "action = 'search'",
        "actor_id = NULL",
        "patient_id = 999",
        "patient_id = NULL",
        "conversation_id = 999",
        "object_kind = 'staff.User'",
        "object_ids = '{1,2}'",
        "object_ids = '{3,2,1}'",
        "at = at + interval '1 microsecond'",
        "ip = '192.0.2.1'",
        "request_id = 'other'",
        "session = 'other'",
        "why = ''",
        r"why = overlay(why placing '\x00' from 40)",
        "why = (SELECT o.why FROM audit_auditevent o WHERE o.id = e.id + 1)",
        """detail = '{"n": 5}'""",
        "uuid = gen_random_uuid()",
        "hmac = (SELECT o.hmac FROM audit_auditevent o WHERE o.id = e.id + 1)",
    ],
)
def test_a_changed_row_is_named(rows: list[int], change: str) -> None:
    findings = tamper(f"UPDATE audit_auditevent e SET {change} WHERE id = %s", rows[4])  # noqa: S608
    assert places(findings) == [(2, rows[4])]
    assert "changed" in findings[0].what


def test_a_dropped_row_is_named(rows: list[int]) -> None:
    findings = tamper("DELETE FROM audit_auditevent WHERE id = %s", rows[4])
    assert places(findings) == [(2, rows[4])]
    assert "dropped" in findings[0].what


def test_swapped_rows_are_named(rows: list[int]) -> None:
    """Both rows are genuine, only not under their own ids."""
    findings = tamper(
        "UPDATE audit_auditevent SET id = CASE id WHEN %s THEN -1 ELSE %s END WHERE id IN (%s, %s)",
        rows[3], rows[3], rows[3], rows[5],
    )  # fmt: skip
    assert (2, rows[5]) in places(findings)
    findings = tamper("UPDATE audit_auditevent SET id = %s WHERE id = -1", rows[5])
    assert places(findings) == [(2, rows[3]), (2, rows[5])]
    assert all("swapped" in finding.what for finding in findings)


def test_a_row_inserted_behind_the_sealers_back_is_named(rows: list[int]) -> None:
    findings = tamper(
        f"INSERT INTO audit_auditevent (id, {COLUMNS}) "  # noqa: S608
        "SELECT 1000000, gen_random_uuid(), actor_id, action, object_kind, object_ids, patient_id, "
        "conversation_id, at, ip, request_id, session, '', detail, hmac "
        "FROM audit_auditevent WHERE id = %s",
        rows[0],
    )
    assert places(findings) == [(None, 1_000_000)]
    assert "no seal" in findings[0].what


def test_a_forged_row_that_the_sealer_sealed_is_named(rows: list[int]) -> None:
    """Inserted with the triggers on, it is sealed like any other; its HMAC gives it away."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO audit_auditevent ({COLUMNS}) "  # noqa: S608
            "SELECT gen_random_uuid(), actor_id, action, object_kind, object_ids, 666, "
            "conversation_id, at, ip, request_id, session, '', detail, hmac "
            "FROM audit_auditevent WHERE id = %s RETURNING id",
            [rows[0]],
        )
        forged = cursor.fetchone()[0]
    assert places(verify().findings) == [(None, forged)]
    seal()
    assert places(verify().findings) == [(4, forged)]


def test_a_genuine_row_inserted_twice_is_named(rows: list[int]) -> None:
    with triggers_off() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'u' "
            "AND conrelid = 'audit_auditevent'::regclass"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE audit_auditevent DROP CONSTRAINT {name}")
        cursor.execute(
            f"INSERT INTO audit_auditevent (id, {COLUMNS}) "  # noqa: S608
            f"SELECT 1000000, {COLUMNS} FROM audit_auditevent WHERE id = %s",
            [rows[0]],
        )
        cursor.execute("INSERT INTO audit_unsealedevent VALUES (1000000)")
    seal()
    findings = verify().findings
    assert places(findings) == [(None, 1_000_000)]
    assert "copy" in findings[0].what


SEAL_CHANGES: dict[str, tuple[str, int]] = {
    "its moment": ("UPDATE audit_auditseal SET at = at - interval '1 day' WHERE number = 2", 2),
    "its count": ("UPDATE audit_auditseal SET count = 2 WHERE number = 2", 2),
    "its rows": ("UPDATE audit_auditseal SET event_ids = event_ids[1:2] WHERE number = 2", 2),
    "its root": ("UPDATE audit_auditseal SET root = sha256('x') WHERE number = 2", 2),
    "its marks": ("UPDATE audit_auditseal SET marks = sha256('x') WHERE number = 2", 2),
    "its link": ("UPDATE audit_auditseal SET previous = sha256('x') WHERE number = 2", 2),
    "its kind": ("UPDATE audit_auditseal SET kind = 'checkpoint' WHERE number = 2", 2),
    "its hmac": ("UPDATE audit_auditseal SET hmac = sha256('x') WHERE number = 2", 2),
    "its being there": ("DELETE FROM audit_auditseal WHERE number = 2", 3),
    "the first one": ("DELETE FROM audit_auditseal WHERE number = 1", 2),
    "a false checkpoint": (
        "UPDATE audit_auditseal SET purged_through = 1, purged_events = 3 WHERE number = 3", 3
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", SEAL_CHANGES)
def test_a_changed_seal_is_named(rows: list[int], what: str) -> None:
    statement, number = SEAL_CHANGES[what]
    assert number in [finding.seal for finding in tamper(statement)]


def test_rows_and_their_seal_dropped_together_are_noticed(rows: list[int]) -> None:
    with triggers_off() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = ANY(%s)", [rows[3:6]])
    findings = tamper("DELETE FROM audit_auditseal WHERE number = 2")
    assert places(findings) == [(3, None)]
    assert "2 to 2" in findings[0].what


def test_a_row_dropped_before_it_was_sealed_is_named(rows: list[int], agent: Any) -> None:
    pending = record(AuditAction.SIGN_OUT, actor=agent).pk
    findings = tamper("DELETE FROM audit_auditevent WHERE id = %s", pending)
    assert places(findings) == [(None, pending)]
    seal()
    assert places(verify().findings) == [(None, pending)], "the sealer must not wipe the trace away"


def test_a_row_changed_before_it_was_sealed_is_named(rows: list[int], agent: Any) -> None:
    pending = record(AuditAction.SIGN_OUT, actor=agent).pk
    assert places(tamper("UPDATE audit_auditevent SET patient_id = 1 WHERE id = %s", pending)) == [
        (None, pending)
    ]


def test_a_cut_off_end_is_noticed_by_a_head_noted_elsewhere(rows: list[int]) -> None:
    head = verify().head
    with triggers_off() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = ANY(%s)", [rows[6:]])
        cursor.execute("DELETE FROM audit_auditseal WHERE number = 3")
    assert verify().findings == [], "the database alone cannot tell; that is why heads are noted"
    findings = verify(head).findings
    assert len(findings) == 1
    assert "cut off" in findings[0].what


def test_a_rewritten_end_is_noticed_by_a_head_noted_elsewhere(rows: list[int], agent: Any) -> None:
    head = verify().head
    with triggers_off() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = ANY(%s)", [rows[6:]])
        cursor.execute("DELETE FROM audit_auditseal WHERE number = 3")
    record(AuditAction.SIGN_OUT, actor=agent)
    seal()
    assert places(verify(head).findings) == [(3, None)]


def test_a_noted_head_stays_good_as_the_trail_grows(rows: list[int], agent: Any) -> None:
    head = verify().head
    record(AuditAction.SIGN_OUT, actor=agent)
    seal()
    assert verify(head).findings == []
    assert verify("nonsense").findings != []


def test_another_audit_key_verifies_nothing(rows: list[int], settings) -> None:
    settings.AUDIT_KEY = b"another key of thirty-two bytes!"
    assert len(verify().findings) >= 9


def command(**options: Any) -> tuple[str, str, int]:
    """What it prints, what it complains of, and its exit code."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("verify_audit", stdout=out, stderr=err, **options)
    except CommandError as error:
        code = error.returncode
    return out.getvalue(), err.getvalue(), code


def test_the_command_counts_and_fails(rows: list[int], agent: Any) -> None:
    record(AuditAction.SIGN_OUT, actor=agent)
    out, err, code = command()
    assert code == 0
    assert "3 seals, 9 sealed rows, 1 waiting" in out
    assert err == ""
    tamper("UPDATE audit_auditevent SET patient_id = 1 WHERE id = %s", rows[4])
    out, err, code = command(head=verify().head)
    assert code == 1
    assert f"seal 2, row {rows[4]}: was changed" in err


def test_the_check_covers_every_column() -> None:
    """A column added later must get into the HMAC: this fails until somebody thinks of it."""
    covered = {column.strip() for column in COLUMNS.split(",")} | {"id"}
    assert {f.column for f in AuditEvent._meta.concrete_fields} == covered
    assert {f.column for f in AuditSeal._meta.concrete_fields} == {
        "number", "kind", "at", "event_ids", "count", "root", "marks", "previous",
        "purged_through", "purged_events", "purged_link", "hmac",
    }  # fmt: skip


def test_reading_is_all_that_verifying_does(
    rows: list[int], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    with django_assert_max_num_queries(12) as queries:
        verify()
    assert all(q["sql"].lstrip().startswith(("SELECT", "DECLARE")) for q in queries)
