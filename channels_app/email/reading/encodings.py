"""Content-Transfer-Encoding: how bytes travelled. Whatever is broken gives what can be had."""

import re
from binascii import Error, a2b_base64, a2b_qp, a2b_uu

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_PADDING = re.compile(rb"=+")
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,300})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^end[ \t]*\r?$", re.MULTILINE)
#: Some writers join pieces that were each padded; more than these are rubbish.
_MAX_PIECES = 1_000
#: Some writers join pieces that were each padded; more than these are rubbish.
_MAX_PIECES = 1_000
#: Above this share of spaces a text that calls itself base64 is plain.
_PLAIN_SPACES = 0.02


def transported(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """`data` as it was before it was encoded for the way, and whether the encoding was false."""
    # Comments and rubbish after the word are common: `base64;`, `"base64"`, `7bit (…)`.
    word = re.sub(r"[^a-z0-9-]", " ", encoding.lower()).split()
    match word[0] if word else "":
        case "base64" | "b":
            if data.count(b" ") > len(data) * _PLAIN_SPACES:
                return data, True
            return from_base64(data), False
        case "quoted-printable" | "quoted" | "q":
            return a2b_qp(data), False
        case "x-uuencode" | "uuencode" | "x-uue" | "uue":
            found = uuencoded(data)
            return (found[0][1], False) if found else (data, True)
        case "" | "7bit" | "8bit" | "binary" | "7-bit" | "8-bit":
            return data, False
        case _:
            return data, True


def from_base64(data: bytes) -> bytes:
    """Decode `data`, leaving out what is no base64, with or without its padding."""
    pieces = _PADDING.split(_NOT_BASE64.sub(b"", data))
    if len(pieces) > _MAX_PIECES:
        pieces = [b"".join(pieces)]
    decoded = []
    for piece in pieces:
        whole = piece[:-1] if len(piece) % 4 == 1 else piece
        decoded.append(a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(decoded)


def uuencoded(data: bytes) -> list[tuple[bytes, bytes, int, int]]:
    """The files that stand uuencoded in a text: name, content, and from where to where."""
    found = []
    position = 0
    while begin := _UU_BEGIN.search(data, position):
        end = _UU_END.search(data, begin.end())
        if end is None:
            break
        content = b"".join(_uu_line(line) for line in data[begin.end() : end.start()].splitlines())
        if content:
            found.append((begin[1].strip(), content, begin.start(), end.end()))
        position = end.end()
    return found


def _uu_line(line: bytes) -> bytes:
    if not line:
        return b""
    try:
        return a2b_uu(line)
    except Error:
        # Some writers count wrongly; Python's own uu module mends it the same way.
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return a2b_uu(line[:length])
        except Error:
            return b""
