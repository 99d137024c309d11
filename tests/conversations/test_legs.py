"""Legs begin and end: one open text leg between two addresses, whatever conversation it is in."""

import pytest
from django.utils import timezone

from hub.conversations.actions.legs import end_leg, open_leg
from hub.conversations.models import (
    Channel,
    ContactEvent,
    Conversation,
    Entry,
    HubAddress,
    Leg,
)
from hub.staff.models import Department
from patients.models import ContactPoint
from tests.factories import ContactPointFactory, DepartmentFactory

pytestmark = pytest.mark.django_db


def conversation(department: Department, point: ContactPoint) -> Conversation:
    now = timezone.now()
    return Conversation.objects.create(
        department=department,
        channel=Channel.SMS,
        contact_point=point,
        opened_at=now,
        last_entry_at=now,
    )


@pytest.fixture
def address() -> HubAddress:
    return HubAddress.objects.create(
        channel=Channel.CHAT, value="riverside", label="Site", department=DepartmentFactory()
    )


def test_a_leg_is_opened_in_the_conversation_and_told(address: HubAddress) -> None:
    point = ContactPointFactory()
    one = conversation(address.department, point)
    leg = open_leg(one, Channel.CHAT, point, address, timezone.now())
    one.refresh_from_db()
    assert one.channel == Channel.CHAT
    entry = one.entries.get()
    assert (entry.kind, entry.leg, entry.audience) == (Entry.Kind.LEG, leg, "staff")
    assert ContactEvent.objects.get().kind == ContactEvent.Kind.LEG_CONNECTED


def test_opening_another_ends_the_leg_there_and_not_its_conversation(address: HubAddress) -> None:
    point = ContactPointFactory()
    one, two = (conversation(address.department, point) for _ in range(2))
    first = open_leg(one, Channel.CHAT, point, address, timezone.now())
    second = open_leg(two, Channel.CHAT, point, address, timezone.now())
    first.refresh_from_db()
    one.refresh_from_db()
    assert first.ended_at is not None
    assert one.status == Conversation.Status.OPEN
    assert [entry.detail["what"] for entry in one.entries.order_by("number")] == ["opened", "ended"]
    assert list(Leg.objects.filter(ended_at__isnull=True)) == [second]


def test_opening_another_in_the_same_conversation_keeps_numbers_in_order(
    address: HubAddress,
) -> None:
    point = ContactPointFactory()
    one = conversation(address.department, point)
    open_leg(one, Channel.CHAT, point, address, timezone.now())
    open_leg(one, Channel.CHAT, point, address, timezone.now())
    one.refresh_from_db()
    entries = list(one.entries.order_by("number"))
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.detail["what"] for entry in entries] == ["opened", "ended", "opened"]
    assert one.last_number == 3


def test_a_leg_ends_once(address: HubAddress) -> None:
    point = ContactPointFactory()
    one = conversation(address.department, point)
    leg = open_leg(one, Channel.CHAT, point, address, timezone.now())
    assert end_leg(leg, timezone.now())
    assert not end_leg(leg, timezone.now())
    assert ContactEvent.objects.filter(kind=ContactEvent.Kind.LEG_ENDED).count() == 1
