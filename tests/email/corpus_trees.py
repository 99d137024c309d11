"""Awkward trees of parts."""

import base64

from tests.email.corpus_building import (
    HEADERS,
    HTML,
    PIXEL,
    SAID,
    TEXT,
    add,
    contains,
    file,
    has,
    leaf,
    named,
    parts,
    with_body,
)

add(
    "text and html",
    HEADERS + parts("alternative", TEXT, HTML),
    text=SAID,
    html=contains("<b>cabeza</b>"),
)
add("html only", HEADERS + HTML, text=SAID)
add(
    "html that calls itself plain",
    with_body("text/plain", b"<html><body><p>Hello</p></body></html>"),
    text="Hello",
    html="<p>Hello</p>",
)
add(
    "an empty plain part",
    HEADERS + parts("alternative", leaf("text/plain", b" \r\n"), HTML),
    text=SAID,
)
add(
    "alternative in related in mixed",
    HEADERS
    + parts(
        "mixed",
        parts(
            "related",
            parts(
                "alternative",
                TEXT,
                leaf("text/html", b'<p>Look: <img src="cid:arm"></p>'),
                boundary="c",
            ),
            file("image/png; name=arm.png", PIXEL, "Content-ID: <arm>"),
            boundary="b",
        ),
        file('application/pdf; name="report.pdf"', b"%PDF-1.4"),
        boundary="a",
    ),
    text=SAID,
    html=contains('src="cid:arm"'),
    files=lambda files: (
        [(f.name, f.is_inline) for f in files] == [("arm.png", True), ("report.pdf", False)]
    ),
)
add(
    "text, picture, text (Apple)",
    HEADERS
    + parts("mixed", TEXT, file("image/png; name=a.png", PIXEL), leaf("text/plain", b"And more.")),
    text=contains(SAID, "And more."),
    files=named("a.png"),
)
add(
    "forty files",
    HEADERS
    + parts(
        "mixed", TEXT, *(file(f"image/png; name=p{n}.png", PIXEL + bytes([n])) for n in range(40))
    ),
    text=SAID,
    files=lambda files: len(files) == 40,
)
add(
    "sixty files",
    HEADERS
    + parts(
        "mixed", TEXT, *(file(f"image/png; name=p{n}.png", PIXEL + bytes([n])) for n in range(60))
    ),
    files=lambda files: len(files) == 50,
    problems=has("too_many_files"),
)
add(
    "five hundred parts",
    HEADERS + parts("mixed", *([TEXT] * 500)),
    problems=has("too_many_parts"),
)
_deep = TEXT
for _n in range(60):
    _deep = parts("mixed", _deep, boundary=f"b{_n}x")
