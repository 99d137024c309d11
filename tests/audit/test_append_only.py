"""The triggers: no statement changes the trail, unless its own keepers say why."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from hub.audit.models import AuditEvent, AuditSeal
from hub.audit.record import AuditAction, record
from hub.audit.sealing import seal

STATEMENTS = [
    "UPDATE audit_auditevent SET action = 'sign_out'",
    "UPDATE audit_auditevent SET why = ''",
    "UPDATE audit_auditevent SET actor_id = NULL",
    "DELETE FROM audit_auditevent",
    "TRUNCATE audit_auditevent",
    "TRUNCATE audit_auditevent CASCADE",
    "UPDATE audit_auditseal SET at = now()",
    "DELETE FROM audit_auditseal",
    "TRUNCATE audit_auditseal",
]


@pytest.fixture
def trail(agent: Any) -> None:
    record(AuditAction.SIGN_IN, actor=agent, why="because")
    assert seal() is not None


def run(statement: str, settings: dict[str, str]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for name, value in settings.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        # Else it would be a pending check of a foreign key that refuses TRUNCATE.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement)


def refused(statement: str, settings: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run(statement, settings)
    assert AuditEvent.objects.count() == 1
    assert AuditSeal.objects.count() == 1


@pytest.mark.parametrize("statement", STATEMENTS)
def test_no_statement_changes_the_trail(trail: None, statement: str) -> None:
    refused(statement, {})


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if "DELETE" not in each])
def test_retention_may_delete_and_no_more(trail: None, statement: str) -> None:
    refused(statement, {"hub.audit_maintenance": "retention"})


@pytest.mark.parametrize("statement", [each for each in STATEMENTS if "SET why" not in each])
def test_rotation_may_change_the_ciphertext_and_no_more(trail: None, statement: str) -> None:
    refused(statement, {"hub.reencrypting": "on"})


def test_the_orm_is_refused_like_everybody(trail: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.update(action="sign_out")
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.all().delete()
