"""The inbox lists: whose, in which order, page by page, and at what cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.conversations import lists
from hub.conversations.actions import holder
from hub.conversations.actions.drafts import mark_read
from hub.conversations.actions.receive import receive
from hub.conversations.models import Channel, Conversation
from hub.staff.models import Department, User
from patients.models import ContactPoint, Patient
from tests.conversations import crowd
from tests.conversations.plans import plans_of
from tests.factories import (
    ContactPointFactory,
    DepartmentFactory,
    HubAddressFactory,
    PatientFactory,
    UserFactory,
    inbound,
)

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Inbox:
    """A person of two departments, and a department that they do not belong to."""

    def __init__(self) -> None:
        self.departments: list[Department] = [DepartmentFactory() for _ in range(3)]
        self.user: User = UserFactory(departments=self.departments[:2], name="Ada Lovelace")
        self.other: User = UserFactory(departments=self.departments, name="Ben Other")
        self.point: ContactPoint = ContactPointFactory(value="+15550100142")

    def add(self, department: int = 0, **fields: Any) -> Conversation:
        status = fields.get("status", "open")
        if status == "resolved":
            fields.setdefault("resolved_at", NOON)
        if status == "snoozed":
            fields.setdefault("snoozed_until", NOON)
        return Conversation.objects.create(
            department=self.departments[department],
            channel=Channel.SMS,
            contact_point=self.point,
            opened_at=NOON,
            last_entry_at=fields.pop("last_entry_at", NOON),
            **fields,
        )

    def ids(self, name: str, **options: Any) -> list[int]:
        return [row.id for row in lists.page_of(name, self.user, **options).rows]


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def test_what_is_due_first_comes_first(inbox: Inbox) -> None:
    minute = timedelta(minutes=1)
    answered = inbox.add(status="waiting", waiting_since=None)
    short = inbox.add(1, waiting_since=NOON - minute)
    long = inbox.add(0, waiting_since=NOON - 9 * minute)
    urgent = inbox.add(1, waiting_since=NOON, priority=10)
    assert inbox.ids("team") == [urgent.pk, long.pk, short.pk, answered.pk]
    late, soon = (
        inbox.add(status="snoozed", snoozed_until=NOON + 2 * minute),
        inbox.add(1, status="snoozed", snoozed_until=NOON + minute),
    )
    assert inbox.ids("snoozed") == [soon.pk, late.pk]
    old, new = (
        inbox.add(status="resolved", resolved_at=NOON - minute),
        inbox.add(1, status="resolved", resolved_at=NOON),
    )
    assert inbox.ids("resolved") == [new.pk, old.pk]


def test_whose_lists_they_are(inbox: Inbox) -> None:
    mine, free = inbox.add(holder=inbox.user), inbox.add()
    theirs = inbox.add(1, holder=inbox.other)
    elsewhere = inbox.add(2)
    held_elsewhere = inbox.add(2, holder=inbox.user)
    snoozed_elsewhere = inbox.add(2, holder=inbox.user, status="snoozed")
    assert set(inbox.ids("mine")) == {mine.pk, held_elsewhere.pk}
    assert set(inbox.ids("team")) == {mine.pk, free.pk, theirs.pk}
    assert inbox.ids("unassigned") == [free.pk]
    assert inbox.ids("snoozed") == [snoozed_elsewhere.pk]
    assert inbox.ids("team", department_id=inbox.departments[1].pk) == [theirs.pk]
    assert inbox.ids("team", department_id=inbox.departments[2].pk) == []
    assert elsewhere.pk not in {pk for name in lists.NAMES for pk in inbox.ids(name)}


@pytest.mark.parametrize("name", lists.NAMES)
def test_nobody_without_content_has_lists(inbox: Inbox, name: str) -> None:
    inbox.add(status="open")
    for user in (
        UserFactory(departments=inbox.departments, administrator=True),
        UserFactory(departments=inbox.departments, is_active=False),
    ):
        assert lists.page_of(name, user) == lists.Page((), None)
        assert lists.counts(user) == lists.Counts(0, 0, 0, 0, 0)


# Few different times, so that many rows have the same: the places where a page can end.
_moments = st.one_of(st.none(), st.integers(0, 3).map(lambda n: NOON + timedelta(seconds=n)))
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "department": st.integers(0, 2),
            "status": st.sampled_from(["open", "waiting", "snoozed", "resolved"]),
            "held": st.sampled_from([None, "user", "other"]),
            "priority": st.sampled_from([0, 10]),
            "at": _moments,
        }
    ),
    max_size=14,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=_rows, limit=st.integers(1, 4))
def test_pages_together_are_the_list(inbox: Inbox, rows: list[dict[str, Any]], limit: int) -> None:
    """Page by page, each conversation comes once, in the order of the list."""
    Conversation.objects.all().delete()
    for row in rows:
        status, at = row["status"], row["at"]
        held = {"user": inbox.user, "other": inbox.other, None: None}[row["held"]]
        inbox.add(
            row["department"],
            status=status,
            priority=row["priority"],
            holder=None if status == "resolved" else held,
            waiting_since=at if status == "open" else None,
            snoozed_until=(at or NOON) if status == "snoozed" else None,
            resolved_at=(at or NOON) if status == "resolved" else None,
        )
    for name in lists.NAMES:
        found: list[int] = []
        after = None
        while True:
            page = lists.page_of(name, inbox.user, after, limit)
            found += [row.id for row in page.rows]
            assert len(page.rows) <= limit
            if (after := page.after) is None:
                break
        assert found == _expected(name, inbox)
    counted = lists.counts(inbox.user)
    assert (counted.mine, counted.team, counted.unassigned, counted.snoozed) == tuple(
        len(_expected(name, inbox)) for name in ("mine", "team", "unassigned", "snoozed")
    )


def _expected(name: str, inbox: Inbox) -> list[int]:
    """The list as one would write it down in words, over all rows at once."""
    ours = {department.pk for department in inbox.departments[:2]}
    far = datetime(9999, 1, 1, tzinfo=UTC)

    def is_in(one: Conversation) -> bool:
        active = one.status in ("open", "waiting")
        mine, team = one.holder_id == inbox.user.pk, one.department_id in ours
        return {
            "mine": active and mine,
            "team": active and team,
            "unassigned": active and team and one.holder_id is None,
            "snoozed": one.status == "snoozed" and (team or mine),
            "resolved": one.status == "resolved" and team,
        }[name]

    def due(one: Conversation) -> Any:
        if name == "snoozed":
            return (one.snoozed_until, one.pk)
        if name == "resolved":
            assert one.resolved_at is not None
            return (-one.resolved_at.timestamp(), -one.pk)
        return (-one.priority, one.waiting_since or far, one.pk)

    return [one.pk for one in sorted(filter(is_in, Conversation.objects.all()), key=due)]


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "0.1",
        "0..not-a-uuid",
        "0.-5.6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "99999.1.6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        f"0.{'9' * 4000}.6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "0.²3.6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    ],
)
def test_a_place_that_is_none_is_refused(inbox: Inbox, after: str) -> None:
    with pytest.raises(lists.BadCursor):
        lists.page_of("team", inbox.user, after)
    with pytest.raises(lists.BadCursor):
        lists.page_of("resolved", inbox.user, "0..6f9619ff-8b86-4d01-b42d-00cf4fc964ff")


def test_a_place_carries_no_id(inbox: Inbox) -> None:
    first, _second = inbox.add(waiting_since=NOON), inbox.add(waiting_since=NOON)
    after = lists.page_of("team", inbox.user, limit=1).after
    assert after is not None and after.endswith(str(first.uuid))


def test_a_row_says_who_and_what_last() -> None:
    department = DepartmentFactory(name="Cardiology")
    address = HubAddressFactory(department=department)
    agent = UserFactory(departments=[department], name="Ada Lovelace")
    words = "I ran out of metoprolol\nand   my pulse is " + "very " * 40
    conversation = receive(inbound(address, words)).conversation
    # A second text, so that the last message is the patient's and not the automatic answer.
    conversation = receive(inbound(address, words)).conversation
    [row] = lists.page_of("team", agent).rows
    assert row.who == "(555) 010-0142" and row.department == "Cardiology"
    assert row.preview.startswith("I ran out of metoprolol and my pulse is very")
    assert len(row.preview) <= 120 and row.preview.endswith("…")
    assert row.last_author_kind == "patient" and row.unread
    holder.claim(conversation, agent)
    mark_read(conversation.pk, conversation.last_number, by_id=agent.pk)
    [row] = lists.page_of("mine", agent).rows
    assert not row.unread and row.holder_initials == "AL"
    receive(inbound(address, ""))
    [row] = lists.page_of("mine", agent).rows
    assert row.unread and row.preview == "Attachment"
    assert lists.counts(agent).mine_unread == 1


def test_what_was_erased_or_moved_away_is_not_in_the_preview(inbox: Inbox) -> None:
    address = HubAddressFactory(department=inbox.departments[0])
    conversation = receive(inbound(address, "forget me")).conversation
    receive(inbound(address, "forget me too"))
    conversation.entries.update(erased_at=timezone.now())
    [row] = lists.page_of("team", inbox.user).rows
    assert row.preview == ""


def test_a_row_shows_the_patient_who_survived_the_merges(inbox: Inbox) -> None:
    last = PatientFactory(legal_name="Legal Name", preferred_name="Ana Morales")
    middle = PatientFactory(survivor=last)
    inbox.add(patient=PatientFactory(survivor=middle))
    inbox.add(patient=middle)
    assert {row.who for row in lists.page_of("team", inbox.user).rows} == {"Ana Morales"}
    Patient.objects.filter(pk=middle.pk).update(survivor=None, legal_name="Once More")
    assert {row.who for row in lists.page_of("team", inbox.user).rows} == {"Once More"}


def test_a_page_takes_two_queries_whatever_it_shows(
    inbox: Inbox, django_assert_num_queries: Callable[[int], Any]
) -> None:
    for number in range(60):
        inbox.add(number % 2, waiting_since=NOON, patient=PatientFactory(), holder=inbox.other)
    with django_assert_num_queries(2):
        page = lists.page_of("team", inbox.user)
    assert len(page.rows) == 50
    with django_assert_num_queries(2):
        lists.counts(inbox.user)


@pytest.fixture
def crowded(inbox: Inbox) -> Inbox:
    for department in inbox.departments:
        crowd.conversations(department.pk, inbox.point, 10_000)
    crowd.analyse()
    return inbox


def test_a_page_reads_no_more_rows_than_it_shows(crowded: Inbox) -> None:
    indexes = {
        "team": "inbox_department",
        "unassigned": "inbox_unassigned",
        "snoozed": "inbox_snoozed",
        "resolved": "inbox_resolved",
    }
    for name, index in indexes.items():
        after = lists.page_of(name, crowded.user).after
        for place in (None, after, lists.page_of(name, crowded.user, after).after):
            with plans_of("conversations_conversation") as plans:
                page = lists.page_of(name, crowded.user, place)
            assert len(page.rows) == 50
            assert index in plans.text, f"{name} {place}\n{plans.text}"
            assert "Seq Scan on conversations_" not in plans.text
            # Two departments, three stretches behind a place, 51 rows each.
            assert plans.rows <= 51 * 2 * 3, plans.text


def test_mine_is_found_among_everybodys(crowded: Inbox) -> None:
    active = Conversation.objects.filter(status__in=["open", "waiting"])
    picked = list(active.order_by("-id").values_list("pk", flat=True)[:2000:10])
    Conversation.objects.filter(pk__in=picked).update(holder=crowded.user)
    crowd.analyse()
    after = lists.page_of("mine", crowded.user).after
    for place in (None, after):
        with plans_of("conversations_conversation") as plans:
            page = lists.page_of("mine", crowded.user, place)
        assert len(page.rows) == 50 and "Seq Scan on conversations_" not in plans.text
        assert plans.rows <= len(picked), plans.text


def test_counting_reads_nothing_resolved_and_stops_at_a_thousand(crowded: Inbox) -> None:
    with plans_of("conversations_conversation") as plans:
        counted = lists.counts(crowded.user)
    assert counted.team == counted.unassigned == counted.snoozed == lists.COUNT_UP_TO
    active = Conversation.objects.filter(
        department__in=crowded.departments[:2], status__in=["open", "waiting"]
    )
    assert plans.rows <= active.count(), "the resolved ones are not read\n" + plans.text
