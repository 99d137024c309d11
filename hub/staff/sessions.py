"""Sessions of staff: Django's database sessions plus the columns that the limits need.

The truth of the limits stands in the session's own data, where the middleware reads it without a
further query; the columns of `StaffSession` are copies, so that one query can look at many.

The data is encrypted: while somebody sets up a second factor it holds the secret of it.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.utils import timezone

from hub.encryption.ring import EncryptionError, ring
from hub.staff.models import StaffSession

STARTED_AT = "hub.started_at"
"""Session key: when the person logged in, in seconds since 1970."""
ACTIVE_AT = "hub.active_at"
"""Session key: when the person was last seen to do something, in seconds since 1970."""
LOCKED_AT = "hub.locked_at"
"""Session key: since when the screen is locked, in seconds since 1970; absent while it is not."""

_BOUND_TO = b"staff.StaffSession.session_data"


def moment(data: Any, key: str) -> datetime | None:
    """Return the moment under `key` of a session's data, or None where it holds none."""
    value = data.get(key)
    return None if value is None else datetime.fromtimestamp(value, tz=UTC)


class SessionStore(DatabaseSessionStore):
    """Database sessions that end for good `settings.SESSION_LIFETIME` after the log-in.

    Django's own expiry slides with each save; a log-in must not (NIST SP 800-63B-4, AAL2).
    """

    @classmethod
    def get_model_class(cls) -> type[StaffSession]:
        """Return the model that holds the rows."""
        return StaffSession

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the data as the database keeps it: signed by Django, then encrypted."""
        sealed = ring().seal(super().encode(session_dict).encode(), _BOUND_TO)
        return base64.b64encode(sealed).decode()

    def decode(self, session_data: bytes | str) -> dict[str, Any]:
        """Return the data again; a row that does not open is an empty session, as in Django."""
        try:
            opened = ring().open(base64.b64decode(session_data, validate=True), _BOUND_TO)
        except (EncryptionError, binascii.Error):
            return {}
        return super().decode(opened.decode())

    def create_model_instance(self, data: dict[str, Any]) -> StaffSession:
        """Return the row for `data`, not yet saved."""
        row = super().create_model_instance(data)
        return _with_columns(row, data)

    async def acreate_model_instance(self, data: dict[str, Any]) -> StaffSession:
        """Return the row for `data`, not yet saved."""
        row = await super().acreate_model_instance(data)
        return _with_columns(row, data)


def _with_columns(row: AbstractBaseSession, data: dict[str, Any]) -> StaffSession:
    assert isinstance(row, StaffSession)
    row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
    row.started_at = moment(data, STARTED_AT)
    row.active_at = moment(data, ACTIVE_AT)
    row.locked_at = moment(data, LOCKED_AT)
    if row.started_at is not None:
        row.expire_date = min(row.expire_date, row.started_at + lifetime())
    return row


def lifetime() -> timedelta:
    """Return how long after a log-in a new one is needed."""
    return settings.SESSION_LIFETIME


def now_in_seconds() -> float:
    """Return the present moment as sessions store it."""
    return timezone.now().timestamp()
