"""Addresses, Message-IDs and dates in headers. All are the sender's claims."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from channels_app.email.reading.headers import Headers, one_line, with_words_decoded
from channels_app.email.reading.limits import (
    MAX_ADDRESS,
    MAX_ADDRESSES,
    MAX_LINE,
    MAX_MESSAGE_ID,
    MAX_MESSAGE_IDS,
)

#: What may stand in an address that we would ever write to.
ADDRESS = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]{1,64}@[^\s@<>(),;:\\\"\x00-\x1f]{1,190}"
)
_MESSAGE_ID = re.compile(r"<([^<>]{1,2000})>")
#: No mail is older than this, and few clocks are more wrong than that.
_OLDEST = datetime(1980, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=2)


def mailboxes(value: str) -> list[tuple[str, str]]:
    """The (name, address) pairs of an address header. An address is lower-case and readable.

    The structure is read before encoded words are decoded, so that nothing in a name can become
    an address.
    """
    found: list[tuple[str, str]] = []
    for entry, comment in _entries(value):
        name, address = _mailbox(entry)
        if address:
            found.append((one_line(with_words_decoded(name or comment), MAX_LINE), address))
        if len(found) == MAX_ADDRESSES:
            break
    return found


def addresses(headers: Headers, *names: str) -> tuple[str, ...]:
    """The addresses of all headers with these names, each once, in their order."""
    found: dict[str, None] = {}
    for name in names:
        for value in headers.all(name):
            found.update((address, None) for _, address in mailboxes(value))
    return tuple(found)[:MAX_ADDRESSES]


def message_ids(headers: Headers, name: str) -> tuple[str, ...]:
    """The Message-IDs of a header; of very many the first and the last ones."""
    found = {
        identifier: None
        for value in headers.all(name)
        for match in _MESSAGE_ID.finditer(value)
        if (identifier := _identifier(match[1]))
    }
    every = tuple(found)
    if len(every) > MAX_MESSAGE_IDS:
        return every[:1] + every[-MAX_MESSAGE_IDS + 1 :]
    return every


def message_id(value: str) -> str:
    """The Message-ID in `value`, with its brackets; "" if there is none."""
    match = _MESSAGE_ID.search(value)
    if match:
        return _identifier(match[1])
    bare = value.strip().strip("<>")
    return "" if not bare or re.search(r"\s", bare) else _identifier(bare)


def date(value: str, now: datetime) -> datetime | None:
    """The date, aware; None if it cannot be read or cannot be true at the time `now`."""
    try:
        found = parsedate_to_datetime(one_line(value)[:100])
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found if _OLDEST <= found <= now + _AHEAD else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _identifier(inner: str) -> str:
    inner = re.sub(r"\s+", "", inner)
    return f"<{inner}>" if 0 < len(inner) <= MAX_MESSAGE_ID - 2 else ""


def _entries(value: str) -> list[tuple[str, str]]:
    """Cut at commas and semicolons outside quotes and brackets; comments apart."""
    entries: list[tuple[str, str]] = []
    entry: list[str] = []
    comment: list[str] = []
    depth = 0
    in_quotes = in_brackets = is_escaped = False
    for character in value:
        target = comment if depth else entry
        if is_escaped:
            is_escaped = False
            target.append(character)
        elif character == "\\" and (in_quotes or depth):
            is_escaped = True
        elif in_quotes:
            in_quotes = character != '"'
            target.append(character)
        elif depth:
            depth += (character == "(") - (character == ")")
            if depth:
                target.append(character)
        elif character == "(" and not in_brackets:
            depth = 1
        elif character == '"' and not in_brackets:
            in_quotes = True
            target.append(character)
        elif character in ",;" and not in_brackets:
            entries.append(("".join(entry), "".join(comment)))
            entry, comment = [], []
        elif character == ":" and not in_brackets and "@" not in entry:
            # The name of a group (`undisclosed-recipients:;`) is nobody's.
            entry = []
        else:
            in_brackets = (in_brackets or character == "<") and character != ">"
            target.append(character)
    if depth or in_quotes or in_brackets:
        # Something never ended; what looks like an address is still there to be found.
        entry.extend(comment)
        comment = []
    return [*entries, ("".join(entry), "".join(comment))]


def _mailbox(entry: str) -> tuple[str, str]:
    """Name and address; the address is the last one in angle brackets, else the bare one."""
    start = entry.rfind("<")
    if start >= 0:
        inner = entry[start + 1 :].split(">", 1)[0]
        # A route (`<@a,@b:user@c>`) is long obsolete; its last part is the address.
        inner = re.sub(r"\s+", "", inner.rsplit(":", 1)[-1]).strip("\"'")
        address = readable(inner)
        name = entry[:start].strip()
    else:
        match = ADDRESS.search(entry)
        address = readable(match[0].strip("'")) if match else ""
        name = (entry[: match.start()] + entry[match.end() :]).strip() if match else ""
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    return name.replace('"', ""), address


def readable(address: str) -> str:
    """`address` in lower case; "" if it is no address."""
    address = address.strip().lower().rstrip(".")
    if len(address) <= MAX_ADDRESS and ADDRESS.fullmatch(address):
        return address
    return ""
