"""How many SMS segments a text takes: GSM 03.38 packs 160/153 characters, UCS-2 70/67."""

from __future__ import annotations

_GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Characters behind the escape: two septets each.
_GSM_EXTENDED = frozenset("\f^{}\\[~]|€")


def count_segments(body: str) -> int:
    """Return the number of segments, at least 1 (an empty text is still one message)."""
    if all(character in _GSM_BASIC or character in _GSM_EXTENDED for character in body):
        units, single, joined = [2 if c in _GSM_EXTENDED else 1 for c in body], 160, 153
    else:
        units, single, joined = [len(c.encode("utf-16-be")) // 2 for c in body], 70, 67
    if sum(units) <= single:
        return 1
    # A two-unit character is never torn apart, so segments are filled one by one.
    segments, used = 1, 0
    for unit in units:
        if used + unit > joined:
            segments, used = segments + 1, 0
        used += unit
    return segments
