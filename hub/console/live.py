"""The live half of the console: hears events once a process, and hands frames to those who may see.

For a conversation that changed there is one pass of database work, whatever the number of
sockets: who of those connected may see it now, what changed, one fragment a language. An event is
looked at at once where a pass is free; those that come meanwhile are answered by one more together,
so that the more there is to do the less each costs. A socket is a hint, the revision is the
truth: each open conversation has a revision that its client is known to have, and whatever may have
been missed is made good by a pass from there.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog

from hub.console import live_reads, offers, upkeep
from hub.console.live_reads import Change, Stand
from hub.console.sockets import Socket, Watch, frame
from hub.realtime import events
from hub.realtime.database_threads import in_database_thread
from hub.realtime.subscription import subscription
from hub.staff.models import User

PASSES_AT_ONCE = 2
"""Passes of database work at a time; a third thread stays free for opening and checking."""
MOST_IN_A_PASS = 25
"""Conversations that one pass looks at: whatever changed while all passes were under way."""
REMEMBERED = 5000
"""Of how many conversations the process remembers where they stood."""

log = structlog.get_logger(__name__)


class Live:
    """The consoles that are connected to this process."""

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self.by_user: dict[int, set[Socket]] = {}
        self._watching: dict[int, set[tuple[Socket, Watch]]] = {}
        # Conversation → the revision before the first event that no pass has answered yet.
        self._pending: dict[int, int] = {}
        self._running: set[int] = set()
        self._passes = 0
        self._stands: OrderedDict[int, Stand] = OrderedDict()
        self.counts_stale = asyncio.Event()
        self.presence_of: set[int] = set()
        self.presence_stale = asyncio.Event()
        self._names: dict[int, str] = {}
        self.departments: dict[int, frozenset[int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    # --- Coming and going ---

    def start(self) -> None:
        """Hear events in the running loop, and look after the sockets; does nothing twice."""
        if self._loops and not any(task.done() for task in self._loops):
            return
        subscription.listen(self.hear, self.catch_up)
        subscription.ensure_running()
        for loop in self._loops:
            loop.cancel()
        self._loops = [asyncio.create_task(work) for work in upkeep.Upkeep(self).works()]

    def add(self, socket: Socket) -> None:
        """Take in a socket that was let in."""
        self.sockets.add(socket)
        self.by_user.setdefault(socket.user_id, set()).add(socket)

    def remove(self, socket: Socket) -> None:
        """Forget a socket; its watches must have been closed."""
        self.sockets.discard(socket)
        mine = self.by_user.get(socket.user_id, set())
        mine.discard(socket)
        if not mine:
            self.by_user.pop(socket.user_id, None)
            self.departments.pop(socket.user_id, None)

    async def open(self, socket: Socket, conversation: UUID, revision: int) -> None:
        """Let `socket` hear of a conversation from `revision` on, if its person may see it.

        The watch is registered before the database is asked for what was missed, so that nothing
        falls between the answer and the first event.
        """
        if socket.is_locked:
            return
        self.drop(socket, conversation)
        pk = await in_database_thread(live_reads.id_of, conversation)
        if pk is None or socket.is_closing:
            socket.push(frame("gone", conversation=str(conversation), lists_only=False))
            return
        watch = Watch(pk, conversation, revision)
        socket.watches[conversation] = watch
        self._watching.setdefault(pk, set()).add((socket, watch))
        found = await in_database_thread(
            live_reads.opened,
            pk,
            revision,
            socket.user_id,
            socket.language,
            socket.origin,
        )
        if socket.watches.get(conversation) is not watch:
            return  # closed, or opened once more, meanwhile
        if found is None:
            self.drop(socket, conversation)
            socket.push(frame("gone", conversation=str(conversation), lists_only=False))
            return
        self._bring_up(socket, watch, found)

    def _bring_up(self, socket: Socket, watch: Watch, found: live_reads.Opened) -> None:
        name = str(watch.conversation)
        if not found.is_complete:
            socket.push(frame("reload", conversation=name))
        elif found.entries:
            socket.push(
                frame(
                    "entries",
                    conversation=name,
                    revision=found.revision,
                    entries=found.entries,
                )
            )
        if found.head:
            socket.push(
                frame(
                    "head",
                    conversation=name,
                    revision=found.revision,
                    level=found.level,
                    html=found.head,
                )
            )
        if not socket.is_locked:
            watch.revision = max(watch.revision, found.revision)
            watch.number = max(watch.number, found.number)
        watch.patient_id = found.patient_id
        watch.level = found.level
        watch.is_ready = True
        if watch.again:
            watch.again = False
            self._note(watch.conversation_id, watch.revision)

    def drop(self, socket: Socket, conversation: UUID) -> Watch | None:
        """Stop telling `socket` of a conversation; return what it had open."""
        watch = socket.watches.pop(conversation, None)
        if watch is not None:
            others = self._watching.get(watch.conversation_id, set())
            others.discard((socket, watch))
            if not others:
                self._watching.pop(watch.conversation_id, None)
        return watch

    # --- Events ---

    async def hear(self, event: events.Event) -> None:
        """Take in an event; the work is done beside, so that the next one is heard at once."""
        match event:
            case events.ConversationChanged(conversation_id=pk, revision=revision):
                if self.sockets:
                    self._note(pk, revision - 1)
            case events.SomeoneTyping(conversation_id=pk, user_id=user_id):
                if pk in self._watching:
                    self._spawn(self._typing(pk, user_id))
            case events.OfferChanged(user_id=user_id):
                self.show_offers(*self.by_user.get(user_id, ()))
            case events.PhoneChanged(user_id=user_id):
                for socket in self.by_user.get(user_id, ()):
                    socket.push(frame("phone"))
            case events.PresenceChanged(user_id=user_id):
                if self.sockets:
                    self.presence_of.add(user_id)
                    self.presence_stale.set()

    async def catch_up(self) -> None:
        """Make good whatever was missed while the subscription was away."""
        for pk, watching in self._watching.items():
            self._note(pk, min(watch.revision for _socket, watch in watching))
        refresh = frame("refresh")
        for socket in self.sockets:
            socket.push(refresh)
        self.show_offers(*self.sockets)
        self.counts_stale.set()

    def _note(self, conversation_id: int, since: int) -> None:
        """Ask for a pass over a conversation that changed after the revision `since`."""
        known = self._pending.get(conversation_id)
        self._pending[conversation_id] = since if known is None else min(known, since)
        self._start_passes()

    def _start_passes(self) -> None:
        """Start passes over what is pending, as many as may run; one conversation is in one."""
        while self._passes < PASSES_AT_ONCE:
            free = [pk for pk in self._pending if pk not in self._running][:MOST_IN_A_PASS]
            if not free:
                return
            self._passes += 1
            self._running.update(free)
            self._spawn(self._work({pk: self._pending.pop(pk) for pk in free}))

    async def _work(self, former_since: dict[int, int]) -> None:
        try:
            await self._pass(former_since)
        finally:
            self._passes -= 1
            self._running.difference_update(former_since)
            self._start_passes()

    async def _pass(self, former_since: dict[int, int]) -> None:
        ready: dict[int, list[tuple[Socket, Watch]]] = {}
        for pk in former_since:
            watching = self._watching.get(pk, set())
            for _socket, watch in watching:
                watch.again = watch.again or not watch.is_ready
            ready[pk] = [
                (one, watch) for one, watch in watching if watch.is_ready and not one.is_locked
            ]
        connected = {one.user_id: one.language for one in self.sockets if not one.is_locked}
        if not connected:
            return
        asked = [
            live_reads.Asked(
                pk,
                min((watch.revision for _one, watch in ready[pk]), default=0),
                {one.user_id: one.language for one, _watch in ready[pk]},
                since,
                self._stands.get(pk),
            )
            for pk, since in former_since.items()
        ]
        try:
            changes = await in_database_thread(live_reads.changes, asked, connected)
        except Exception:
            first, count = next(iter(former_since)), len(former_since)
            log.error("pass_failed", conversation_id=first, count=count, exc_info=True)
            await self._try_again(former_since)
            return
        for pk, change in changes.items():
            told = self._hand_to_watchers(change, ready[pk])
            self._hand_to_lists(change, connected, told)
            self._note_stand(pk, change.stand)

    async def _try_again(self, former_since: dict[int, int]) -> None:
        """Look at each by itself, so that one that cannot be read keeps no other waiting."""
        for pk, since in former_since.items():
            if len(former_since) > 1:
                await self._pass({pk: since})
            else:
                self._later(1.0, pk, since)

    def _hand_to_watchers(
        self, change: Change, ready: Iterable[tuple[Socket, Watch]]
    ) -> set[Socket]:
        """Hand out entries and head; return the sockets that were told that it is gone."""
        name, revision = str(change.conversation), change.revision
        gone = frame("gone", conversation=name, lists_only=False)
        told: set[Socket] = set()
        texts: dict[tuple[str, str, str], str] = {}

        def text(kind: str, socket: Socket, level: str) -> str:
            key = (kind, socket.language, level)
            if key not in texts:
                texts[key] = self._text(kind, change, socket.language, level)
            return texts[key]

        for socket, watch in ready:
            if socket.is_locked or socket.watches.get(watch.conversation) is not watch:
                continue  # locked or closed meanwhile
            level = change.levels.get(socket.user_id, "")
            if not level:
                self.drop(socket, watch.conversation)
                socket.push(gone)
                told.add(socket)
                self._spawn(self.note_left(socket, watch))
                continue
            if level != watch.level or watch.revision < revision:
                if not change.is_complete:
                    socket.push(frame("reload", conversation=name))
                elif entries := text("entries", socket, level):
                    socket.push(entries)
                if head := text("head", socket, level):
                    socket.push(head)
            watch.level = level
            watch.revision = max(watch.revision, revision)
            if level != "masked":
                watch.number = max(watch.number, change.number)
        return told

    def _text(self, kind: str, change: Change, language: str, level: str) -> str:
        name = str(change.conversation)
        if kind == "entries":
            drawn = (change.masked if level == "masked" else change.entries)[language]
            if not drawn:
                return ""
            return frame("entries", conversation=name, revision=change.revision, entries=drawn)
        if level == "masked":
            return ""
        html = change.heads[language]
        return frame("head", conversation=name, revision=change.revision, level=level, html=html)

    def _hand_to_lists(self, change: Change, connected: dict[int, str], told: set[Socket]) -> None:
        """Hand the row to those who have it among their own; take it from those who had."""
        name = str(change.conversation)
        rows = {
            language: frame(
                "row",
                conversation=name,
                revision=change.revision,
                html=html,
                facts=change.facts,
            )
            for language, html in change.rows.items()
        }
        for user_id in change.own:
            for socket in self.by_user.get(user_id, ()):
                if user_id in connected and socket.language in rows:
                    socket.push(rows[socket.language])
        for user_id in change.former:
            for socket in self.by_user.get(user_id, set()) - told:
                # Who may still read it, as the same patient's other conversation, keeps it open.
                still_open = change.conversation in socket.watches
                socket.push(frame("gone", conversation=name, lists_only=still_open))

    def _note_stand(self, conversation_id: int, stand: Stand) -> None:
        """Have the counts made anew if the conversation may stand in other lists than before."""
        before = self._stands.get(conversation_id)
        if before is None or replace(before, revision=stand.revision) != stand:
            self.counts_stale.set()
        self._stands[conversation_id] = stand
        self._stands.move_to_end(conversation_id)
        while len(self._stands) > REMEMBERED:
            self._stands.popitem(last=False)

    async def note_left(self, socket: Socket, watch: Watch) -> None:
        """Note in the audit trail that the person left it, with the last line they saw."""
        await in_database_thread(
            live_reads.left,
            socket.user_id,
            watch.conversation_id,
            watch.patient_id,
            watch.number,
            socket.origin,
        )

    async def _typing(self, conversation_id: int, user_id: int | None) -> None:
        name, text = "", ""
        if user_id is not None:
            if user_id not in self._names:
                self._names[user_id] = await in_database_thread(_name_of, user_id)
            name = self._names[user_id]
        for socket, watch in self._watching.get(conversation_id, ()):
            if watch.is_ready and watch.level in ("own", "read") and socket.user_id != user_id:
                text = text or frame(
                    "typing", conversation=str(watch.conversation), user_id=user_id, name=name
                )
                socket.push(text)

    def show_offers(self, *sockets: Socket) -> None:
        """Tell these sockets all that their people are being offered now."""
        if sockets:
            self._spawn(offers.push_to(sockets))

    def look_again(self, socket: Socket) -> None:
        """Check anew what `socket` may see of what it has open, and bring it up to date."""
        socket.push(frame("refresh"))
        for watch in socket.watches.values():
            self._note(watch.conversation_id, watch.revision)
        self.show_offers(socket)
        self.counts_stale.set()

    # --- Tasks ---

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _later(self, seconds: float, conversation_id: int, since: int) -> None:
        asyncio.get_running_loop().call_later(seconds, self._note, conversation_id, since)


def _name_of(user_id: int) -> str:
    return User.objects.filter(pk=user_id).values_list("name", flat=True).first() or ""


_live: Live | None = None
_loop: asyncio.AbstractEventLoop | None = None


def live() -> Live:
    """Return the live half of this process, running in the running event loop."""
    global _live, _loop
    loop = asyncio.get_running_loop()
    if _live is None or _loop is not loop:
        _live, _loop = Live(), loop
    _live.start()
    return _live
