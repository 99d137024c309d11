"""An inbound message joins the right conversation, once, with the next number."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.conversations.actions import status
from hub.conversations.actions.receive import receive
from hub.conversations.models import ContactEvent, Conversation, Entry
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    LinkFactory,
    UserFactory,
    inbound,
)

pytestmark = pytest.mark.django_db


def test_a_second_text_joins_the_open_leg() -> None:
    address = HubAddressFactory()
    first = receive(inbound(address, "one"))
    second = receive(inbound(address, "two"))
    assert first.is_new_conversation and not second.is_new_conversation
    assert second.conversation.pk == first.conversation.pk
    bodies = list(
        first.conversation.entries.filter(author_kind="patient")
        .order_by("number")
        .values_list("number", flat=True)
    )
    assert [Entry.objects.get(conversation=first.conversation, number=n).body for n in bodies] == [
        "one",
        "two",
    ]


def test_numbers_have_no_gap() -> None:
    address = HubAddressFactory()
    for n in range(5):
        conversation = receive(inbound(address, f"{n}")).conversation
    numbers = list(conversation.entries.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    conversation.refresh_from_db()
    assert conversation.last_number == len(numbers)
    last = conversation.entries.get(number=conversation.last_message_number)
    assert last.kind == "message" and last.body == "4"


def test_the_same_number_to_another_hub_address_is_another_conversation() -> None:
    one, other = HubAddressFactory(), HubAddressFactory()
    first = receive(inbound(one)).conversation
    assert receive(inbound(other)).conversation.pk != first.pk


def test_resolved_lately_is_reopened_and_long_ago_is_not(settings) -> None:
    address = HubAddressFactory()
    supervisor = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    status.resolve(conversation, "answered", by=supervisor)
    again = receive(inbound(address, "one more thing"))
    assert again.conversation.pk == conversation.pk
    conversation.refresh_from_db()
    assert conversation.status == "open" and conversation.resolved_at is None
    assert ContactEvent.objects.filter(conversation=conversation, kind="reopened").count() == 1
    status.resolve(conversation, "answered", by=supervisor)
    Conversation.objects.filter(pk=conversation.pk).update(
        resolved_at=timezone.now() - settings.REOPENING_WINDOW - timedelta(minutes=1)
    )
    assert receive(inbound(address)).conversation.pk != conversation.pk


def test_a_verified_point_joins_the_patients_only_open_conversation() -> None:
    """MODEL.md, Joining (2): verified and not shared, in an unrestricted department."""
    department = DepartmentFactory()
    one, other = (
        HubAddressFactory(department=department),
        HubAddressFactory(department=department),
    )
    link = LinkFactory(verified=True)
    first = receive(inbound(one, number=link.contact_point.value)).conversation
    assert first.identity == "confirmed" and first.patient_id == link.patient_id
    joined = receive(inbound(other, number=link.contact_point.value)).conversation
    assert joined.pk == first.pk
    assert joined.legs.filter(ended_at__isnull=True).count() == 2


@pytest.mark.parametrize(("verified", "shared", "restricted"), [(0, 0, 0), (1, 1, 0), (1, 0, 1)])
def test_otherwise_it_does_not_join_by_patient(verified, shared, restricted) -> None:
    department = DepartmentFactory(restricted=bool(restricted))
    one, other = (
        HubAddressFactory(department=department),
        HubAddressFactory(department=department),
    )
    link = LinkFactory(verified=bool(verified))
    if shared:
        LinkFactory(contact_point=link.contact_point)
    number = link.contact_point.value
    first = receive(inbound(one, number=number)).conversation
    assert receive(inbound(other, number=number)).conversation.pk != first.pk


def test_a_shared_point_shows_no_patient() -> None:
    link = LinkFactory(verified=True)
    LinkFactory(contact_point=link.contact_point, verified=True)
    got = receive(inbound(HubAddressFactory(), number=link.contact_point.value)).conversation
    assert got.identity == "shared" and got.patient is None


def test_the_same_press_of_send_twice_is_one_entry() -> None:
    address, intent = HubAddressFactory(), uuid4()
    first = receive(inbound(address, "hi", intent=str(intent)))
    again = receive(inbound(address, "hi", intent=str(intent)))
    assert again.is_repeat and again.entry.pk == first.entry.pk
    assert first.conversation.entries.filter(author_kind="patient").count() == 1


def test_words_are_not_in_the_table() -> None:
    receive(inbound(HubAddressFactory(), "canary-7f3a metoprolol"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM conversations_entry t")
        [dump] = cursor.fetchone()
    assert "canary" not in dump and "metoprolol" not in dump


def test_an_emergency_raises_the_priority() -> None:
    address = HubAddressFactory()
    conversation = receive(inbound(address, "I have chest pain and cannot breathe")).conversation
    conversation.refresh_from_db()
    assert conversation.priority == Conversation.Priority.URGENT
    assert conversation.entries.filter(kind="urgency").count() == 1
    assert conversation.queue_entries.get().priority == Conversation.Priority.URGENT
    receive(inbound(address, "thanks"))
    conversation.refresh_from_db()
    assert conversation.priority == Conversation.Priority.URGENT, "raises only"


def test_statements_of_a_message_into_an_open_conversation() -> None:
    """The bench's aim is twelve with the two of the inbox."""
    address = HubAddressFactory()
    holder = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    Conversation.objects.filter(pk=conversation.pk).update(holder=holder)
    with CaptureQueriesContext(connection) as queries:
        receive(inbound(address, "and another"))
    made = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
    assert len(made) <= 10, "\n".join(made)


@pytest.mark.django_db(transaction=True)
def test_two_texts_at_once_from_a_new_number_open_one_conversation() -> None:
    """Invariant 4."""
    address = HubAddressFactory()
    together = threading.Barrier(6)
    failures: list[Exception] = []

    def write(n: int) -> None:
        try:
            together.wait()
            receive(inbound(address, f"text {n}", number="+15550100777"))
        except Exception as error:  # noqa: BLE001  (whatever it was, the test fails by it)
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures
    conversation = Conversation.objects.get()
    numbers = sorted(conversation.entries.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
    assert conversation.entries.filter(author_kind="patient").count() == 6
    assert conversation.queue_entries.count() == 1


def test_a_repeat_after_the_end_opens_nothing() -> None:
    """A browser repeats its last press after the conversation was resolved."""
    address, intent = HubAddressFactory(), uuid4()
    supervisor = UserFactory(departments=[address.department])
    conversation = receive(inbound(address, "hi", intent=intent)).conversation
    status.resolve(conversation, "answered", by=supervisor)
    again = receive(inbound(address, "hi", intent=intent))
    assert again.is_repeat
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    assert not conversation.legs.filter(ended_at__isnull=True).exists()
