"""What those who wait are told: their place, and how long it may take. Read by index alone."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.routing import capacity, dispatcher, queue, waits
from hub.routing.dispatch import offer_next
from hub.routing.models import ChannelRules, QueueEntry
from hub.staff.models import Department
from tests.factories import DepartmentFactory
from tests.routing.conftest import later

pytestmark = pytest.mark.django_db


def test_the_place_is_that_in_the_line_of_the_channel(department, callers, chats) -> None:
    third, first, second = callers(ago=5), callers(ago=50), callers(ago=20)
    chats(ago=100)
    assert [waits.outlook(one).place for one in (first, second, third)] == [1, 2, 3]
    QueueEntry.objects.filter(pk=third.pk).update(priority=10)
    third.refresh_from_db()
    assert [waits.outlook(one).place for one in (third, first, second)] == [1, 2, 3]
    queue.withdraw(third.conversation, at=timezone.now())
    assert waits.outlook(third).place is None
    assert waits.outlook(third).seconds is None
    assert waits.outlook(second).place == 2


def test_a_callback_counts_once_its_time_has_come(department, callers) -> None:
    asked = callers(ago=50)
    with transaction.atomic():
        back = queue.call_back(asked.conversation, at=timezone.now(), not_before=later(60))
    caller = callers()
    assert waits.outlook(caller).place == 1
    assert waits.outlook(caller, later(61)).place == 2
    assert waits.outlook(back, later(61)).place == 1


def answered_after(department: Department, seconds: list[int], *, ago: int = 60) -> None:
    """Callers who waited so long and were answered a minute ago."""
    some = QueueEntry.objects.filter(department=department).first()
    assert some is not None
    ended = timezone.now() - timedelta(seconds=ago)
    QueueEntry.objects.bulk_create(
        QueueEntry(
            conversation=some.conversation,
            department=department,
            channel="voice",
            entered_at=ended - timedelta(seconds=one),
            place_since=ended - timedelta(seconds=one),
            ended_at=ended,
            outcome="accepted",
        )
        for one in seconds
    )


def test_the_estimate_is_what_the_others_waited_less_what_one_has(
    department, agent, callers
) -> None:
    wait = callers(ago=40)
    assert waits.outlook(wait).seconds is None, "nobody was answered yet"
    answered_after(department, [100, 140], ago=3 * 3600)
    assert waits.outlook(wait).seconds is None, "too long ago to tell anything"
    answered_after(department, [100, 140])
    now = timezone.now()
    assert waits.outlook(wait, now).seconds == pytest.approx(80, abs=1)
    assert waits.outlook(wait, now + timedelta(seconds=90)).seconds == pytest.approx(10, abs=1)
    assert waits.outlook(wait, now + timedelta(seconds=900)).seconds is None
    someone = agent()
    assert waits.outlook(wait).seconds == 0, "somebody is free"
    capacity.occupy(someone.pk)
    assert waits.outlook(wait).seconds != 0


def test_how_many_wait_and_since_when(department, callers, chats) -> None:
    assert waits.longest_wait(department.pk, "voice") is None
    first = callers(ago=50)
    callers(ago=20)
    chats(ago=100)
    left = callers(ago=200)
    queue.abandon(left.conversation, at=timezone.now())
    assert waits.waiting_count(department.pk, "voice") == 2
    assert waits.longest_wait(department.pk, "voice") == first.place_since
    assert not waits.is_full(department.pk, "voice")
    ChannelRules.objects.create(department=department, channel="voice", offers=True, most_waiting=2)
    assert waits.is_full(department.pk, "voice")


# --- With years of history ---


@pytest.fixture
def years_of_history(department: Department, callers: Any) -> QueueEntry:
    """A hundred thousand waits that are over, a thousand texts that wait, and one caller."""
    wait: QueueEntry = callers()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO routing_queueentry (uuid, conversation_id, department_id, channel, "
            "priority, entered_at, place_since, ended_at, outcome) SELECT gen_random_uuid(), %s, "
            "%s, CASE n %% 2 WHEN 0 THEN 'voice' ELSE 'chat' END, 0, at, at, at + interval '90 s', "
            "CASE n %% 5 WHEN 0 THEN 'abandoned' ELSE 'accepted' END "
            "FROM generate_series(1, 100000) n, "
            "LATERAL (SELECT now() - n * interval '5 min') t(at)",
            [wait.conversation_id, department.pk],
        )
        cursor.execute(
            "WITH made AS (INSERT INTO conversations_conversation (uuid, identity, department_id, "
            "status, priority, last_number, revision, channel, contact_point_id, "
            "last_message_number, last_entry_at, opened_at, resolution) SELECT gen_random_uuid(), "
            "'unknown', %s, 'open', 0, 0, 0, 'sms', %s, 0, now(), now(), '' "
            "FROM generate_series(1, 1000) RETURNING id) "
            "INSERT INTO routing_queueentry (uuid, conversation_id, department_id, channel, "
            "priority, entered_at, place_since, outcome) "
            "SELECT gen_random_uuid(), id, %s, 'sms', 0, now(), now(), '' FROM made",
            [DepartmentFactory().pk, wait.conversation.contact_point_id, department.pk],
        )
        cursor.execute("ANALYZE routing_queueentry")
        cursor.execute("ANALYZE conversations_conversation")
    return wait


def plans(sql: str) -> Iterator[dict[str, Any]]:
    """The nodes of a statement's plan."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
        found = cursor.fetchone()[0]
    stack = [one["Plan"] for one in (json.loads(found) if isinstance(found, str) else found)]
    while stack:
        node = stack.pop()
        stack += node.get("Plans", [])
        yield node


READERS: dict[str, Callable[[QueueEntry], object]] = {
    "outlook": waits.outlook,
    "waiting_count": lambda wait: waits.waiting_count(wait.department_id, "voice"),
    "longest_wait": lambda wait: waits.longest_wait(wait.department_id, "voice"),
    "departments_with_waits": lambda wait: dispatcher.departments_with_waits(timezone.now()),
    "offer_next": lambda wait: offer_next(wait.department_id),
}


@pytest.mark.parametrize("name", READERS)
def test_nothing_is_read_from_end_to_end(name: str, years_of_history: QueueEntry) -> None:
    with CaptureQueriesContext(
        connection,
    ) as seen:
        READERS[name](years_of_history)
    asked = [one["sql"] for one in seen if '"routing_queueentry"' in one["sql"]]
    asked = [sql for sql in asked if sql.startswith("SELECT")]
    assert asked
    for sql in asked:
        for node in plans(sql):
            if node.get("Relation Name") == "routing_queueentry":
                assert node["Node Type"] != "Seq Scan", sql
                # The waits that are open, or the last few that were answered.
                assert node["Actual Rows"] * node["Actual Loops"] <= 1100, (node, sql)
                assert node.get("Rows Removed by Filter", 0) <= 1100, (node, sql)


def test_a_second_in_which_nothing_is_to_be_done_costs_little(
    years_of_history: QueueEntry, django_assert_max_num_queries: Any
) -> None:
    queue.withdraw(years_of_history.conversation, at=timezone.now())
    with django_assert_max_num_queries(6):
        assert dispatcher.dispatch() == 0
