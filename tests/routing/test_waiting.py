"""Waits are never stuck; who writes while nobody is there is told at once."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from structlog.testing import capture_logs

from channels_app.chat import sessions
from channels_app.chat.models import ChatSite
from hub.conversations.actions import holder, status
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, Entry
from hub.routing import hours, sweep
from hub.routing.models import Holiday, OpeningHours, QueueEntry
from hub.staff import presence
from hub.staff.models import Tab
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    LinkFactory,
    UserFactory,
    inbound,
)

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # 9 a.m. in New York


def weekdays(department, opens: int = 8, closes: int = 18) -> None:
    """Open Monday to Friday."""
    OpeningHours.objects.bulk_create(
        OpeningHours(department=department, weekday=day, opens=time(opens), closes=time(closes))
        for day in range(5)
    )


def automatic(conversation: Conversation) -> list[Entry]:
    """The answers that nobody wrote."""
    return list(conversation.entries.filter(author_kind="automatic").order_by("number"))


def test_nobody_there_is_said_at_once_with_the_emergency_numbers_and_once_a_day() -> None:
    address = HubAddressFactory()
    conversation = receive(inbound(address)).conversation
    receive(inbound(address, "Hello?"))
    [answer] = automatic(conversation)
    assert "911" in answer.body and "988" in answer.body
    assert answer.audience == "patient" and answer.deliveries.count() == 1
    conversation.refresh_from_db()
    assert conversation.waiting_since is not None, "an automatic answer is no answer"
    assert not conversation.events.filter(kind="person_answered").exists()


def test_somebody_there_is_left_to_answer() -> None:
    address = HubAddressFactory()
    agent = UserFactory(departments=[address.department])
    presence.open_tab(agent, "session")
    assert automatic(receive(inbound(address)).conversation) == []
    Tab.objects.update(until=timezone.now() - timedelta(seconds=1))
    other = receive(inbound(address, number="+15550100199")).conversation
    assert len(automatic(other)) == 1, "a tab whose lease ran out is nobody"


def test_the_answer_is_in_the_patients_language() -> None:
    link = LinkFactory(patient__language="es")
    address = HubAddressFactory()
    weekdays(address.department)
    conversation = receive(inbound(address, number=link.contact_point.value)).conversation
    [answer] = automatic(conversation)
    assert "llame al 911" in answer.body


@pytest.mark.parametrize(
    ("at", "is_open", "opens"),
    [
        (MONDAY, True, datetime(2026, 11, 24, 13, 0, tzinfo=UTC)),
        (MONDAY.replace(hour=12), False, MONDAY.replace(hour=13)),
        (datetime(2026, 11, 25, 23, 30, tzinfo=UTC), False, datetime(2026, 11, 27, 13, tzinfo=UTC)),
        (datetime(2026, 11, 28, 12, 0, tzinfo=UTC), False, datetime(2026, 11, 30, 13, tzinfo=UTC)),
        # The night in which clocks go back: 8 a.m. is 13:00 UTC on the Monday after.
        (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), False, datetime(2026, 11, 2, 13, tzinfo=UTC)),
    ],
)
def test_hours_in_the_departments_zone(at: datetime, is_open: bool, opens: datetime) -> None:
    department = DepartmentFactory(time_zone="America/New_York")
    weekdays(department)
    Holiday.objects.create(department=department, day=date(2026, 11, 26))
    assert hours.is_open(department, at) is is_open
    assert hours.next_opening(department, at) == opens


def test_a_stop_waits_for_nobody() -> None:
    conversation = receive(inbound(HubAddressFactory(), "STOP")).conversation
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    assert not QueueEntry.objects.exists()
    [confirmation] = automatic(conversation)
    assert confirmation.deliveries.get().confirms_stop


def test_an_emergency_of_somebody_who_opted_out_is_queued_as_urgent() -> None:
    address = HubAddressFactory()
    receive(inbound(address, "STOP"))
    conversation = receive(inbound(address, "my chest hurts, I cannot breathe")).conversation
    wait = QueueEntry.objects.get(conversation=conversation)
    assert wait.priority == Conversation.Priority.URGENT
    urgency = conversation.entries.get(kind="urgency")
    assert urgency.detail["call_instead"] is True, "a person is told to call: no text may go out"


def test_resolving_withdraws_the_wait() -> None:
    address = HubAddressFactory()
    agent = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    status.resolve(conversation, "answered", by=agent)
    assert QueueEntry.objects.get().outcome == "withdrawn"


def test_the_sweep_finds_a_forgotten_conversation() -> None:
    address = HubAddressFactory()
    conversation = receive(inbound(address)).conversation
    QueueEntry.objects.all().delete()
    later = timezone.now() + timedelta(minutes=1)
    assert sweep.sweep(later) == 1
    wait = QueueEntry.objects.get()
    assert wait.place_since == Conversation.objects.get(pk=conversation.pk).waiting_since
    assert sweep.sweep(later) == 0


def test_the_sweep_ends_a_needless_wait() -> None:
    address = HubAddressFactory()
    agent = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    Conversation.objects.filter(pk=conversation.pk).update(holder=agent)
    assert sweep.sweep() == 1
    assert QueueEntry.objects.get().outcome == "withdrawn"


def test_chats_of_an_agent_who_left_go_back_and_texts_stay() -> None:
    department = DepartmentFactory()
    agent = UserFactory(departments=[department])
    chat = receive(
        inbound(
            HubAddressFactory(channel="chat", value="site", department=department),
            contact_system="visitor",
            number="visitor-1",
        )
    ).conversation
    text = receive(inbound(HubAddressFactory(department=department))).conversation
    presence.open_tab(agent, "session")
    holder.claim(chat, agent)
    holder.claim(text, agent)
    later = timezone.now() + timedelta(minutes=2)
    Tab.objects.update(until=later + timedelta(seconds=5))
    assert sweep.return_chats(later) == 0
    Tab.objects.all().delete()
    assert sweep.return_chats(later) == 1
    chat.refresh_from_db()
    text.refresh_from_db()
    assert chat.holder is None and text.holder == agent
    first = chat.queue_entries.order_by("id").first()
    assert chat.queue_entries.get(ended_at=None).place_since == first.place_since


def test_a_visitor_who_leaves_before_anybody_came_has_abandoned_and_is_still_read() -> None:
    address = HubAddressFactory(channel="chat", value="riverside")
    site = ChatSite.objects.create(hub_address=address, key="riverside")
    started = sessions.start(site, language="en", said=sessions.Said())
    sessions.write(started.session, "anybody?", intent=uuid4())
    conversation = Conversation.objects.get()
    sessions.end(sessions.again(started.session.pk))
    left, follow_up = QueueEntry.objects.order_by("id")
    assert left.outcome == "abandoned" and left.accepted_by is None
    assert follow_up.parent == left and follow_up.place_since == left.place_since
    assert follow_up.ended_at is None, "what they wrote is still to be read"
    assert conversation.events.filter(kind="queue_abandoned", queue_entry_id=left.pk).count() == 1


def test_who_waits_where_nobody_works_is_an_alarm_in_the_log() -> None:
    address = HubAddressFactory()
    UserFactory(departments=[address.department], is_active=False)
    conversation = receive(inbound(address)).conversation
    with capture_logs() as said:
        sweep.sweep()
    [alarm] = [one for one in said if one["event"] == "nobody_works_there"]
    assert alarm["log_level"] == "error" and alarm["waiting"] == 1
    assert alarm["department_id"] == conversation.department_id
    UserFactory(departments=[address.department])
    with capture_logs() as said:
        sweep.sweep()
    assert said == []
