"""The visitor's websocket, /chat/socket.

From the app (JSON, at most 64 KB): hello {token, site, after, language} first, then send {intent,
text}, typing, got {place}, seen {place}, language {language}, ping. To the app: lines {lines, gone,
head, last, more}, ack {intent}, refused {intent, error, message}, typing, pong; and before it is
closed with 4401, over {error, message}. The token travels in the first frame, never in the address.
"""

import asyncio
import contextlib
import time
from typing import Any

import structlog
from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation

from channels_app.chat import limits, origins, reading, receipts, refusals, sessions, timeline
from channels_app.chat.live import live
from hub.audit.origin import origin_of_scope
from hub.conversations.models import Delivery
from hub.realtime.database_threads import in_database_thread
from hub.realtime.events import SomeoneTyping
from hub.realtime.publish import publish

HELLO_SECONDS = 10
MOST_OF_A_SESSION = 8
#: Frames that a person's app may send in `FRAME_WINDOW` seconds.
MOST_FRAMES = 80
FRAME_WINDOW = 10.0
TYPING_EVERY = 2.0

# Close codes of ours (4000 to 4999 are free): what the app does about each is in connection.js.
MALFORMED, OVER, TOO_OFTEN, TOO_LARGE = 4400, 4401, 4429, 1009

log = structlog.get_logger(__name__)


