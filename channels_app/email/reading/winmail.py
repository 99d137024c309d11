"""winmail.dat: what Outlook packs a whole mail into (MS-OXTNEF, MS-OXCDATA).

Read here and not by tnefparse: that library believes the counts in the file, and one forged count
keeps it busy for four billion rounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from channels_app.email.reading.charsets import decoded
from channels_app.email.reading.limits import MAX_FILES

_SIGNATURE = 0x223E9F78
_MAX_ATTRIBUTES = 2_000
_MAX_PROPERTIES = 2_000


class Attribute(IntEnum):
    """Of the stream. Those of a file follow the one that begins it."""

    BODY = 0x800C
    FILE_DATA = 0x800F
    FILE_NAME = 0x8010
    NEW_FILE = 0x9002
    PROPERTIES = 0x9003
    FILE_PROPERTIES = 0x9005
    CODE_PAGE = 0x9007


class Property(IntEnum):
    """Of the message and of its files."""

    TEXT = 0x1000
    HTML = 0x1013
    OBJECT = 0x3701
    LONG_NAME = 0x3707
    TYPE = 0x370E
    CONTENT_ID = 0x3712
    HTML_CODE_PAGE = 0x3FDE


#: Sizes of values that always have the same one; each is filled up to four bytes.
_FIXED = {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 2, 20: 8, 64: 8, 72: 16}
_STRING, _WIDE_STRING, _OBJECT_VALUE, _BINARY = 0x1E, 0x1F, 0x0D, 0x102
_MANY, _NAMED = 0x1000, 0x8000


class Unreadable(ValueError):
    """These bytes are no TNEF, or broken."""


@dataclass
class PackedFile:
    """A file inside."""

    name: str = ""
    content_type: str = ""
    content: bytes = b""
    content_id: str = ""


@dataclass
class Packed:
    """What was inside."""

    text: str = ""
    html: str = ""
    files: list[PackedFile] = field(default_factory=list)


@dataclass
class _Cursor:
    data: bytes
    position: int = 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.position : self.position + size]
        if len(taken) < size:
            raise Unreadable
        self.position += size
        return taken

    def number(self, size: int = 4) -> int:
        return int.from_bytes(self.take(size), "little")

    def is_at_end(self) -> bool:
        return self.position >= len(self.data)


def unpack(data: bytes) -> Packed:
    """Raises Unreadable."""
    cursor = _Cursor(data)
    if cursor.number() != _SIGNATURE:
        raise Unreadable
    cursor.take(2)
    packed = Packed()
    charset = ""
    for _ in range(_MAX_ATTRIBUTES):
        if cursor.is_at_end():
            return packed
        cursor.take(1)
        attribute = cursor.number(2)
        cursor.take(2)
        content = cursor.take(cursor.number())
        cursor.take(2)
        match attribute:
            case Attribute.CODE_PAGE if len(content) >= 4:
                charset = f"cp{int.from_bytes(content[:4], 'little')}"
            case Attribute.BODY:
                packed.text = packed.text or _text(content, charset)
            case Attribute.PROPERTIES:
                _message_properties(content, packed, charset)
            case Attribute.NEW_FILE:
                if len(packed.files) == MAX_FILES:
                    return packed
                packed.files.append(PackedFile())
            case _ if packed.files:
                _of_file(attribute, content, packed.files[-1], charset)
    return packed


def _of_file(attribute: int, content: bytes, file: PackedFile, charset: str) -> None:
    match attribute:
        case Attribute.FILE_NAME:
            file.name = file.name or _text(content, charset)
        case Attribute.FILE_DATA:
            file.content = content
        case Attribute.FILE_PROPERTIES:
            for name, kind, value in _properties(content):
                match name:
                    case Property.LONG_NAME:
                        file.name = _string(kind, value, charset) or file.name
                    case Property.TYPE:
                        file.content_type = _string(kind, value, charset)
                    case Property.CONTENT_ID:
                        file.content_id = _string(kind, value, charset)
                    case Property.OBJECT if not file.content:
                        # The class of the object comes before what it holds.
                        file.content = value[16:] if kind == _OBJECT_VALUE else value


def _message_properties(content: bytes, packed: Packed, charset: str) -> None:
    html = b""
    html_charset = charset
    for name, kind, value in _properties(content):
        match name:
            case Property.TEXT:
                packed.text = _string(kind, value, charset) or packed.text
            case Property.HTML:
                html = value
            case Property.HTML_CODE_PAGE:
                page = int.from_bytes(value[:4], "little")
                html_charset = "utf-8" if page == 65001 else f"cp{page}"
    if html:
        packed.html = decoded(html, html_charset)[0].strip("\0")


def _properties(content: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Id, type and first value of each property."""
    cursor = _Cursor(content)
    for _ in range(min(cursor.number(), _MAX_PROPERTIES)):
        kind, name = cursor.number(2), cursor.number(2)
        if name >= _NAMED:
            cursor.take(16)
            if cursor.number() == 0:
                cursor.take(4)
            else:
                _padded(cursor, cursor.number())
        many = bool(kind & _MANY)
        kind &= ~_MANY
        if kind in _FIXED:
            count = cursor.number() if many else 1
            size = _FIXED[kind]
            values = cursor.take(count * size)
            cursor.take(-(count * size) % 4)
            yield name, kind, values[:size]
        elif kind in (_STRING, _WIDE_STRING, _OBJECT_VALUE, _BINARY):
            first = b""
            for number in range(cursor.number()):
                value = _padded(cursor, cursor.number())
                first = first if number else value
            yield name, kind, first
        else:
            raise Unreadable


def _padded(cursor: _Cursor, size: int) -> bytes:
    value = cursor.take(size)
    cursor.take(-size % 4)
    return value


def _string(kind: int, value: bytes, charset: str) -> str:
    return _text(value, "utf-16-le" if kind == _WIDE_STRING else charset)


def _text(content: bytes, charset: str) -> str:
    return decoded(content, charset)[0]
