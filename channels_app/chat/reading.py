"""What the app sends, taken apart and checked: nothing of it is trusted."""

import json
from datetime import date, datetime
from typing import Any
from uuid import UUID

from channels_app.chat.refusals import Malformed
from channels_app.chat.sessions import LANGUAGES, LONGEST_NAME, Said

#: The largest frame of a socket and body of a request without files, in bytes.
LARGEST = 64 * 1024
_OLDEST = date(1890, 1, 1)


def parse(raw: str | bytes) -> dict[str, Any]:
    """Return the JSON object in `raw`. Raises Malformed."""
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    if not isinstance(data, dict):
        raise Malformed
    return data


def text_of(data: dict[str, Any], name: str) -> str:
    """Return a text, "" where there is none; half characters, which UTF-8 lacks, are replaced."""
    value = data.get(name, "")
    if not isinstance(value, str):
        raise Malformed
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def place_of(data: dict[str, Any], name: str) -> int:
    """Return a place in the list of lines, 0 where there is none."""
    value = data.get(name, 0)
    try:
        place = int(value)
    except (TypeError, ValueError) as error:
        raise Malformed from error
    if not 0 <= place < 2**31:
        raise Malformed
    return place


def intent_of(data: dict[str, Any]) -> UUID:
    """Return the key of one press of "send"."""
    try:
        return UUID(text_of(data, "intent"))
    except ValueError as error:
        raise Malformed from error


def language_of(data: dict[str, Any], otherwise: str = "en") -> str:
    """Return a language that we speak."""
    value = data.get("language")
    return value if value in LANGUAGES else otherwise


def moment_of(data: dict[str, Any], name: str) -> datetime | None:
    """Return a moment with its zone, None where there is none."""
    typed = text_of(data, name)
    if not typed:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError as error:
        raise Malformed from error
    if moment.tzinfo is None:
        raise Malformed
    return moment


def said_of(data: dict[str, Any]) -> Said:
    """Return what the visitor says of themself. An impossible birth date is none at all."""
    name = " ".join(text_of(data, "name").split())[:LONGEST_NAME]
    typed = text_of(data, "birth_date")
    try:
        born = date.fromisoformat(typed) if typed else None
    except ValueError:
        born = None
    return Said(name, born if born and _OLDEST <= born <= date.today() else None)  # noqa: DTZ011


def write(frame: dict[str, Any]) -> str:
    """Return a frame as it travels."""
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
