"""The console's websocket: who may come in, and what a browser may say.

A plain ASGI application instead of Channels' consumer, which would subscribe each socket to the
channel layer; here one subscription serves the process (live.py).

From the browser (JSON objects with a `type`):
    open {conversation, revision}: it shows this conversation and has everything up to `revision`
    close {conversation}: it no longer does
    resume {conversations: {uuid: revision}}: all that it shows, after a new connection
    read {conversation, number}: the person has seen all up to this line
    typing {conversation}: the person is writing an answer
    active {conversation, active}: the person turned to the conversation, or away from it
    presence {presence}: the person says where they are
To the browser: hello, entries, head, row, gone, reload, refresh, counts, offers, typing, presence,
phone, locked, unlocked (static/js/console/socket.js).
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import structlog
from django.conf import settings

from hub.audit.origin import origin_of_scope
from hub.console import upkeep
from hub.console.live import Live, live
from hub.console.sockets import Send, Socket, Watch, frame
from hub.conversations.actions import drafts
from hub.conversations.models import Conversation
from hub.realtime.database_threads import in_database_thread
from hub.realtime.events import SomeoneTyping
from hub.realtime.publish import publish
from hub.staff import presence
from hub.staff.connections import session_of, with_log_in
from hub.staff.lock import SessionState
from hub.staff.models import User

FRAME_LIMIT = 16 * 1024
"""Characters of one message from a browser."""
MESSAGES_PER_SECOND = 40
"""More than this over a few seconds is no person's browser."""
BURST = 200
OPEN_LIMIT = 20
"""Conversations that one tab may have open at once."""
TYPING_EVERY = 2.0
"""Seconds between two publications of "is writing" for one tab."""

NOT_ALLOWED = 4403
MALFORMED = 4400
TOO_LARGE = 1009
TOO_MANY = 1008
NOT_TEXT = 1003
BROKEN = 1011

Receive = Callable[[], Awaitable[dict[str, Any]]]
log = structlog.get_logger(__name__)


class Malformed(ValueError):
    """A browser sent what ours never sends."""


