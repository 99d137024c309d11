"""The limits of a log-in: the idle lock and the end after half a day.

A screen that nobody touches is locked after `settings.IDLE_LOCK`; a log-in ends for good after
`settings.SESSION_LIFETIME` (45 CFR 164.312(a)(2)(iii); NIST SP 800-63B-4, AAL2). Only a person
extends the idle time: the page reports real input (static/js/idle-lock.js), while polls, sockets
and page loads do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

from hub.staff.sessions import ACTIVE_AT, LOCKED_AT, STARTED_AT, lifetime, moment, now_in_seconds

MFA_PROVED = "hub.mfa"
"""Session key: the log-in was made with a second factor, or one was set up since."""

REPORT_EVERY = timedelta(minutes=1)
"""How often at most a page's report of activity is written down."""


class SessionState(StrEnum):
    """What a log-in may do now."""

    OK = "ok"
    LOCKED = "locked"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a log-in stands, and when that changes."""

    state: SessionState
    locks_at: datetime | None
    ends_at: datetime | None


def limits_of(data: Mapping[str, Any], now: datetime | None = None) -> Limits:
    """Return where the log-in with the session `data` stands at `now` (default: this moment)."""
    return limits(
        started_at=moment(data, STARTED_AT) if SESSION_KEY in data else None,
        active_at=moment(data, ACTIVE_AT),
        locked_at=moment(data, LOCKED_AT),
        now=now,
    )


def limits(
    *,
    started_at: datetime | None,
    active_at: datetime | None,
    locked_at: datetime | None,
    now: datetime | None = None,
) -> Limits:
    """Return where a log-in stands.

    Args:
        started_at: the log-in; None = nobody is logged in.
        active_at: the last sign of a person.
        locked_at: when the person locked the screen themself; None = they did not.
        now: the moment to judge at (default: this one).
    """
    now = now or timezone.now()
    if started_at is None or active_at is None:
        return Limits(SessionState.GONE, None, None)
    locks_at, ends_at = active_at + settings.IDLE_LOCK, started_at + lifetime()
    if now >= ends_at:
        state = SessionState.GONE
    elif locked_at is not None or now >= locks_at:
        state = SessionState.LOCKED
    else:
        state = SessionState.OK
    return Limits(state, locks_at, ends_at)


def needs_second_factor(data: Mapping[str, Any]) -> bool:
    """Whether the log-in must set up a second factor before it may see anything."""
    return bool(settings.MFA_REQUIRED and not data.get(MFA_PROVED))


def begin(session: SessionBase, *, second_factor: bool) -> None:
    """Note in `session` that a person just logged in, with or without a second factor."""
    now = now_in_seconds()
    session[STARTED_AT] = now
    session[ACTIVE_AT] = now
    session.pop(LOCKED_AT, None)
    note_second_factor(session, proved=second_factor)


def note_second_factor(session: SessionBase, *, proved: bool) -> None:
    """Note in `session` whether its person has a second factor."""
    if proved:
        session[MFA_PROVED] = True
    else:
        session.pop(MFA_PROVED, None)


def report_activity(session: SessionBase) -> None:
    """Note that the person did something; does nothing on a locked or ended log-in.

    It writes at most once in `REPORT_EVERY`, so that a busy hand costs one small write a minute.
    """
    if limits_of(_data(session)).state is not SessionState.OK:
        return
    if now_in_seconds() - session[ACTIVE_AT] >= REPORT_EVERY.total_seconds():
        session[ACTIVE_AT] = now_in_seconds()


def lock(session: SessionBase) -> None:
    """Lock the screen now, at the person's own wish."""
    session[LOCKED_AT] = now_in_seconds()


def unlock(session: SessionBase) -> None:
    """Open the screen again; the caller has checked the password or the passkey."""
    session.pop(LOCKED_AT, None)
    session[ACTIVE_AT] = now_in_seconds()


def _data(session: SessionBase) -> dict[str, Any]:
    return dict(session.items())
