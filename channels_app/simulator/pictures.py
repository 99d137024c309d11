"""Small pictures drawn on the spot, so that no photograph of anybody is in the repository."""

from __future__ import annotations

import struct
import zlib
from functools import cache

WIDTH, HEIGHT = 240, 150

Colour = tuple[int, int, int]

#: Each picture: background, then rectangles (left, top, right, bottom, colour).
_DRAWINGS: dict[str, tuple[Colour, list[tuple[int, int, int, int, Colour]]]] = {
    "card": (
        (33, 88, 160),
        [
            (0, 0, 240, 34, (22, 62, 120)),
            (16, 12, 96, 22, (235, 241, 250)),
            (16, 56, 52, 84, (224, 190, 110)),
            (16, 100, 150, 108, (214, 226, 244)),
            (16, 118, 110, 126, (150, 180, 220)),
            (182, 56, 222, 126, (235, 241, 250)),
        ],
    ),
}


@cache
def picture(name: str) -> bytes:
    """Return the PNG of a drawing.

    Raises:
        KeyError: when there is no drawing of that name.
    """
    background, rectangles = _DRAWINGS[name]
    rows = []
    for y in range(HEIGHT):
        row = [background] * WIDTH
        for left, top, right, bottom, colour in rectangles:
            if top <= y < bottom:
                row[left:right] = [colour] * (right - left)
        rows.append(b"\0" + b"".join(bytes(pixel) for pixel in row))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
