"""The live connection: who may open it, what it shows, and that a cut loses and repeats nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from channels_app.chat import sessions
from channels_app.chat.consumer import MALFORMED, MOST_FRAMES, OVER, TOO_LARGE, TOO_OFTEN
from channels_app.chat.live import live
from channels_app.chat.models import ChatSession, ChatSite
from channels_app.outbox import deliver
from hub.conversations.actions.send import note
from hub.conversations.actions.status import resolve
from hub.conversations.models import Conversation, Delivery, Entry
from hub.realtime.events import Event, SomeoneTyping
from hub.realtime.publish import publish
from hub.realtime.subscription import subscription
from hub.staff.models import User
from tests.chat.conftest import SITE_ORIGIN, Visitor
from tests.chat.socket import Closed, Socket
from tests.chat.test_messages import answer, conversation_of, leg_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def _end_subscription() -> AsyncIterator[None]:
    yield
    await subscription.stop()


def in_thread(work: Any, *args: Any, **kwargs: Any) -> Any:
    return sync_to_async(work)(*args, **kwargs)


async def patients_own(entry_count: int = 1) -> None:
    found = await in_thread(Entry.objects.filter(author_kind="patient").count)
    assert found == entry_count


@pytest.mark.parametrize(
    "origin",
    [None, "", "null", SITE_ORIGIN, "http://testserver.evil.example", "https://testserver"],
)
async def test_foreign_pages_get_no_socket(site: ChatSite, origin: str | None) -> None:
    with pytest.raises(Closed):
        await Socket(origin).connect()


async def test_a_foreign_host_does_not_make_its_origin_ours(site: ChatSite) -> None:
    with pytest.raises(Closed):
        await Socket("http://evil.example", host="evil.example").connect()


@pytest.mark.parametrize("token", ["", "guess", "A" * 43])
async def test_a_guessed_token_closes_the_socket(site: ChatSite, token: str) -> None:
    async with Socket() as socket:
        await socket.send(type="hello", token=token, site="riverside", after=0)
        assert (await socket.frame())["error"] == "over"
        with pytest.raises(Closed) as closed:
            await socket.frame()
        assert closed.value.code == OVER


async def test_nothing_is_done_before_the_token(site: ChatSite) -> None:
    async with Socket() as socket:
        await socket.send(type="send", intent=str(uuid4()), text="hello")
        with pytest.raises(Closed) as closed:
            await socket.frame()
        assert closed.value.code == MALFORMED
    await patients_own(0)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("x" * 70_000, TOO_LARGE),
        ('{"type":"send","text":"' + "é" * 40_000 + '"}', TOO_LARGE),
        ("not json", MALFORMED),
        ("[1]", MALFORMED),
        ("[" * 50_000, MALFORMED),
        ('{"type":"do-magic"}', MALFORMED),
        ('{"type":"send","intent":"x","text":"y"}', MALFORMED),
        ('{"type":"send","intent":"5c1f2b3e-6c0e-4c79-9d0e-0b8a4ff0a111","text":5}', MALFORMED),
        ('{"type":"seen","place":"1e999"}', MALFORMED),
        ('{"type":"seen","place":-4}', MALFORMED),
    ],
)
async def test_frames_that_no_app_sends_close_the_socket(
    visitor: Visitor, frame: str, code: int
) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.raw(frame)
        with pytest.raises(Closed) as closed:
            await socket.frame()
        assert closed.value.code == code
    await patients_own(0)


async def test_a_flood_of_frames_closes_the_socket(visitor: Visitor) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        for _ in range(MOST_FRAMES - 1):
            await socket.send(type="ping")
            await socket.frame()
        await socket.send(type="ping")
        with pytest.raises(Closed) as closed:
            await socket.frame()
        assert closed.value.code == TOO_OFTEN


async def test_a_message_is_acknowledged_when_it_is_committed(visitor: Visitor) -> None:
    intent = str(uuid4())
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=intent, text="Hello")
        assert (await socket.next("ack"))["intent"] == intent
        await patients_own(1)


async def test_the_own_line_and_the_answer_are_pushed(visitor: Visitor, lena: User) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=str(uuid4()), text="Hello")
        mine = await socket.line("Hello")
        assert mine["by"] == "me"
        await in_thread(answer, visitor, lena, "Good morning")
        theirs = await socket.line("Good morning")
        assert (theirs["by"], theirs["name"]) == ("person", "Lena")


async def test_two_tabs_show_the_same_and_a_line_once(visitor: Visitor, lena: User) -> None:
    async with Socket() as one, Socket() as two:
        await one.hello(visitor)
        await two.hello(visitor)
        await one.send(type="send", intent=str(uuid4()), text="From one tab")
        assert await one.line("From one tab") == await two.line("From one tab")
        await in_thread(answer, visitor, lena, "To both")
        assert await one.line("To both") == await two.line("To both")
        page = await in_thread(visitor.page)
        assert len([line for line in page["lines"] if line["text"] == "To both"]) == 1


async def test_staff_lines_and_other_chats_are_never_pushed(visitor: Visitor, lena: User) -> None:
    other = await in_thread(Visitor().start)
    async with Socket() as mine, Socket() as theirs:
        await mine.hello(visitor)
        await theirs.hello(other)
        await mine.send(type="send", intent=str(uuid4()), text="Mine")
        await mine.line("Mine")
        conversation = await in_thread(conversation_of, visitor)
        await in_thread(note, conversation, "Secret", intent=uuid4(), by=lena)
        await in_thread(answer, visitor, lena, "Seen")
        heard: list[dict[str, Any]] = []
        while not any(line["text"] == "Seen" for line in heard):
            heard += (await mine.next("lines"))["lines"]
        assert "Secret" not in str(heard)
        assert await theirs.is_silent()


async def test_after_a_cut_nothing_is_missing_and_nothing_repeated(
    visitor: Visitor, lena: User
) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=str(uuid4()), text="Before")
        await socket.line("Before")
        have = (await in_thread(visitor.page))["last"]
    for n in range(5):
        await in_thread(answer, visitor, lena, f"While away {n}")
    async with Socket() as again:
        page = await again.hello(visitor, after=have)
        assert [line["text"] for line in page["lines"]] == [f"While away {n}" for n in range(5)]
        assert [line["n"] for line in page["lines"]] == list(range(have + 1, have + 6))
        await in_thread(answer, visitor, lena, "And now")
        assert (await again.line("And now"))["n"] == have + 6


async def test_events_that_were_missed_are_made_up_for_by_catching_up(
    visitor: Visitor, lena: User
) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=str(uuid4()), text="Hello")
        await socket.line("Hello")
        await subscription.stop()  # the process goes deaf
        await in_thread(answer, visitor, lena, "Unheard")
        await live.catch_up()
        assert (await socket.line("Unheard"))["by"] == "person"


async def test_a_send_repeated_after_a_cut_is_one_message(visitor: Visitor) -> None:
    intent = str(uuid4())
    for _ in range(2):
        async with Socket() as socket:
            await socket.hello(visitor)
            await socket.send(type="send", intent=intent, text="Only once")
            assert (await socket.next("ack"))["intent"] == intent
    await patients_own(1)


async def test_typing_goes_both_ways_and_only_within_the_conversation(
    visitor: Visitor, lena: User
) -> None:
    heard: list[Event] = []

    async def listener(event: Event) -> None:
        heard.append(event)

    async def nothing() -> None:
        return

    subscription.listen(listener, nothing)
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="typing")  # no conversation yet: nobody to tell
        await socket.send(type="send", intent=str(uuid4()), text="Hello")
        await socket.line("Hello")
        pk = (await in_thread(conversation_of, visitor)).pk
        await socket.send(type="typing")
        for _ in range(50):
            if SomeoneTyping(pk, None) in heard:
                break
            await asyncio.sleep(0.05)
        assert heard.count(SomeoneTyping(pk, None)) == 1
        publish(SomeoneTyping(pk + 1, lena.pk))
        publish(SomeoneTyping(pk, lena.pk))
        await socket.next("typing")
        assert await socket.is_silent()
    subscription._listeners.remove(listener)
    subscription._catch_ups.remove(nothing)


async def test_what_the_app_has_and_shows_is_reported_on_the_delivery(
    visitor: Visitor, lena: User
) -> None:
    await in_thread(visitor.write, "Hello")
    entry = await in_thread(answer, visitor, lena, "An answer")
    delivery = await in_thread(Delivery.objects.get, entry=entry)
    await in_thread(deliver, delivery.pk)
    await in_thread(delivery.refresh_from_db)

    async def becomes(state: str) -> None:
        for _ in range(60):
            await in_thread(entry.refresh_from_db)
            if entry.delivery_state == state:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{entry.delivery_state}, not {state}")

    async with Socket() as socket:
        page = await socket.hello(visitor)
        # An app cannot claim lines that it was not given.
        await socket.send(type="seen", place=page["last"] - 1)
        await socket.send(type="got", place=page["last"] + 50)
        await becomes("delivered")
        await socket.send(type="seen", place=page["last"])
        await becomes("read")
        await socket.send(type="got", place=page["last"])
        await socket.send(type="ping")
        await socket.next("pong")
        await becomes("read")


async def test_when_the_conversation_is_resolved_the_app_is_told(
    visitor: Visitor, lena: User
) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=str(uuid4()), text="Hello")
        await socket.line("Hello")
        conversation = await in_thread(conversation_of, visitor)
        await in_thread(resolve, conversation, "answered", by=lena)
        while (await socket.next("lines"))["head"]["state"] != "ended":
            pass
        await socket.send(type="send", intent=str(uuid4()), text="One more thing")
        await socket.line("One more thing")
        await in_thread(conversation.refresh_from_db)
        assert conversation.status == Conversation.Status.OPEN


async def test_an_ended_session_closes_its_open_sockets(visitor: Visitor) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await in_thread(sessions.end, await in_thread(lambda: visitor.session))
        assert (await socket.next("over"))["error"] == "over"
        with pytest.raises(Closed) as closed:
            await socket.frame()
        assert closed.value.code == OVER


async def test_an_expired_session_is_shown_nothing_more(visitor: Visitor, lena: User) -> None:
    await in_thread(visitor.write, "Hello")
    async with Socket() as socket:
        await socket.hello(visitor)
        past = timezone.now() - timedelta(seconds=1)
        await in_thread(ChatSession.objects.update, expires_at=past)
        await in_thread(answer, visitor, lena, "Too late")
        frame = await socket.frame()
        assert (frame["type"], frame["error"]) == ("over", "over")


async def test_refusals_come_with_the_intent_and_a_sentence(visitor: Visitor) -> None:
    intent = str(uuid4())
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=intent, text="x" * 4001)
        refused = await socket.next("refused")
        assert (refused["intent"], refused["error"]) == (intent, "too_long")
        assert "4000" in refused["message"]
        # The socket stays: one message was too long, no more.
        await socket.send(type="ping")
        await socket.next("pong")


async def test_a_session_has_a_bounded_number_of_sockets(visitor: Visitor) -> None:
    sockets = [Socket() for _ in range(9)]
    try:
        for socket in sockets[:8]:
            await socket.connect()
            await socket.hello(visitor)
        await sockets[8].connect()
        await sockets[8].send(type="hello", token=visitor.token, site=visitor.site, after=0)
        with pytest.raises(Closed) as closed:
            await sockets[8].frame()
        assert closed.value.code == TOO_OFTEN
    finally:
        for socket in sockets:
            await socket.close()
    session = await in_thread(lambda: visitor.session)
    assert live.count(session.pk) == 0


async def test_nothing_of_a_closed_socket_is_kept(visitor: Visitor) -> None:
    async with Socket() as socket:
        await socket.hello(visitor)
        await socket.send(type="send", intent=str(uuid4()), text="Hello")
        await socket.line("Hello")
        leg = await in_thread(leg_of, visitor)
        assert live._by_conversation[leg.conversation_id]
    assert leg.conversation_id not in live._by_conversation
