"""The mail inside a signature that encloses it (S/MIME "opaque signing", RFC 8551, 3.5.2).

Only unpacked; whether the signature is good is not asked. It walks the one path to the content
(CMS, RFC 5652, 5.1) and gives up wherever something else stands.
"""

_SEQUENCE, _OCTETS, _OCTETS_IN_PIECES, _CONTEXT_0 = 0x30, 0x04, 0x24, 0xA0
_INDEFINITE = -1


class _Other(ValueError):
    """Something else stands here."""


def signed_content(data: bytes) -> bytes:
    """What was signed; b"" if it is not enclosed or can't be found."""
    try:
        at = _after(data, _inside(data, 0, _SEQUENCE))
        at = _inside(data, _inside(data, at, _CONTEXT_0), _SEQUENCE)
        # Version and digest algorithms come before the content, and its type before itself.
        at = _inside(data, _after(data, _after(data, at)), _SEQUENCE)
        at = _inside(data, _after(data, at), _CONTEXT_0)
        return _octets(data, at)
    except _Other:
        return b""


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, where the content begins, and its length."""
    if at + 2 > len(data):
        raise _Other
    tag, length = data[at], data[at + 1]
    at += 2
    if length == 0x80:
        return tag, at, _INDEFINITE
    if length > 0x80:
        size = length - 0x80
        if size > 4:
            raise _Other
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    return tag, at, length


def _inside(data: bytes, at: int, expected: int) -> int:
    tag, start, _ = _header(data, at)
    if tag != expected:
        raise _Other
    return start


def _after(data: bytes, at: int) -> int:
    _, start, length = _header(data, at)
    if length == _INDEFINITE:
        raise _Other
    return start + length


def _octets(data: bytes, at: int) -> bytes:
    tag, start, length = _header(data, at)
    if tag == _OCTETS and length != _INDEFINITE:
        return data[start : start + length]
    if tag != _OCTETS_IN_PIECES:
        raise _Other
    end = len(data) if length == _INDEFINITE else start + length
    pieces = []
    while start < end:
        tag, start, length = _header(data, start)
        if tag != _OCTETS or length == _INDEFINITE:
            # Two zero bytes end what has no length.
            break
        pieces.append(data[start : start + length])
        start += length
    return b"".join(pieces)
