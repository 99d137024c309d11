"""Reads the process environment for settings.py, and says in words what is missing.

Nothing here knows of Django beyond its exception for a bad configuration.
"""

import base64
import binascii
import os
from datetime import time

from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32


def text(name: str, default: str = "") -> str:
    """Return variable `name`, or `default` where it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def required(name: str, what: str) -> str:
    """Return variable `name`; raise ImproperlyConfigured, saying `what` it is for, if unset."""
    value = text(name)
    if not value:
        raise ImproperlyConfigured(f"{name} is not set: {what}.")
    return value


def number(name: str, default: int) -> int:
    """Return variable `name` as a whole number."""
    value = text(name)
    if not value:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error


def clock(name: str, default: str) -> time:
    """Return variable `name` as a time of day, "08:00"; "24:00" is the very end of the day."""
    value = text(name, default)
    if value == "24:00":
        return time.max
    try:
        return time.fromisoformat(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a time of day, such as 08:00.") from error


def flag(name: str, default: bool = False) -> bool:
    """Return variable `name` as a yes or no."""
    value = text(name).lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be yes or no.")


def words(name: str, default: str = "") -> list[str]:
    """Return variable `name`, split at its commas."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def key(name: str, what: str) -> bytes:
    """Return variable `name`, a key of 32 bytes in base64."""
    return _decode_key(name, required(name, what))


def key_ring(name: str, what: str) -> list[tuple[str, bytes]]:
    """Return variable `name`, "id:key,id:key", the current key first."""
    ring = []
    for part in required(name, what).split(","):
        identifier, colon, encoded = part.strip().partition(":")
        if not colon or not identifier:
            raise ImproperlyConfigured(f'{name} must read "id:key,id:key", keys in base64.')
        ring.append((identifier, _decode_key(name, encoded)))
    if len({identifier for identifier, _ in ring}) != len(ring):
        raise ImproperlyConfigured(f"{name} names a key id twice.")
    return ring


def _decode_key(name: str, encoded: str) -> bytes:
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImproperlyConfigured(f"{name} must be base64.") from error
    if len(value) != KEY_BYTES:
        raise ImproperlyConfigured(f"{name} must be a key of {KEY_BYTES} bytes in base64.")
    if len(set(value)) == 1:
        raise ImproperlyConfigured(f"{name} is a placeholder, not a key.")
    return value
