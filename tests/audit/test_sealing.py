"""The sealer: every committed row gets into one seal, however late it commits."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from hub.audit import sealing
from hub.audit.models import AuditEvent, AuditSeal, UnsealedEvent
from hub.audit.record import AuditAction, record
from hub.audit.sealing import seal, seal_all
from hub.audit.tasks import note_head
from hub.audit.tasks import seal as seal_task
from hub.audit.verification import verify


def sealed_ids() -> list[int]:
    return sorted(
        event_id
        for ids in AuditSeal.objects.values_list("event_ids", flat=True)
        for event_id in ids
    )


def in_thread(pool: ThreadPoolExecutor, do: Any, *args: Any) -> Any:
    """Run on a connection of its own."""

    def work() -> Any:
        try:
            return do(*args)
        finally:
            connection.close()

    return pool.submit(work)


def test_seals_form_a_chain(agent: Any) -> None:
    for _ in range(3):
        record(AuditAction.SIGN_IN, actor=agent)
        seal()
    first, second, third = AuditSeal.objects.order_by("number")
    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert bytes(second.previous) == bytes(first.hmac)
    assert bytes(third.previous) == bytes(second.hmac)
    assert not UnsealedEvent.objects.exists()
    assert verify().findings == []


def test_nothing_new_makes_no_seal(agent: Any) -> None:
    assert seal() is None
    record(AuditAction.SIGN_IN, actor=agent)
    assert seal() is not None
    assert seal() is None
    assert AuditSeal.objects.count() == 1


def test_a_backlog_becomes_several_seals(agent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "ROWS_PER_SEAL", 10)
    for _ in range(25):
        record(AuditAction.SIGN_IN, actor=agent)
    assert seal_all() == 3
    assert sorted(AuditSeal.objects.values_list("count", flat=True)) == [5, 10, 10]
    assert verify().findings == []


def test_the_tasks_may_run_twice(agent: Any) -> None:
    record(AuditAction.SIGN_IN, actor=agent)
    assert seal_task() == 1
    assert seal_task() == 0
    assert note_head() == verify().head != ""


@pytest.mark.django_db(transaction=True)
def test_a_row_that_commits_late_is_sealed_and_leaves_no_gap() -> None:
    actor = get_user_model().objects.create_user("late@example.org", name="Late").pk
    inserted, may_commit = threading.Event(), threading.Event()

    def late() -> int:
        with transaction.atomic():
            event = record(AuditAction.VIEW_PATIENT, actor=actor)
            inserted.set()
            assert may_commit.wait(20)
        return event.pk

    with ThreadPoolExecutor(1) as pool:
        pending = in_thread(pool, late)
        assert inserted.wait(20)
        # Rows with higher ids commit, and are sealed, while the first one hangs.
        early = [record(AuditAction.SIGN_IN, actor=actor).pk for _ in range(5)]
        assert seal() is not None
        assert sealed_ids() == early
        assert verify().findings == []
        may_commit.set()
        late_id = pending.result(20)
    assert late_id < min(early)
    assert seal() is not None
    assert sealed_ids() == [late_id, *early]
    assert verify().findings == []


@pytest.mark.django_db(transaction=True)
def test_rows_rolled_back_leave_no_trace_and_no_alarm() -> None:
    actor = get_user_model().objects.create_user("undo@example.org", name="Undo").pk
    record(AuditAction.SIGN_IN, actor=actor)
    with transaction.atomic():
        record(AuditAction.SIGN_IN, actor=actor)
        transaction.set_rollback(True)
    record(AuditAction.SIGN_IN, actor=actor)
    seal_all()
    assert len(sealed_ids()) == 2
    assert verify().findings == []


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_sealers_at_once() -> None:
    """Each row is in one seal exactly, and the numbers of the seals have no gap."""
    actor = get_user_model().objects.create_user("many@example.org", name="Many").pk
    done = threading.Event()

    def write(seed: int) -> None:
        for n in range(40):
            with transaction.atomic():
                record(AuditAction.SIGN_IN, actor=actor, detail={"writer": seed, "n": n})
                if n % 10 == 7:
                    transaction.set_rollback(True)

    def keep_sealing() -> int:
        made = 0
        while not done.is_set():
            made += seal() is not None
        return made

    with ThreadPoolExecutor(7) as pool:
        sealers = [in_thread(pool, keep_sealing) for _ in range(2)]
        for writer in [in_thread(pool, write, seed) for seed in range(5)]:
            writer.result(60)
        done.set()
        made = sum(sealer.result(60) for sealer in sealers)
    made += seal_all()
    ids = sealed_ids()
    assert len(ids) == len(set(ids)) == 5 * 36
    assert ids == sorted(AuditEvent.objects.values_list("pk", flat=True))
    numbers = list(AuditSeal.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, made + 1))
    assert verify().findings == []


@pytest.mark.django_db(transaction=True)
def test_only_one_sealer_works_at_a_time() -> None:
    actor = get_user_model().objects.create_user("one@example.org", name="One").pk
    record(AuditAction.SIGN_IN, actor=actor)
    holding, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
            holding.set()
            assert may_end.wait(20)

    with ThreadPoolExecutor(1) as pool:
        holder = in_thread(pool, hold)
        assert holding.wait(20)
        assert seal() is None
        may_end.set()
        holder.result(20)
    assert seal() is not None
