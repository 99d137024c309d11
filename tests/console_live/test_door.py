"""Who is let in, who is put out, and what a browser may not send."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.console import consumer
from hub.conversations.actions import holder
from hub.conversations.actions.receive import receive
from hub.conversations.models import ContactEvent, Conversation, ReadMark
from hub.staff.models import Presence, StaffSession, Tab, User
from hub.staff.presence import presence_of
from tests.console_live.conftest import log_in
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agent(transactional_db: None) -> User:
    return UserFactory(departments=[DepartmentFactory()])


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example.org",
        "http://testserver.evil.example.org",
        "https://testserver",
        "http://testserver:8080",
        "",
    ],
)
async def test_a_foreign_origin_is_refused(
    agent: User, consoles: Callable[..., Any], origin: str
) -> None:
    console = await consoles(agent, origin=origin)
    assert console.close_code == consumer.NOT_ALLOWED


async def test_nobody_comes_in_without_a_log_in(agent: User, consoles: Callable[..., Any]) -> None:
    assert (await consoles(agent, cookie="no-session")).close_code == consumer.NOT_ALLOWED


async def test_one_who_must_set_up_a_second_factor_does_not_come_in(
    agent: User, consoles: Callable[..., Any]
) -> None:
    settings.MFA_REQUIRED = True
    try:
        assert (await consoles(agent)).close_code == consumer.NOT_ALLOWED
    finally:
        settings.MFA_REQUIRED = False


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '"open"',
        "{}",
        '{"type": "steal"}',
        '{"type": "open", "conversation": "1", "revision": 0}',
        '{"type": "open", "conversation": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "revision": -1}',
        '{"type": "open", "conversation": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}',
        '{"type": "resume", "conversations": {"6f9619ff-8b86-4d01-b42d-00cf4fc964ff": "x"}}',
        '{"type": "presence", "presence": "asleep"}',
        "[" * 10_000,
    ],
)
async def test_a_malformed_frame_closes_the_socket(
    agent: User, consoles: Callable[..., Any], text: str
) -> None:
    console = await consoles(agent)
    await console.raw(text)
    assert await console.closed() == consumer.MALFORMED


async def test_an_oversized_frame_closes_the_socket(
    agent: User, consoles: Callable[..., Any]
) -> None:
    console = await consoles(agent)
    await console.raw("x" * (consumer.FRAME_LIMIT + 1))
    assert await console.closed() == consumer.TOO_LARGE


async def test_a_flood_closes_the_socket(agent: User, consoles: Callable[..., Any]) -> None:
    console = await consoles(agent)
    for _ in range(consumer.BURST + 50):
        await console.raw(f'{{"type": "typing", "conversation": "{agent.uuid}"}}')
    assert await console.closed() == consumer.TOO_MANY


async def test_one_switched_off_is_put_out_within_five_seconds(
    agent: User, consoles: Callable[..., Any]
) -> None:
    console = await consoles(agent)
    await User.objects.filter(pk=agent.pk).aupdate(is_active=False)
    began = time.monotonic()
    assert await console.closed() == 4401
    assert time.monotonic() - began < 5


async def test_one_who_logged_out_is_put_out(agent: User, consoles: Callable[..., Any]) -> None:
    console = await consoles(agent)
    await StaffSession.objects.filter(session_key=console.cookie).adelete()
    assert await console.closed() == 4401


async def test_a_log_in_that_is_too_old_is_put_out(
    agent: User, consoles: Callable[..., Any]
) -> None:
    console = await consoles(agent)
    long_ago = timezone.now() - settings.SESSION_LIFETIME - timedelta(seconds=1)
    await StaffSession.objects.filter(session_key=console.cookie).aupdate(started_at=long_ago)
    assert await console.closed() == 4401


async def test_a_locked_screen_is_told_and_gets_nothing_until_it_is_unlocked(
    agent: User, consoles: Callable[..., Any]
) -> None:
    address = await sync_to_async(lambda: HubAddressFactory(department=agent.departments.get()))()
    conversation = (await sync_to_async(receive)(inbound(address, "before"))).conversation
    console = await consoles(agent)
    await console.open(conversation.uuid, conversation.revision)
    row = StaffSession.objects.filter(session_key=console.cookie)
    await row.aupdate(locked_at=timezone.now())
    assert (await console.next("locked"))["code"] == 4423
    await sync_to_async(receive)(inbound(address, "while locked"))
    assert not await console.quiet("entries", "row", "head", "counts")
    await console.say(type="open", conversation=conversation.uuid, revision=0)
    assert not await console.quiet("entries", "head", seconds=0.3)
    await row.aupdate(locked_at=None)
    await console.next("unlocked")
    frame = await console.next("entries")
    assert "while locked" in str(frame) and "before" not in str(frame)


async def test_an_open_socket_does_not_keep_a_log_in_awake(
    agent: User, consoles: Callable[..., Any]
) -> None:
    console = await consoles(agent)
    row = await StaffSession.objects.aget(session_key=console.cookie)
    for _ in range(3):
        await console.say(type="presence", presence="busy")
    await console.next("presence")
    after = await StaffSession.objects.aget(session_key=console.cookie)
    assert (after.active_at, after.expire_date) == (row.active_at, row.expire_date)


async def test_a_tab_makes_present_and_its_end_absent(
    agent: User, consoles: Callable[..., Any]
) -> None:
    console = await consoles(agent)
    assert (await sync_to_async(presence_of)([agent.pk]))[agent.pk] == Presence.AVAILABLE
    await console.say(type="presence", presence="busy")
    await console.next("presence", lambda frame: frame["people"].get(str(agent.pk)) == "busy")
    await console.leave()
    assert not await Tab.objects.filter(user=agent).aexists()


async def test_reading_and_leaving_are_on_record(agent: User, consoles: Callable[..., Any]) -> None:
    address = await sync_to_async(lambda: HubAddressFactory(department=agent.departments.get()))()
    conversation = (await sync_to_async(receive)(inbound(address, "one"))).conversation
    console = await consoles(agent)
    await console.open(conversation.uuid, conversation.revision)
    changed = (await sync_to_async(receive)(inbound(address, "two"))).conversation
    await console.next("entries")
    await console.say(type="read", conversation=conversation.uuid, number=10_000)
    await console.say(type="close", conversation=conversation.uuid)
    await console.leave()
    mark = await ReadMark.objects.aget(user=agent, conversation=conversation)
    assert mark.number == changed.last_number
    left = await AuditEvent.objects.aget(action="leave_conversation")
    assert left.actor_id == agent.pk and left.conversation_id == conversation.pk
    assert left.detail == {"last_number": changed.last_number}
    assert left.ip == "127.0.0.1" and left.session
    assert not await AuditEvent.objects.filter(action="view_conversation").aexists()


async def test_lines_that_no_page_showed_are_a_reading_of_their_own(
    agent: User, consoles: Callable[..., Any]
) -> None:
    address = await sync_to_async(lambda: HubAddressFactory(department=agent.departments.get()))()
    conversation = (await sync_to_async(receive)(inbound(address, "one"))).conversation
    console = await consoles(agent)
    await console.open(conversation.uuid, 0)
    seen = await AuditEvent.objects.aget(action="view_conversation")
    assert seen.detail["numbers"][0] == 1 and seen.actor_id == agent.pk


async def test_active_intervals_are_the_holders_and_end_with_the_tab(
    agent: User, consoles: Callable[..., Any]
) -> None:
    address = await sync_to_async(lambda: HubAddressFactory(department=agent.departments.get()))()
    conversation: Conversation = (
        await sync_to_async(receive)(inbound(address, "one"))
    ).conversation
    console = await consoles(agent)
    await console.open(conversation.uuid, conversation.revision)
    await console.say(type="active", conversation=conversation.uuid, active=True)
    await console.quiet("entries", seconds=0.3)
    kinds = ContactEvent.objects.filter(kind__startswith="active_").order_by("id")
    assert not await kinds.aexists(), "whoever does not hold it is not counted"
    await sync_to_async(holder.claim)(conversation, agent)
    await console.say(type="active", conversation=conversation.uuid, active=True)
    await console.quiet("entries", seconds=0.3)
    await console.leave()
    rows = [row async for row in kinds.values_list("kind", "agent_id", "interval")]
    assert [row[0] for row in rows] == ["active_started", "active_ended"]
    assert {row[1] for row in rows} == {agent.pk} and len({row[2] for row in rows}) == 1


async def test_two_tabs_of_one_log_in_are_two_leases(
    agent: User, consoles: Callable[..., Any]
) -> None:
    cookie = await log_in(agent)
    first, _second = await consoles(agent, cookie=cookie), await consoles(agent, cookie=cookie)
    assert await Tab.objects.filter(user=agent).acount() == 2
    await first.leave()
    assert await Tab.objects.filter(user=agent).acount() == 1