add("sixty boxes in each other", HEADERS + _deep, problems=has("too_deep"))
add(
    "a boundary that never ends",
    HEADERS + parts("mixed", TEXT, end=False),
    text=SAID,
    problems=has("truncated"),
)
add("a boundary inside itself", HEADERS + parts("mixed", parts("alternative", TEXT)), text=SAID)
add(
    "a boundary that begins like another",
    HEADERS + parts("mixed", parts("alternative", TEXT, HTML, boundary="ab"), boundary="a"),
    text=SAID,
)
add(
    "a boundary that is nowhere",
    with_body("multipart/mixed; boundary=zzz", b"Just words."),
    text="Just words.",
    problems=has("no_parts"),
)
add(
    "no boundary named",
    HEADERS + parts("mixed", TEXT).replace(b'; boundary="=_b"', b""),
    text=SAID,
)
add(
    "a wrong boundary named",
    HEADERS + parts("mixed", TEXT).replace(b'boundary="=_b"', b'boundary="other"'),
    text=SAID,
    problems=has("broken_boundary"),
)
add(
    "nonsense as type",
    with_body("nonsense", b"Hello", headers=HEADERS),
    files=lambda files: len(files) == 1,
)
add(
    "a nested message stays apart",
    HEADERS
    + parts(
        "mixed",
        TEXT,
        leaf(
            "message/rfc822",
            b"From: x@y.example\r\nSubject: Old/../letter\r\n\r\nSecret of somebody else",
        ),
    ),
    text=SAID,
    files=named("letter.eml"),
)
add(
    "a picture only",
    with_body("image/png; name=a.png", base64.encodebytes(PIXEL), encoding="base64"),
    text="",
    files=named("a.png"),
)
add(
    "a text file is a file",
    HEADERS
    + parts(
        "mixed",
        TEXT,
        leaf("text/plain", b"1;2", 'Content-Disposition: attachment; filename="values.txt"'),
    ),
    text=SAID,
    files=named("values.txt"),
)
add(
    "signed with a detached signature",
    HEADERS
    + parts(
        "signed; protocol=x", TEXT, leaf("application/pgp-signature; name=s.asc", b"-----BEGIN")
    ),
    text=SAID,
    is_signed=True,
    files=(),
)
add(
    "encrypted by PGP/MIME",
    HEADERS
    + parts(
        "encrypted",
        leaf("application/pgp-encrypted", b"Version: 1"),
        leaf("application/octet-stream; name=encrypted.asc", b"-----BEGIN PGP MESSAGE-----"),
    ),
    is_encrypted=True,
    text="",
    files=named("encrypted.asc"),
)
add(
    "encrypted inside the text",
    with_body("text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----"),
    is_encrypted=True,
)
add(
    "signed inside the text",
    with_body(
        "text/plain",
        b"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nHello\r\n- - a point"
        b"\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nabc\r\n-----END PGP SIGNATURE-----\r\n",
    ),
    is_signed=True,
    text="Hello\n- a point",
)
add(
    "encrypted by S/MIME",
    with_body(
        'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        base64.encodebytes(b"0\x80"),
        encoding="base64",
    ),
    is_encrypted=True,
    files=named("smime.p7m"),
)


def _der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def _enclosing(content: bytes) -> bytes:
    """A CMS SignedData around `content`, without signatures."""
    inner = _der(0x30, b"\x06\x01\x2a", _der(0xA0, content))
    signed = _der(0x30, b"\x02\x01\x01", b"\x31\x00", inner)
    return _der(0x30, b"\x06\x01\x2a", _der(0xA0, signed))


for _label, _content in (
    ("in one piece", _der(0x04, TEXT)),
    ("in two pieces", b"\x24\x80" + _der(0x04, TEXT[:20]) + _der(0x04, TEXT[20:]) + b"\0\0"),
):
    add(
        f"enclosed in an S/MIME signature {_label}",
        with_body(
            "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
            base64.encodebytes(_enclosing(_content)),
            encoding="base64",
        ),
        text=SAID,
        is_signed=True,
        is_encrypted=False,
        files=(),
    )
_packed = TEXT
for _n in range(200):
    _packed = parts(
        "alternative",
        leaf("application/pkcs7-mime; smime-type=signed-data", _enclosing(_der(0x04, _packed))),
        boundary=f"p{_n}x",
    )
add("two hundred signatures around each other", HEADERS + _packed, is_signed=True)
add(
    "signed by S/MIME",
    with_body(
        'application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"',
        base64.encodebytes(b"0\x80"),
        encoding="base64",
    ),
    is_signed=True,
    is_encrypted=False,
)
_CALENDAR = (
    b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Check-up\\, yearly\r\n"
    b"DTSTART;TZID=Europe/Madrid:20260304T100000\r\n"
    b"DTEND;TZID=Europe/Madrid:20260304T103000\r\nLOCATION:Room\r\n  4\r\nBEGIN:VALARM\r\n"
    b"SUMMARY:Alarm\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
_EVENT = "Check-up, yearly · 2026-03-04 10:00 – 10:30 (Europe/Madrid) · Room 4"
add(
    "an invitation",
    HEADERS + parts("alternative", TEXT, leaf("text/calendar; method=REQUEST", _CALENDAR)),
    text=f"{SAID}\n\n{_EVENT}",
    files=named("file-1.ics"),
)
add(
    "an invitation cancelled",
    with_body("text/calendar; method=CANCEL", _CALENDAR.replace(b"REQUEST", b"CANCEL")),
    text=f"{_EVENT} · CANCEL",
)
add(
    "a broken calendar",
    with_body("text/calendar", b"BEGIN:VEVENT\r\nDTSTART:tomorrow\r\nEND:VEVENT"),
    text="",
)
