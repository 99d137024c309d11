"""The readers of entries: pages, what changed since, the patient's merged timeline, and masks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.conversations import timeline
from hub.conversations.actions import holder
from hub.conversations.actions.drafts import mark_read
from hub.conversations.actions.receive import receive
from hub.conversations.append import Line, append
from hub.conversations.cursors import BadCursor
from hub.conversations.models import Attachment, Channel, ContactEvent, Conversation, Entry
from hub.conversations.patient_timeline import PatientPage, of_patient
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


class Desk:
    """Somebody who answers, and conversations to answer."""

    def __init__(self) -> None:
        self.department: Department = DepartmentFactory(name="Cardiology")
        self.user: User = UserFactory(departments=[self.department], name="Ada Agent")
        self.point: ContactPoint = ContactPointFactory(value="+15550100142")

    def conversation(self, **fields: Any) -> Conversation:
        fields.setdefault("department", self.department)
        return Conversation.objects.create(
            channel=Channel.SMS,
            contact_point=self.point,
            opened_at=fields.get("last_entry_at", NOON),
            last_entry_at=fields.pop("last_entry_at", NOON),
            **fields,
        )


@pytest.fixture
def desk() -> Desk:
    return Desk()


def say(
    conversation: Conversation,
    body: str = "hello",
    *,
    at: datetime = NOON,
    by: User | None = None,
    kind: str = Entry.Kind.MESSAGE,
    detail: dict[str, Any] | None = None,
) -> Entry:
    """Append a line."""
    author = Entry.Author.STAFF if by else Entry.Author.PATIENT
    line = Line(kind, author, at, by.pk if by else None, body=body, detail=detail)
    with transaction.atomic():
        [entry] = append(conversation, line, last_entry_at=max(at, conversation.last_entry_at))
    return entry


# --- One conversation ---


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
def test_pages_together_are_the_conversation(desk: Desk, count: int) -> None:
    conversation = desk.conversation()
    for number in range(count):
        say(conversation, f"line {number + 1}")
    bodies: list[str] = []
    before = None
    while True:
        page = timeline.page(conversation, before, 3)
        assert len(page.lines) <= 3
        bodies = [line.body for line in page.lines] + bodies
        if (before := page.older_before) is None:
            break
    assert bodies == [f"line {number + 1}" for number in range(count)]


def test_the_first_unread_line_is_the_first_by_somebody_else(desk: Desk) -> None:
    conversation = desk.conversation()
    for _ in range(2):
        say(conversation)
    mark_read(conversation.pk, 2, by_id=desk.user.pk)
    say(conversation, by=desk.user)
    assert timeline.page(conversation, user_id=desk.user.pk).first_unread is None
    say(conversation)
    assert timeline.page(conversation, user_id=desk.user.pk).first_unread == 4
    assert timeline.page(conversation, user_id=UserFactory().pk).first_unread == 1
    assert timeline.page(conversation).first_unread is None


def test_lines_name_whom_they_speak_of(desk: Desk, django_assert_num_queries: Any) -> None:
    conversation = desk.conversation()
    patient = PatientFactory(legal_name="Legal Name", preferred_name="Ana Morales")
    say(conversation, by=desk.user)
    holder.claim(conversation, desk.user)
    other = DepartmentFactory(name="Billing")
    moved = {"from_department": desk.department.pk, "to_department": other.pk, "reason": "theirs"}
    say(conversation, "", by=desk.user, kind=Entry.Kind.ASSIGNED, detail=moved)
    identified = {"patient": patient.pk, "before": None, "how": ""}
    say(conversation, "", by=desk.user, kind=Entry.Kind.IDENTIFIED, detail=identified)
    with django_assert_num_queries(2):
        lines = timeline.page(conversation, user_id=desk.user.pk).lines
    assert [line.author_name for line in lines] == ["Ada Agent"] * 4
    assert [dict(line.names) for line in lines] == [
        {},
        {"to": "Ada Agent"},
        {"from_department": "Cardiology", "to_department": "Billing"},
        {"patient": "Ana Morales"},
    ]


def test_files_come_with_their_line_in_order(desk: Desk) -> None:
    conversation = desk.conversation()
    with_files, without = say(conversation, ""), say(conversation)
    for position in (1, 0):
        Attachment.objects.create(
            entry=with_files,
            position=position,
            state=Attachment.State.STORED,
            file_name=f"scan {position}.png",
            content_type="image/png",
            size=10,
        )
    first, second = timeline.page(conversation).lines
    assert [file.file_name for file in first.attachments] == ["scan 0.png", "scan 1.png"]
    assert second.attachments == () and without.number == second.number


@pytest.mark.parametrize("mask", ["erased", "moved"])
def test_what_was_erased_or_moved_away_says_nothing(desk: Desk, mask: str) -> None:
    conversation = desk.conversation()
    entry = say(conversation, "a secret", by=desk.user)
    Attachment.objects.create(entry=entry, state="stored", file_name="secret.png")
    change = {"erased_at": NOON} if mask == "erased" else {"moved_to": desk.conversation()}
    Entry.objects.filter(pk=entry.pk).update(**change)
    [line] = timeline.page(conversation).lines
    assert line.is_masked and line.number == 1
    assert "secret" not in repr(line) and "Ada" not in repr(line)
    assert line.author_id is None and line.attachments == ()


def test_a_masked_reader_learns_that_there_was_a_contact_and_no_more(desk: Desk) -> None:
    conversation = desk.conversation()
    for _ in range(5):
        say(conversation, "a secret")
    page = timeline.page(conversation, level="masked")
    assert [line.number for line in page.lines] == [1] and page.lines[0].is_masked
    assert "secret" not in repr(page) and page.older_before is None
    assert timeline.page(conversation, 5, level="masked").lines == ()


def test_changes_are_what_has_a_higher_revision(desk: Desk) -> None:
    address = HubAddressFactory(department=desk.department)
    conversation = receive(inbound(address, "one")).conversation
    everything = timeline.changed_since(conversation.pk, 0)
    assert everything.revision == conversation.revision and everything.is_complete
    assert [line.number for line in everything.lines] == list(
        range(1, conversation.last_number + 1)
    )
    nothing = timeline.changed_since(conversation.pk, conversation.revision)
    assert nothing == timeline.Changes((), conversation.revision, True)
    # A tick changes a line that stands: no number is new, the revision is.
    conversation.entries.filter(number=1).update(
        delivery_state="delivered", revision=conversation.revision + 1
    )
    [line] = timeline.changed_since(conversation.pk, conversation.revision).lines
    assert (line.number, line.delivery_state) == (1, "delivered")


# --- A patient's timeline ---

_lines = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=14)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(said=_lines, limit=st.integers(1, 4), opened=st.integers(1, 2))
def test_the_merged_pages_are_everything_newest_first(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    said: list[tuple[int, int]],
    limit: int,
    opened: int,
) -> None:
    """Conversations that overlap, more of them than are opened at once: no gap and no repeat."""
    monkeypatch.setattr("hub.conversations.patient_timeline.OPENED", opened)
    patient = PatientFactory()
    conversations = [
        desk.conversation(patient=patient, last_entry_at=NOON - timedelta(days=1)) for _ in range(4)
    ]
    # In the order of time, as entries come; steps of an hour, and some at the same moment.
    for which, hour in sorted(said, key=lambda one: one[1]):
        say(conversations[which], f"{which} {hour}", at=NOON + timedelta(hours=hour))
    Conversation.objects.filter(patient=patient).update(opened_at=NOON - timedelta(days=1))
    expected = list(
        Entry.objects.filter(conversation__patient=patient)
        .order_by("-at", "-id")
        .values_list("id", flat=True)
    )
    assert [line.id for line in _whole(patient, desk.user, limit)] == expected


def _whole(patient: Patient, user: User, limit: int) -> list[timeline.EntryLine]:
    lines: list[timeline.EntryLine] = []
    before = None
    while True:
        page = of_patient(patient.pk, user, before, limit)
        assert len(page.lines) <= limit
        lines += page.lines
        if (before := page.older_before) is None:
            return lines


def test_the_merged_timeline_shows_what_access_allows(desk: Desk) -> None:
    patient = PatientFactory()
    mind, billing = DepartmentFactory(name="Mind", restricted=True), DepartmentFactory()
    ours = desk.conversation(patient=patient)
    bill = desk.conversation(patient=patient, department=billing)
    therapy = desk.conversation(patient=patient, department=mind)
    for conversation, body in ((ours, "heart"), (bill, "bill"), (therapy, "therapy")):
        for number in range(3):
            say(conversation, f"{body} {number}")
    page = of_patient(patient.pk, desk.user)
    assert {line.body for line in page.lines if line.body} == {
        f"{body} {number}" for body in ("heart", "bill") for number in range(3)
    }
    [contact] = [line for line in page.lines if line.conversation_id == therapy.pk]
    assert contact.is_masked and contact.number == 1
    assert page.contacts[ours.uuid].level == "own" and page.contacts[bill.uuid].level == "read"
    hidden = page.contacts[therapy.uuid]
    assert (hidden.level, hidden.department, hidden.channel, hidden.status) == (
        "masked",
        "",
        "",
        "",
    )
    assert hidden.last_entry_at == hidden.opened_at
    assert of_patient(patient.pk, UserFactory(departments=[DepartmentFactory()])) == PatientPage(
        (), {}, None
    )


def test_merged_records_have_one_timeline(desk: Desk) -> None:
    last = PatientFactory()
    first = PatientFactory(survivor=PatientFactory(survivor=last))
    for number, patient in enumerate((first, last)):
        say(desk.conversation(patient=patient), f"said {number}")
    for patient in (first, last):
        bodies = {line.body for line in of_patient(patient.pk, desk.user).lines}
        assert bodies == {"said 0", "said 1"}


@pytest.mark.parametrize("before", ["x", "1", ".6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "1.x"])
def test_a_place_that_is_none_is_refused(desk: Desk, before: str) -> None:
    with pytest.raises(BadCursor):
        of_patient(PatientFactory().pk, desk.user, before)


# --- What it costs ---


@pytest.fixture
def long_one(desk: Desk) -> Conversation:
    patient = PatientFactory()
    long = desk.conversation(patient=patient)
    crowd.entries(long.pk, 20_000)
    for _ in range(4):
        other = desk.conversation(patient=patient)
        crowd.entries(other.pk, 2_000)
    crowd.conversations(desk.department.pk, desk.point, 20_000)
    crowd.analyse()
    long.refresh_from_db()
    return long


def test_a_page_of_a_long_conversation_reads_no_more_than_it_shows(long_one: Conversation) -> None:
    for before in (None, 15_000, 60):
        with plans_of("conversations_entry") as plans:
            page = timeline.page(long_one, before, user_id=1)
        assert len(page.lines) == 50 and "one_entry_number" in plans.text
        assert plans.rows <= 51, plans.text


def test_catching_up_reads_no_more_than_what_changed(long_one: Conversation) -> None:
    with plans_of("conversations_entry") as plans:
        changes = timeline.changed_since(long_one.pk, long_one.revision - 3)
    assert len(changes.lines) == 3 and "entry_revision" in plans.text
    assert plans.rows <= 3, plans.text


def test_a_page_of_a_patient_reads_each_conversations_share(
    desk: Desk, long_one: Conversation, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    assert long_one.patient_id is not None
    place = None
    for _ in range(4):
        with (
            plans_of("conversations_entry") as plans,
            django_assert_max_num_queries(6),
        ):
            page = of_patient(long_one.patient_id, desk.user, place)
        place = page.older_before
        assert len(page.lines) == 50 and "entry_at" in plans.text
        assert plans.rows <= 51 * 5, plans.text


# --- What was said stays said ---


@pytest.mark.parametrize(
    "change",
    [
        {"body": b""},
        {"number": 9},
        {"at": NOON},
        {"kind": "note"},
        {"author_kind": "staff"},
        {"audience": "staff"},
        {"detail": "{}"},
        {"conversation_id": 0},
    ],
)
def test_an_entry_is_never_rewritten(desk: Desk, change: dict[str, Any]) -> None:
    entry = say(desk.conversation(), "said", at=NOON - timedelta(hours=1))
    entry_values = {"detail": '{"a": 1}'} if "detail" in change else change
    if "audience" in change:
        entry_values = {"audience": "patient"}
    [(column, value)] = entry_values.items()
    sql = f"UPDATE conversations_entry SET {column} = %s WHERE id = %s"  # noqa: S608
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [value, entry.pk])


def test_what_may_change_of_an_entry_changes(desk: Desk) -> None:
    entry = say(desk.conversation(), "said")
    Entry.objects.filter(pk=entry.pk).update(
        erased_at=timezone.now(),
        moved_to=desk.conversation(),
        words=[],
        delivery_state="sent",
        delivery_error="30003",
        revision=7,
    )
    entry.refresh_from_db()
    assert (entry.delivery_state, entry.delivery_error, entry.revision) == ("sent", "30003", 7)
    assert entry.body == "said"


@pytest.mark.parametrize("table", ["conversations_entry", "conversations_contactevent"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nothing_is_taken_from_the_record(desk: Desk, table: str, statement: str) -> None:
    receive(inbound(HubAddressFactory(department=desk.department)))
    with connection.cursor() as cursor:
        # The checks of foreign keys that wait for the commit stand in a TRUNCATE's way.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))
    assert Entry.objects.exists() and ContactEvent.objects.exists()


def test_the_event_log_is_never_rewritten(desk: Desk) -> None:
    receive(inbound(HubAddressFactory(department=desk.department)))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        ContactEvent.objects.update(at=NOON)
