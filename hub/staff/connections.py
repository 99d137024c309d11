"""Which log-ins may keep their websockets open, and whose a websocket is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from channels.auth import get_user
from django.conf import settings
from django.http import parse_cookie
from django.utils import timezone

from hub.staff.lock import SessionState, limits, limits_of, needs_second_factor
from hub.staff.models import StaffSession, User
from hub.staff.sessions import SessionStore


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


async def with_log_in(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return a websocket's `scope` with the `session` of its cookie and the `user` of that.

    In place of Channels' AuthMiddlewareStack, which goes on to pass each frame that is sent through
    the session, to see whether it must be saved: a fifth of what a frame to a socket costs.
    """
    lines = [value for name, value in scope.get("headers", ()) if name.lower() == b"cookie"]
    cookies = parse_cookie("; ".join(line.decode("latin1") for line in lines))
    found = {**scope, "session": SessionStore(cookies.get(settings.SESSION_COOKIE_NAME))}
    return {**found, "user": await get_user(found)}


async def session_of(scope: Mapping[str, Any]) -> SocketSession | None:
    """Return the log-in behind a websocket's `scope`, or None where it may not connect.

    The scope is that of `with_log_in`. A person who must set up a second factor
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
