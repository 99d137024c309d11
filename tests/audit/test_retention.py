"""The end of old rows: whole seals only, verified first, with a checkpoint left behind."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from hub.audit.models import AuditEvent, AuditSeal
from hub.audit.record import AuditAction, record
from hub.audit.retention import RetentionTooShort, TrailBroken, purge_before
from hub.audit.sealing import seal
from hub.audit.verification import verify
from tests.audit.conftest import triggers_off

AT_ONCE = timedelta(0)


def sealed(agent: Any, rows: int) -> AuditSeal:
    for _ in range(rows):
        record(AuditAction.SIGN_IN, actor=agent)
    made = seal()
    assert made is not None
    return made


@pytest.fixture
def seals(agent: Any) -> list[AuditSeal]:
    return [sealed(agent, rows) for rows in (2, 3, 4)]


def test_old_seals_go_with_their_rows_and_the_rest_verifies(
    agent: Any, seals: list[AuditSeal]
) -> None:
    checkpoint = purge_before(seals[2].at, minimum_age=AT_ONCE)
    assert checkpoint is not None
    assert (checkpoint.purged_through, checkpoint.purged_events) == (2, 5)
    assert AuditEvent.objects.count() == 4
    assert list(AuditSeal.objects.order_by("number").values_list("number", flat=True)) == [3, 4]
    verdict = verify()
    assert (verdict.findings, verdict.events, verdict.purged) == ([], 4, 5)
    sealed(agent, 1)
    assert verify().findings == []


def test_all_of_it_may_go_and_again_later(agent: Any, seals: list[AuditSeal]) -> None:
    assert purge_before(timezone.now(), minimum_age=AT_ONCE).purged_events == 9
    assert AuditEvent.objects.count() == 0
    assert verify().findings == []
    sealed(agent, 2)
    assert purge_before(timezone.now(), minimum_age=AT_ONCE).purged_events == 2
    assert verify().findings == []
    assert [each.kind for each in AuditSeal.objects.all()] == ["checkpoint"]


def test_nothing_old_leaves_no_checkpoint(seals: list[AuditSeal]) -> None:
    assert purge_before(seals[0].at, minimum_age=AT_ONCE) is None
    assert AuditSeal.objects.count() == 3


def test_rows_not_sealed_yet_stay(agent: Any, seals: list[AuditSeal]) -> None:
    record(AuditAction.SIGN_OUT, actor=agent)
    purge_before(timezone.now(), minimum_age=AT_ONCE)
    assert AuditEvent.objects.get().action == "sign_out"
    seal()
    assert verify().findings == []


def test_nothing_goes_before_six_years(seals: list[AuditSeal]) -> None:
    with pytest.raises(RetentionTooShort):
        purge_before(timezone.now() - timedelta(days=6 * 365))
    assert AuditEvent.objects.count() == 9
    assert purge_before(timezone.now() - timedelta(days=6 * 366 + 1)) is None


def test_evidence_of_tampering_is_not_purged_away(seals: list[AuditSeal]) -> None:
    with triggers_off() as cursor:
        cursor.execute("DELETE FROM audit_auditevent WHERE id = %s", [seals[0].event_ids[0]])
    with pytest.raises(TrailBroken, match="was dropped"), transaction.atomic():
        purge_before(seals[2].at, minimum_age=AT_ONCE)
    assert AuditSeal.objects.count() == 3
    assert AuditEvent.objects.count() == 8


def test_the_door_is_closed_again_within_the_same_transaction(seals: list[AuditSeal]) -> None:
    with transaction.atomic():
        purge_before(seals[2].at, minimum_age=AT_ONCE)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('hub.audit_maintenance', true)")
        assert not cursor.fetchone()[0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditseal SET purged_through = 3 WHERE number = 4",
        "UPDATE audit_auditseal SET purged_events = 0 WHERE number = 4",
        "UPDATE audit_auditseal SET purged_link = sha256('x') WHERE number = 4",
        "DELETE FROM audit_auditseal WHERE number = 4",
        "DELETE FROM audit_auditseal WHERE number = 3",
        "UPDATE audit_auditseal SET previous = sha256('x') WHERE number = 3",
    ],
)
def test_a_checkpoint_cannot_be_forged_or_stretched(seals: list[AuditSeal], statement: str) -> None:
    purge_before(seals[2].at, minimum_age=AT_ONCE)
    assert verify().findings == []
    with triggers_off() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount == 1
    assert verify().findings != []


def test_a_head_noted_before_a_purge_is_not_missed_after_it(seals: list[AuditSeal]) -> None:
    head = verify().head
    purge_before(timezone.now(), minimum_age=AT_ONCE)
    assert verify(head).findings == []
