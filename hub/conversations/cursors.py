"""Places in a sorted list, as addresses carry them: times exact to the microsecond."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


class BadCursor(ValueError):
    """A list was asked to go on from something that is no place in it."""


def to_text(at: datetime | None) -> str:
    """Return the moment as digits; nothing for None."""
    return "" if at is None else str((at - _EPOCH) // timedelta(microseconds=1))


def to_moment(text: str) -> datetime | None:
    """Return the moment that `to_text` wrote. Raises BadCursor."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= _LATEST and len(text) <= 20):
        raise BadCursor
    return _EPOCH + timedelta(microseconds=int(text))
