"""The MIME tree of a message, by bytes and with limits.

Python's parser descends as deep as a message nests and reads whole mails line by line; this one
stops at limits and looks for boundaries only. What it cannot understand it keeps as text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from channels_app.email.reading.encodings import transported
from channels_app.email.reading.headers import Headers, split
from channels_app.email.reading.limits import MAX_DEPTH, MAX_PARTS
from channels_app.email.reading.parameters import content_type, parameters

_ANY_BOUNDARY = re.compile(
    rb"(?:\A|[\r\n])--([^\r\n]{1,200}?)[ \t]*\r?\n(?=[Cc][Oo][Nn][Tt]|\r?\n)"
)
#: Lines that begin like a boundary and are none; whoever has more of them has no other parts.
_MAX_FALSE_BOUNDARIES = 10_000


@dataclass(frozen=True)
class Part:
    """One node: a leaf with a body, or a container with children."""

    headers: Headers
    content_type: str
    parameters: dict[str, str]
    #: As it travelled; of a container what stands before its first child.
    encoded: bytes
    children: tuple["Part", ...] = ()

    @cached_property
    def _transported(self) -> tuple[bytes, bool]:
        return transported(self.encoded, self.headers.raw("content-transfer-encoding"))

    @property
    def content(self) -> bytes:
        return self._transported[0]

    @property
    def is_encoding_false(self) -> bool:
        return self._transported[1]

    @property
    def main_type(self) -> str:
        return self.content_type.partition("/")[0]

    @cached_property
    def disposition(self) -> str:
        value = self.headers.raw("content-disposition").lower()
        return value.partition(";")[0].strip(" \"'")

    @cached_property
    def file_name(self) -> str:
        """What the sender calls it, decoded, not yet made harmless; "" if nothing."""
        for header, name in (("content-disposition", "filename"), ("content-type", "name")):
            # A missing value before the first semicolon (`; filename=x`) is common.
            found = parameters(self.headers.raw(header)).get(name, "")
            if found.strip():
                return found
        return ""

    def walk(self) -> Iterator["Part"]:
        """This part and all below, in their order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class _Reading:
    """What one reading has come across so far."""

    parts: int = 0
    problems: dict[str, None] = field(default_factory=dict)


def parse(headers: Headers, body: bytes) -> tuple[Part, tuple[str, ...]]:
    """The tree of a message, and what was odd about it."""
    reading = _Reading()
    part = _part(headers, body, "text/plain", 0, reading)
    return part, tuple(reading.problems)


def _part(headers: Headers, body: bytes, default: str, depth: int, reading: _Reading) -> Part:
    reading.parts += 1
    value = headers.raw("content-type")
    kind = content_type(value, default if not value else "application/octet-stream")
    named = parameters(value)
    if headers.is_broken:
        reading.problems["broken_headers"] = None
    if not kind.startswith("multipart/"):
        return Part(headers, kind, named, body)
    if depth >= MAX_DEPTH:
        reading.problems["too_deep"] = None
        return Part(headers, "application/octet-stream", named, body)
    content = body
    boundary = named.get("boundary", "").rstrip().encode("utf-8", "replace")
    pieces, is_ended = _pieces(content, boundary) if boundary else ([], True)
    if not pieces and headers.has("content-transfer-encoding"):
        # A container may not be encoded, and some are; some forgot or changed their boundary.
        content = transported(body, headers.raw("content-transfer-encoding"))[0]
        pieces, is_ended = _pieces(content, boundary) if boundary else ([], True)
    if not pieces and (guess := _ANY_BOUNDARY.search(content)):
        reading.problems["broken_boundary"] = None
        pieces, is_ended = _pieces(content, guess[1])
    if not pieces:
        reading.problems["no_parts"] = None
        return Part(headers, "text/plain", named, content)
    if not is_ended:
        reading.problems["truncated"] = None
    child_default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    children = []
    for piece in pieces[1:]:
        if reading.parts >= MAX_PARTS:
            reading.problems["too_many_parts"] = None
            break
        child_headers, start = split(piece)
        children.append(_part(child_headers, piece[start:], child_default, depth + 1, reading))
    return Part(headers, kind, named, pieces[0], tuple(children))


def _pieces(body: bytes, boundary: bytes) -> tuple[list[bytes], bool]:
    """What stands between the boundary's lines, the preamble first; and whether it ended.

    Empty if the boundary is nowhere. What follows the end is nobody's.
    """
    line_end = b"\n" if b"\n" in body else b"\r"
    mark = b"--" + boundary
    pieces: list[bytes] = []
    start = false_ones = 0
    at = 0 if body.startswith(mark) else _after(body, line_end + mark, 0)
    while at >= 0:
        rest = at + len(mark)
        is_end = body.startswith(b"--", rest)
        stop = body.find(line_end, rest)
        stop = len(body) if stop < 0 else stop
        if body[rest + 2 * is_end : stop].strip():
            # A longer boundary that begins like this one.
            false_ones += 1
            if false_ones > _MAX_FALSE_BOUNDARIES:
                break
            at = _after(body, line_end + mark, rest)
            continue
        pieces.append(_without_line_end(body[start:at]))
        if is_end:
            return pieces, True
        if len(pieces) > MAX_PARTS:
            break
        start = min(stop + 1, len(body))
        at = _after(body, line_end + mark, max(stop, rest))
    if pieces:
        pieces.append(body[start:])
    return pieces, False


def _after(body: bytes, mark: bytes, position: int) -> int:
    found = body.find(mark, position)
    return found + 1 if found >= 0 else -1


def _without_line_end(piece: bytes) -> bytes:
    """The line end before a boundary belongs to the boundary (RFC 2046, 5.1.1)."""
    for end in (b"\r\n", b"\n", b"\r"):
        if piece.endswith(end):
            return piece[: -len(end)]
    return piece