class ConsoleConsumer:
    """One websocket of a console."""

    def __init__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.allowance = float(BURST)
        self.allowance_at = time.monotonic()
        self.typed_at = 0.0
        self.socket: Socket
        self.live: Live

    @classmethod
    def as_asgi(cls) -> Callable[[Mapping[str, Any], Receive, Send], Awaitable[None]]:
        """Return the ASGI application."""

        async def application(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
            await cls(scope, receive, send).run()

        return application

    async def run(self) -> None:
        """Let the socket in or not, serve it, and clean up behind it."""
        await self.receive()  # websocket.connect
        ours = _is_ours(self.scope)
        session = await session_of(await with_log_in(self.scope)) if ours else None
        if session is None or session.user is None:
            await self.send({"type": "websocket.close", "code": NOT_ALLOWED})
            return
        await self.send({"type": "websocket.accept"})
        self.live = live()
        self.socket = Socket(
            user_id=session.user.pk,
            session_key=session.session_key,
            language=_language(session.user),
            origin=origin_of_scope(self.scope),
            send=self.send,
        )
        self.live.add(self.socket)
        if session.state is SessionState.LOCKED:
            upkeep.lock(self.socket)
        writer = asyncio.create_task(self._write())
        reader = asyncio.create_task(self._serve())
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and self.socket.is_closing:
                await asyncio.wait({writer}, timeout=5)
        finally:
            for task in (writer, reader):
                task.cancel()
            await asyncio.gather(writer, reader, return_exceptions=True)
            await asyncio.shield(self._leave())

    async def _write(self) -> None:
        # The browser is gone, or the server closes the socket: the end of the reading tells it.
        with contextlib.suppress(OSError, RuntimeError):
            await self.socket.write()

    async def _serve(self) -> None:
        try:
            await upkeep.give_tab(self.socket)
            self.socket.tell(frame("hello", user_id=self.socket.user_id))
            self.live.show_offers(self.socket)
            while True:
                message = await self.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if not self.socket.is_closing:
                    await self._take(message)
        except Malformed:
            self.socket.close(MALFORMED)
        except Exception:
            log.warning("console_socket_failed", exc_info=True)
            self.socket.close(BROKEN)

    async def _take(self, message: Mapping[str, Any]) -> None:
        text = message.get("text")
        if text is None:
            self.socket.close(NOT_TEXT)
        elif len(text) > FRAME_LIMIT:
            self.socket.close(TOO_LARGE)
        elif not self._may_say():
            self.socket.close(TOO_MANY)
        elif not self.socket.is_locked:
            await self._obey(_parsed(text))

    def _may_say(self) -> bool:
        now = time.monotonic()
        earned = (now - self.allowance_at) * MESSAGES_PER_SECOND
        self.allowance = min(BURST, self.allowance + earned) - 1
        self.allowance_at = now
        return self.allowance >= 0

    async def _obey(self, said: Mapping[str, Any]) -> None:
        match said:
            case {"type": "open", "conversation": conversation, "revision": int(revision)}:
                await self._open(_uuid(conversation), revision)
            case {"type": "close", "conversation": conversation}:
                await self._close(_uuid(conversation))
            case {"type": "resume", "conversations": dict(conversations)}:
                for conversation, revision in conversations.items():
                    if not isinstance(revision, int):
                        raise Malformed
                    await self._open(_uuid(conversation), revision)
            case {"type": "read", "conversation": conversation, "number": int(number)}:
                await self._read(self._watch(conversation), number)
            case {"type": "typing", "conversation": conversation}:
                self._type(self._watch(conversation))
            case {"type": "active", "conversation": conversation, "active": bool(active)}:
                await self._turn(self._watch(conversation), active=active)
            case {"type": "presence", "presence": str(wanted)}:
                await self._be(wanted)
            case _:
                raise Malformed

    def _watch(self, conversation: object) -> Watch | None:
        """Return what the tab has open; None where it is gone meanwhile."""
        return self.socket.watches.get(_uuid(conversation))

    async def _open(self, conversation: UUID, revision: int) -> None:
        if revision < 0 or revision >= 2**63:
            raise Malformed
        if conversation not in self.socket.watches and len(self.socket.watches) >= OPEN_LIMIT:
            raise Malformed
        await self.live.open(self.socket, conversation, revision)

    async def _close(self, conversation: UUID) -> None:
        watch = self.live.drop(self.socket, conversation)
        if watch is None:
            return
        await self._end_interval(watch.conversation_id)
        if watch.is_ready:
            await self.live.note_left(self.socket, watch)

    async def _read(self, watch: Watch | None, number: int) -> None:
        if watch is None or watch.level not in ("own", "read"):
            return
        # Nobody has read a line that was never sent to them.
        seen = min(number, watch.number)
        if seen > 0:
            await in_database_thread(
                drafts.mark_read, watch.conversation_id, seen, by_id=self.socket.user_id
            )

    def _type(self, watch: Watch | None) -> None:
        now = time.monotonic()
        if watch is None or watch.level != "own" or now - self.typed_at < TYPING_EVERY:
            return
        self.typed_at = now
        publish(SomeoneTyping(watch.conversation_id, self.socket.user_id))

    async def _turn(self, watch: Watch | None, *, active: bool) -> None:
        if watch is None:
            return
        if not active:
            await self._end_interval(watch.conversation_id)
        elif self.socket.interval is None or self.socket.interval[0] != watch.conversation_id:
            await self._end_interval(None)
            interval = uuid4()
            if await in_database_thread(
                _started, watch.conversation_id, self.socket.user_id, interval
            ):
                self.socket.interval = (watch.conversation_id, interval)

    async def _end_interval(self, conversation_id: int | None) -> None:
        """End the active interval, if there is one (of this conversation)."""
        interval = self.socket.interval
        if interval is None or conversation_id not in (None, interval[0]):
            return
        self.socket.interval = None
        await in_database_thread(_ended, interval[0], self.socket.user_id, interval[1])

    async def _be(self, wanted: str) -> None:
        try:
            await in_database_thread(_be, self.socket.user_id, wanted)
        except presence.UnknownPresence as error:
            raise Malformed from error

    async def _leave(self) -> None:
        """Write down what ends with the socket."""
        self.live.remove(self.socket)
        try:
            await self._end_interval(None)
            for conversation in list(self.socket.watches):
                await self._close(conversation)
            if self.socket.tab is not None:
                await in_database_thread(presence.close_tab, self.socket.tab)
        except Exception:
            log.error("console_socket_not_left", exc_info=True)


def _is_ours(scope: Mapping[str, Any]) -> bool:
    """Whether the page that connects is one of our own. A browser always says."""
    ours = urlsplit(settings.PUBLIC_URL)
    origins = [value for name, value in scope.get("headers", ()) if name.lower() == b"origin"]
    return origins == [f"{ours.scheme}://{ours.netloc}".encode()]


def _language(user: User) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    return user.language if user.language in known else settings.LANGUAGE_CODE


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    if not isinstance(said, dict):
        raise Malformed
    return said


def _uuid(value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError as error:
        raise Malformed from error


def _started(conversation_id: int, user_id: int, interval: UUID) -> bool:
    """Note that the holder turned to the conversation; whoever does not hold it is not counted."""
    held = Conversation.objects.filter(pk=conversation_id, holder_id=user_id).first()
    if held is None:
        return False
    drafts.active_started(held, interval=interval, by=User(pk=user_id))
    return True


def _ended(conversation_id: int, user_id: int, interval: UUID) -> None:
    conversation = Conversation.objects.get(pk=conversation_id)
    drafts.active_ended(conversation, interval=interval, by=User(pk=user_id))


def _be(user_id: int, wanted: str) -> None:
    presence.set_presence(User.objects.get(pk=user_id), wanted)
