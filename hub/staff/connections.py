"""Which log-ins may keep their websockets open, and whose a websocket is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from hub.staff.lock import SessionState, limits, limits_of, needs_second_factor
from hub.staff.models import StaffSession, User


@dataclass(frozen=True, slots=True)
class SocketSession:
    """The log-in that a websocket came with."""

    user: User
    session_key: str
    state: SessionState


def still_allowed(session_keys: Iterable[str]) -> dict[str, SessionState]:
    """Return for each key whether its sockets may stay open. One query, however many keys.

    `GONE`: logged out, ended, older than the longest log-in, or the person was switched off; the
    socket must be closed. `LOCKED`: nothing may be shown until the person unlocks the screen.
    """
    keys = set(session_keys)
    now = timezone.now()
    rows = StaffSession.objects.filter(
        session_key__in=keys, user__is_active=True, expire_date__gt=now
    ).values_list("session_key", "started_at", "active_at", "locked_at")
    found = {
        key: limits(started_at=started, active_at=active, locked_at=locked, now=now).state
        for key, started, active, locked in rows
    }
    return {key: found.get(key, SessionState.GONE) for key in keys}


async def session_of(scope: Mapping[str, Any]) -> SocketSession | None:
    """Return the log-in behind a websocket's `scope`, or None where it may not connect.

    The scope comes through Channels' AuthMiddlewareStack. A person who must set up a second factor
    first, or whose log-in ended, may not connect; one whose screen is locked is told so by `state`.
    """
    user, session = scope.get("user"), scope.get("session")
    if session is None or user is None or not user.is_authenticated or not user.is_active:
        return None
    data = dict(await session.aitems())
    state = limits_of(data).state
    if state is SessionState.GONE or needs_second_factor(data):
        return None
    return SocketSession(user=user, session_key=session.session_key, state=state)
