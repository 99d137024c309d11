"""The header section of a message or a part, read so that nothing in it can raise.

Python's own parser raises from the access to some headers and decodes whole values before their
structure is known; here bytes stay bytes until a caller asks for one thing.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

from channels_app.email.reading.charsets import decoded, storable
from channels_app.email.reading.encodings import from_base64
from channels_app.email.reading.limits import MAX_HEADER_BYTES, MAX_HEADERS, MAX_LINE

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r|\Z)")
#: RFC 2047, read as it is really written: spaces inside, no closing mark at the very end.
_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?(.*?)(?:\?=|\Z)", re.DOTALL)
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: Signs that turn the direction of what follows: `exe.fdp` would read `pdf.exe`.
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Headers:
    """The headers in their order: name in lower case, value without its folding."""

    fields: tuple[tuple[str, bytes], ...]
    is_broken: bool = False

    def all(self, name: str) -> Iterator[str]:
        """Every value of `name`, its encoded words still encoded."""
        for found, value in self.fields:
            if found == name:
                yield decoded(value)[0]

    def raw(self, name: str) -> str:
        """The first value of `name`, its encoded words still encoded; "" if there is none."""
        return next(self.all(name), "").strip()

    def text(self, name: str) -> str:
        """The first value of `name` for people: decoded, one line."""
        return one_line(with_words_decoded(self.raw(name)))

    def has(self, name: str) -> bool:
        return any(found == name for found, _ in self.fields)

    def count(self, name: str) -> int:
        return sum(found == name for found, _ in self.fields)


def split(data: bytes) -> tuple[Headers, int]:
    """The headers at the beginning of `data`, and where the body begins.

    A line that is no header ends them, as a blank one does; but if more headers follow before
    the blank line, it was a folded line that lost its indentation.
    """
    fields: list[tuple[str, bytearray]] = []
    is_broken = False
    position = 0
    for _ in range(MAX_HEADERS):
        line = _LINE.match(data, position)
        assert line is not None
        content = line[1]
        if not content.strip():
            if line.end() == position or content in (b"", b"\t", b" ") or not fields:
                position = line.end()
                break
            position = line.end()
            break
        named = _NAME.match(content)
        if content[:1] in b" \t" and fields:
            _extend(fields[-1][1], content)
        elif named:
            value = bytearray(content[named.end() : named.end() + MAX_HEADER_BYTES])
            fields.append((named[1].decode("ascii").lower(), value))
        elif fields and _more_headers_follow(data, line.end()):
            is_broken = True
            _extend(fields[-1][1], b" " + content)
        else:
            is_broken = True
            break
        if line.end() == position:
            break
        position = line.end()
        if position >= len(data):
            break
    return Headers(tuple((n, bytes(v).strip()) for n, v in fields), is_broken), position


def _extend(value: bytearray, line: bytes) -> None:
    value += line[: max(0, MAX_HEADER_BYTES - len(value))]


def _more_headers_follow(data: bytes, position: int) -> bool:
    """Within the next lines, before a blank one, stands one that every mail has."""
    for _ in range(5):
        line = _LINE.match(data, position)
        if line is None or not line[1].strip():
            return False
        named = _NAME.match(line[1])
        if named and named[1].lower() in _ORDINARY:
            return True
        position = line.end()
    return False


_ORDINARY = frozenset(
    b"from to cc subject date message-id mime-version content-type received reply-to".split()
) | {b"content-transfer-encoding", b"content-disposition", b"in-reply-to", b"references"}


def with_words_decoded(value: str) -> str:
    """`value` with its encoded words (RFC 2047) decoded, broken ones as far as they go."""
    if "=?" not in value:
        return value
    value = _BETWEEN_WORDS.sub(r"\1", value)
    pieces: list[str] = []
    # Words in a row are decoded together: some writers cut in the middle of a character.
    pending, charset = b"", ""
    position = 0
    for word in _WORD.finditer(value):
        its_charset = word[1].split("*", 1)[0]
        if word.start() > position or its_charset.lower() != charset.lower():
            pieces.append(decoded(pending, charset)[0])
            pieces.append(value[position : word.start()])
            pending = b""
        charset = its_charset
        pending += _word_bytes(word[2], word[3])
        position = word.end()
    pieces.append(decoded(pending, charset)[0])
    pieces.append(value[position:])
    return "".join(pieces)


def _word_bytes(encoding: str, content: str) -> bytes:
    if encoding in "bB":
        return from_base64(content.encode("ascii", "ignore"))
    # A raw 8-bit sign inside a word stays what it is.
    return a2b_qp(content.encode("utf-8", "replace"), header=True)


def one_line(text: str, limit: int = MAX_LINE) -> str:
    """`text` for one line of a screen: no control signs, no turning of the direction."""
    return _SPACE.sub(" ", _TURNS.sub("", storable(text)))[:limit].strip()
