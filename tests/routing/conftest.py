"""A department, its people, and those who wait there."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from hub.conversations.actions import calls
from hub.conversations.actions.receive import receive
from hub.conversations.models import Channel, Conversation, Leg
from hub.routing import queue
from hub.routing.models import QueueEntry
from hub.staff import presence
from hub.staff.models import Department, User
from patients.models import ContactPoint
from tests.factories import ContactPointFactory, HubAddressFactory, UserFactory, inbound

Waits = Callable[..., QueueEntry]


@pytest.fixture
def department(db: None) -> Department:
    """Where everybody works and waits."""
    return HubAddressFactory(channel="chat", value="site").department


@pytest.fixture
def agent(department: Department) -> Callable[..., User]:
    """Make an agent of the department who is there (or not: `there=False`)."""

    def make(*, there: bool = True, **fields: Any) -> User:
        user = UserFactory(departments=[department], **fields)
        if there:
            presence.open_tab(user, f"session-{user.pk}")
        return user

    return make


@pytest.fixture
def chats(department: Department) -> Waits:
    """Let a visitor write in a chat; returns their wait."""
    numbers = count()

    def write(*, ago: int = 0, **fields: Any) -> QueueEntry:
        at = timezone.now() - timedelta(seconds=ago)
        address = department.hub_addresses.get(channel="chat")
        received = receive(
            inbound(
                address,
                number=f"visitor-{next(numbers)}",
                contact_system="visitor",
                at=at,
                **fields,
            )
        )
        wait = open_wait(received.conversation)
        wait.entered_at = wait.place_since = at  # the clock of a server is its own
        wait.save(update_fields=["entered_at", "place_since"])
        return wait

    return write


@pytest.fixture
def callers(department: Department) -> Waits:
    """Let somebody call and ask for the department; returns their wait."""

    def call(*, ago: int = 0, point: ContactPoint | None = None, **entering: Any) -> QueueEntry:
        at = timezone.now() - timedelta(seconds=ago)
        number = department.hub_addresses.filter(channel="voice").first() or HubAddressFactory(
            channel="voice", department=department
        )
        with transaction.atomic():
            joined = calls.arrive(point or ContactPointFactory(), number.pk, at=at, what="arrived")
            calls.needs_person(joined.conversation, department, joined.leg, at=at)
            wait = queue.enter(joined.conversation, at=at, channel=Channel.VOICE.value, **entering)
        assert wait is not None
        return wait

    return call


def open_wait(conversation: Conversation) -> QueueEntry:
    """The wait of a conversation that waits."""
    return QueueEntry.objects.get(conversation=conversation, ended_at=None)


def call_leg(wait: QueueEntry) -> Leg:
    """The call's leg."""
    return Leg.objects.get(conversation=wait.conversation_id, channel="voice", ended_at=None)


def later(seconds: float) -> datetime:
    """Some time from now."""
    return timezone.now() + timedelta(seconds=seconds)
