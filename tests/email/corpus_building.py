"""How the awkward mails of the corpus are built, and how they say what must come out."""

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HEADERS = (
    b"From: Ana <ana@example.org>\r\nTo: desk@clinic.example\r\nSubject: Visit\r\n"
    b"Date: Wed, 4 Mar 2026 10:00:00 +0100\r\nMessage-ID: <m@example.org>\r\n"
)


@dataclass(frozen=True)
class Awkward:
    """One mail. `expected` names fields of Mail: a value that is a function is asked, any other
    must be equal.
    """

    name: str
    raw: bytes
    expected: dict[str, Any]


CORPUS: list[Awkward] = []


def add(name: str, raw: bytes, **expected: Any) -> None:
    CORPUS.append(Awkward(name, raw, expected))


def with_body(kind: str, body: bytes, *, encoding: str = "", headers: bytes = HEADERS) -> bytes:
    lines = f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
    if encoding:
        lines += f"Content-Transfer-Encoding: {encoding}\r\n"
    return headers + lines.encode("utf-8") + b"\r\n" + body


def parts(kind: str, *parts: bytes, boundary: str = "=_b", end: bool = True) -> bytes:
    mark = b"--" + boundary.encode()
    joined = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
        + joined
        + (mark + b"--\r\n" if end else b"")
    )


def leaf(kind: str, body: bytes, *more: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in (f"Content-Type: {kind}", *more))
    return lines.encode("utf-8") + b"\r\n" + body


def file(kind: str, content: bytes, *more: str) -> bytes:
    return leaf(kind, base64.encodebytes(content), "Content-Transfer-Encoding: base64", *more)


def contains(*words: str) -> Callable[[str], bool]:
    return lambda text: all(word in text for word in words)


def lacks(*words: str) -> Callable[[str], bool]:
    return lambda text: not any(word in text.lower() for word in words)


def named(*names: str) -> Callable[[Any], bool]:
    return lambda files: tuple(file.name for file in files) == names


def has(code: str) -> Callable[[Any], bool]:
    return lambda problems: code in problems


TEXT = leaf("text/plain; charset=utf-8", "Dolor de cabeza, señor.".encode())
HTML = leaf("text/html; charset=utf-8", "<p>Dolor de <b>cabeza</b>, señor.</p>".encode())
SAID = "Dolor de cabeza, señor."


def tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    """A winmail.dat of these attributes: level, id, content."""
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(
        struct.pack("<BHHI", level, attribute, 6, len(content))
        + content
        + struct.pack("<H", sum(content) & 0xFFFF)
        for level, attribute, content in attributes
    )


def mapi(*properties: tuple[int, bytes]) -> bytes:
    """A block of properties whose values are wide strings."""
    block = struct.pack("<I", len(properties))
    for name, value in properties:
        block += struct.pack("<HHII", 0x1F, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return block