class ChatConsumer(AsyncWebsocketConsumer):
    """One socket of one visitor's browser."""

    # No layer: it hears through the process's one subscription (live.py).
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.session_id = 0
        self.conversation_id: int | None = None
        self.language = "en"
        self.ip: str | None = None
        self._place = 0
        self._head: dict[str, Any] | None = None
        self._gone: list[int] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._frames: list[float] = []
        self._typed_at = 0.0

    # --- Connecting ---------------------------------------------------------------------------

    async def connect(self) -> None:
        """Refuse foreign pages (closing before accepting answers 403), and wait for the token."""
        self.ip = origin_of_scope(self.scope).ip
        if not origins.is_own_scope(self.scope):
            await self.close()
            return
        try:
            await in_database_thread(limits.count, limits.SOCKETS, self.ip)
        except refusals.TooOften:
            await self.close()
            return
        await self.accept()
        self._start(self._expect_hello())

    async def disconnect(self, code: int) -> None:
        """Forget the socket."""
        if self.session_id:
            live.remove(self)
        for task in self._tasks:
            task.cancel()

    async def _expect_hello(self) -> None:
        await asyncio.sleep(HELLO_SECONDS)
        if not self.session_id:
            await self.close(OVER)

    # --- From the app -------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what one frame asks for."""
        if text_data is None:
            await self.close(MALFORMED)
            return
        if len(text_data) > reading.LARGEST or len(text_data.encode()) > reading.LARGEST:
            await self.close(TOO_LARGE)
            return
        if self._too_many_frames():
            await self.close(TOO_OFTEN)
            return
        try:
            frame = reading.parse(text_data)
            if not self.session_id:
                await self._hello(frame)
            else:
                await self._do(frame)
        except refusals.SessionOver as refusal:
            await self._leave(refusal)
        except refusals.TooOften:
            await self.close(TOO_OFTEN)
        except refusals.Malformed:
            await self.close(MALFORMED)

    def _too_many_frames(self) -> bool:
        now = time.monotonic()
        self._frames = [at for at in self._frames if now - at < FRAME_WINDOW]
        self._frames.append(now)
        return len(self._frames) > MOST_FRAMES

    async def _hello(self, frame: dict[str, Any]) -> None:
        if frame.get("type") != "hello":
            raise refusals.Malformed
        token, site = reading.text_of(frame, "token"), reading.text_of(frame, "site")
        try:
            session = await in_database_thread(sessions.find, token, site)
        except refusals.SessionOver:
            await in_database_thread(_count_stranger, self.ip)
            raise
        if live.count(session.pk) >= MOST_OF_A_SESSION:
            await self.close(TOO_OFTEN)
            return
        self.language = reading.language_of(frame, session.language)
        self._place = reading.place_of(frame, "after")
        self.session_id = session.pk
        # Before the first reading: what is committed after it nudges us.
        live.add(self)
        live.listen()
        self._news.set()
        self._start(self._show_news())

    async def _do(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "send":
                await self._write(frame)
            case "typing":
                self._publish_typing()
            case "got":
                await self._note(frame, Delivery.State.DELIVERED)
            case "seen":
                await self._note(frame, Delivery.State.READ)
            case "language":
                self.language = reading.language_of(frame, self.language)
                await in_database_thread(_speak, self.session_id, self.language)
                self.nudge()
            case "ping":
                await self._send({"type": "pong"})
            case _:
                raise refusals.Malformed

    async def _write(self, frame: dict[str, Any]) -> None:
        """Acknowledged only once it is committed (invariant 1)."""
        intent, text = reading.intent_of(frame), reading.text_of(frame, "text")
        try:
            await in_database_thread(_write, self.session_id, text, intent, self.ip)
        except refusals.SessionOver:
            raise
        except refusals.ChatRefused as refusal:
            await self._send({"type": "refused", "intent": str(intent), **self._words(refusal)})
        except Exception:
            # The app keeps it and sends it again with the same intent.
            log.error("chat_write_failed", exc_info=True)
            await self.close(1011)
        else:
            await self._send({"type": "ack", "intent": str(intent)})

    def _publish_typing(self) -> None:
        now = time.monotonic()
        if self.conversation_id is not None and now - self._typed_at >= TYPING_EVERY:
            self._typed_at = now
            publish(SomeoneTyping(self.conversation_id, None))

    async def _note(self, frame: dict[str, Any], state: str) -> None:
        place = min(reading.place_of(frame, "place"), self._place)
        await in_database_thread(_note, self.session_id, place, state)

    # --- To the app ---------------------------------------------------------------------------

    def nudge(self) -> None:
        """See LiveSocket."""
        self._news.set()

    def show_typing(self) -> None:
        """See LiveSocket."""
        self._start(self._send({"type": "typing"}))

    async def _show_news(self) -> None:
        """Read and send what is new, whenever nudged, until the socket closes."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._show_pages()
            except refusals.SessionOver as refusal:
                await self._leave(refusal)
                return
            except Exception:
                # The app connects anew and catches up.
                log.error("chat_page_failed", exc_info=True)
                await self.close(1011)
                return

    async def _show_pages(self) -> None:
        while True:
            page = await in_database_thread(_page, self.session_id, self._place, self.language)
            live.move(self, page.conversation_id)
            if page.lines or page.head != self._head or page.gone != self._gone:
                self._place, self._head, self._gone = page.last, page.head, page.gone
                await self._send({"type": "lines", **page.to_message()})
            if not page.more:
                return

    async def _leave(self, refusal: refusals.SessionOver) -> None:
        await self._send({"type": "over", **self._words(refusal)})
        await self.close(OVER)

    def _words(self, refusal: refusals.ChatRefused) -> dict[str, str]:
        with translation.override(self.language):
            return {"error": refusal.code, "message": refusal.sentence()}

    async def _send(self, frame: dict[str, Any]) -> None:
        # It may have been closed meanwhile; the app then catches up anew.
        with contextlib.suppress(RuntimeError):
            await self.send(reading.write(frame))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _write(session_id: int, text: str, intent: Any, ip: str | None) -> None:
    limits.count(limits.MESSAGES, session_id)
    limits.count(limits.MESSAGES_OF_ADDRESS, ip)
    sessions.write(sessions.again(session_id), text, intent=intent)


def _note(session_id: int, place: int, state: str) -> None:
    receipts.note(sessions.again(session_id), place, state)


def _speak(session_id: int, language: str) -> None:
    sessions.speak(sessions.again(session_id), language)


def _page(session_id: int, after: int, language: str) -> timeline.Page:
    return timeline.page(sessions.again(session_id), after, language)


def _count_stranger(ip: str | None) -> None:
    limits.count(limits.STRANGERS, ip)
