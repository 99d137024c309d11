"""What runs all the time beside the fan-out: who may stay, leases, counts, presence."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from hub.console.sockets import Socket, frame
from hub.conversations import lists
from hub.realtime.database_threads import in_database_thread
from hub.staff import connections, presence
from hub.staff.lock import SessionState
from hub.staff.models import Membership, User

if TYPE_CHECKING:
    from hub.console.live import Live

CHECK_SECONDS = 3.0
"""How often one query looks whether those connected may still be."""
RENEW_SECONDS = 10.0
"""How often the tabs' leases are renewed; they run out after `staff.models.TAB_GRACE`."""
SETTLE_SECONDS = 1.0
"""Counts are sent at most this often; presence four times as often."""

SIGNED_OUT = 4401
LOCKED = 4423

log = structlog.get_logger(__name__)


class Upkeep:
    """The works that look after the sockets of one `Live`."""

    def __init__(self, live: "Live") -> None:
        self.live = live

    def works(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Return the works; each runs for as long as the process."""
        yield self._check_forever()
        yield self._renew_forever()
        yield self._counts_forever()
        yield self._presence_forever()

    async def _check_forever(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except Exception:
                log.warning("connection_check_failed", exc_info=True)

    async def check(self) -> None:
        """Close the sockets of those switched off or logged out; tell locked screens. One query."""
        keys = {socket.session_key for socket in self.live.sockets}
        if not keys:
            return
        states = await in_database_thread(connections.still_allowed, keys)
        for socket in list(self.live.sockets):
            match states.get(socket.session_key):
                case SessionState.GONE:
                    socket.close(SIGNED_OUT)
                case SessionState.LOCKED if not socket.is_locked:
                    lock(socket)
                case SessionState.OK if socket.is_locked:
                    self._unlock(socket)

    def _unlock(self, socket: Socket) -> None:
        socket.is_locked = False
        socket.counts = ""
        socket.push(frame("unlocked"))
        self.live.look_again(socket)

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            tabs = {socket.tab: socket for socket in self.live.sockets if socket.tab is not None}
            if not tabs:
                continue
            try:
                running = await in_database_thread(presence.renew_tabs, list(tabs))
                for ended in tabs.keys() - running:
                    await give_tab(tabs[ended])
            except Exception:
                log.warning("tabs_not_renewed", exc_info=True)

    async def _counts_forever(self) -> None:
        """Send the counts of the lists to those for whom they changed, once in a while."""
        live = self.live
        while True:
            await live.counts_stale.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            live.counts_stale.clear()
            try:
                found = await in_database_thread(lists.counts_of, list(live.by_user))
            except Exception:
                log.warning("counts_failed", exc_info=True)
                continue
            texts: dict[lists.Counts, str] = {}
            for user_id, counted in found.items():
                if counted not in texts:
                    texts[counted] = frame("counts", counts=asdict(counted))
                for socket in live.by_user.get(user_id, ()):
                    if socket.counts != texts[counted] and not socket.is_locked:
                        socket.counts = texts[counted]
                        socket.push(texts[counted])

    async def _presence_forever(self) -> None:
        """Tell everybody where colleagues are; look again at what those themselves may see."""
        live = self.live
        while True:
            await live.presence_stale.wait()
            await asyncio.sleep(SETTLE_SECONDS / 4)
            live.presence_stale.clear()
            changed, live.presence_of = live.presence_of, set()
            try:
                where, departments = await in_database_thread(_people, changed)
            except Exception:
                log.warning("presence_failed", exc_info=True)
                continue
            people = {str(user_id): str(state) for user_id, state in where.items()}
            text = frame("presence", people=people)
            for socket in live.sockets:
                socket.push(text)
            for user_id in changed & live.by_user.keys():
                self._note_departments(user_id, departments.get(user_id, frozenset()))

    def _note_departments(self, user_id: int, departments: frozenset[int]) -> None:
        known = self.live.departments.get(user_id)
        self.live.departments[user_id] = departments
        if known is not None and known != departments:
            for socket in self.live.by_user.get(user_id, ()):
                self.live.look_again(socket)


def lock(socket: Socket) -> None:
    """Tell a screen that it is locked; it gets no content until it is unlocked."""
    socket.is_locked = True
    socket.tell(frame("locked", code=LOCKED))


async def give_tab(socket: Socket) -> None:
    """Give the socket's tab a new lease, which makes its person present."""
    socket.tab = await in_database_thread(_open_tab, socket.user_id, socket.session_key)


def _open_tab(user_id: int, session_key: str) -> UUID | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return presence.open_tab(user, session_key).uuid if user else None


def _people(user_ids: set[int]) -> tuple[dict[int, Any], dict[int, frozenset[int]]]:
    departments: dict[int, set[int]] = {}
    for user_id, department_id in Membership.objects.filter(user_id__in=user_ids).values_list(
        "user_id", "department_id"
    ):
        departments.setdefault(user_id, set()).add(department_id)
    return (
        dict(presence.presence_of(user_ids)),
        {user_id: frozenset(found) for user_id, found in departments.items()},
    )
