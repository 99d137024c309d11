"""A client that was away fetches what it missed: no gap, no repeat (invariant 3)."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.conversations import timeline
from hub.conversations.actions import delivery_status, holder
from hub.conversations.actions.receive import receive
from hub.conversations.append import Line, append, lock
from hub.conversations.models import Conversation, Delivery, Entry, HubAddress
from hub.staff.models import User
from tests.console_live.conftest import Console, log_in
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db(transaction=True)


class Client:
    """What socket.js keeps: the entries by number, and the revision up to which it has all."""

    def __init__(self, conversation: UUID) -> None:
        self.conversation = conversation
        self.revision = 0
        self.entries: dict[int, int] = {}
        self.repeats = 0

    def take(self, frame: dict[str, Any]) -> None:
        if frame["type"] not in ("entries", "head"):
            return
        assert frame["conversation"] == str(self.conversation)
        for entry in frame.get("entries", ()):
            number, revision = entry["number"], entry["revision"]
            if self.entries.get(number, -1) >= revision:
                self.repeats += 1
            else:
                self.entries[number] = revision
        if frame["type"] == "entries":
            self.revision = max(self.revision, frame["revision"])


# What happens, in any order: somebody writes, a delivery moves on, the holder changes, the network
# is cut or comes back, the browser reads what has come.
steps = st.lists(
    st.sampled_from(["text", "note", "tick", "hold", "cut", "back", "read"]),
    min_size=4,
    max_size=14,
)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=steps)
async def test_a_websocket_cut_while_entries_arrive_leaves_no_gap(
    transactional_db: None, steps: list[str]
) -> None:
    await asyncio.wait_for(_play(steps), 60)


async def _play(steps: list[str]) -> None:
    department = await sync_to_async(DepartmentFactory)()
    agent = await sync_to_async(lambda: UserFactory(departments=[department]))()
    address = await sync_to_async(lambda: HubAddressFactory(department=department))()
    conversation = await sync_to_async(_text)(address, agent)
    cookie = await log_in(agent)
    client = Client(conversation.uuid)
    console: Console | None = await _connected(cookie, client)
    for step in [*steps, "back", "read"]:
        if step == "cut" and console is not None:
            await console.leave()
            console = None
        elif step == "back" and console is None:
            console = await _connected(cookie, client)
        elif step == "read" and console is not None:
            while (frame := await console.any(0.02)) is not None:
                client.take(frame)
        elif step in _WRITERS:
            await sync_to_async(_WRITERS[step])(address, agent)
    truth = await sync_to_async(_truth)(conversation)
    assert console is not None
    for _ in range(200):
        if client.entries == truth:
            break
        if (frame := await console.any(0.05)) is not None:
            client.take(frame)
    assert client.entries == truth
    assert sorted(client.entries) == list(range(1, len(truth) + 1))
    await console.leave()


async def _connected(cookie: str, client: Client) -> Console:
    console = await Console(cookie).connect()
    await console.say(type="resume", conversations={str(client.conversation): client.revision})
    return console


def _truth(conversation: Conversation) -> dict[int, int]:
    return {line.number: line.revision for line in timeline.changed_since(conversation.pk, 0).lines}


def _at(address: HubAddress) -> Conversation:
    """The example's own conversation: earlier examples left theirs behind."""
    return Conversation.objects.get(legs__hub_address=address)


def _text(address: HubAddress, agent: User) -> Conversation:
    return receive(inbound(address, "hello")).conversation


def _note(address: HubAddress, agent: User) -> None:
    with transaction.atomic():
        [locked] = lock([_at(address).pk])
        note = Line(Entry.Kind.NOTE, Entry.Author.STAFF, timezone.now(), agent.pk, body="a note")
        append(locked, note)


def _tick(address: HubAddress, agent: User) -> None:
    """Move a delivery on: a row that stands gets a new revision, and no number is used."""
    unfinished = Delivery.objects.filter(hub_address=address).exclude(state="delivered")
    delivery = unfinished.first()
    if delivery is not None:
        delivery_status.report(delivery.pk, "delivered")


def _hold(address: HubAddress, agent: User) -> None:
    conversation = _at(address)
    if conversation.holder_id is None:
        holder.claim(conversation, agent)
    else:
        holder.assign(conversation, None, by=agent, expected_holder_id=agent.pk)


_WRITERS: dict[str, Callable[[HubAddress, User], Any]] = {
    "text": _text,
    "note": _note,
    "tick": _tick,
    "hold": _hold,
}


async def test_more_than_can_be_caught_up_with_is_loaded_anew(
    transactional_db: None, consoles: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    department = await sync_to_async(DepartmentFactory)()
    agent = await sync_to_async(lambda: UserFactory(departments=[department]))()
    address = await sync_to_async(lambda: HubAddressFactory(department=department))()
    conversation = await sync_to_async(_text)(address, agent)
    monkeypatch.setattr(timeline, "CHANGES", 3)
    for _ in range(5):
        await sync_to_async(_note)(address, agent)
    console = await consoles(agent)
    await console.say(type="open", conversation=conversation.uuid, revision=1)
    assert (await console.next("reload"))["conversation"] == str(conversation.uuid)
