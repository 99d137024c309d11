"""Awkward encodings, files and HTML."""

import base64
import struct

from tests.email.corpus_building import (
    HEADERS,
    PIXEL,
    SAID,
    TEXT,
    add,
    contains,
    file,
    has,
    lacks,
    leaf,
    mapi,
    named,
    parts,
    tnef,
    with_body,
)

add(
    "base64 with rubbish",
    with_body("text/plain", b"SGVs*bG8\r\n!g==d29y\xffbGQ\r\n", encoding="base64"),
    text="Hello world",
)
add(
    "base64 that is plain",
    with_body("text/plain", b"I have a pain in my arm.", encoding="base64"),
    text="I have a pain in my arm.",
    problems=has("broken_encoding"),
)
add(
    "broken quoted-printable",
    with_body("text/plain", b"100=% of =ZZ it=C3=B1=\r\n all=", encoding="quoted-printable"),
    text=contains("100=% of =ZZ", "ñ all"),
)
add("an unknown encoding", with_body("text/plain", b"Hello", encoding="x-rot13"), text="Hello")
add(
    "a comment after the encoding",
    with_body("text/plain", b"SGVsbG8=", encoding="base64; really"),
    text="Hello",
)
add(
    "uuencoded inside the text",
    with_body(
        "text/plain", b"See this:\r\n\r\nbegin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n\r\nBye"
    ),
    text="See this:\n\nBye",
    files=lambda files: [(f.name, f.content) for f in files] == [("a.txt", b"hello")],
)
add(
    "uuencoded part",
    HEADERS
    + parts(
        "mixed",
        TEXT,
        leaf(
            "application/octet-stream; name=a.bin",
            b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n",
            "Content-Transfer-Encoding: x-uuencode",
        ),
    ),
    files=lambda files: files[0].content == b"hello",
)
add(
    "flowed text",
    with_body(
        "text/plain; format=flowed",
        b"I have \r\na pain.\r\n> in your \r\n> arm?\r\n> \r\n> Ana\r\n",
    ),
    text=contains("I have a pain."),
    quoted="> in your arm?\n>\n> Ana",
)

# Names of files ----------------------------------------------------------------------------------
for _label, _disposition, _name in (
    ("rfc 2231", "attachment; filename*=utf-8''inform%C3%A9.pdf", "informé.pdf"),
    (
        "rfc 2231 in pieces",
        "attachment; filename*0*=utf-8''info; filename*1*=rm%C3%A9; filename*2=.pdf",
        "informé.pdf",
    ),
    ("rfc 2047 in quotes", 'attachment; filename="=?utf-8?Q?inform=C3=A9.pdf?="', "informé.pdf"),
    ("raw eight bits", 'attachment; filename="informé.pdf"', "informé.pdf"),
    ("spaces without quotes", "attachment; filename=my report.pdf; size=3", "my report.pdf"),
    ("quotes without end", 'attachment; filename="report.pdf', "report.pdf"),
    ("a path", 'attachment; filename="../../etc/passwd"', "passwd"),
    ("a Windows path", 'attachment; filename="C:\\Users\\ana\\report.pdf"', "report.pdf"),
    ("turned around", 'attachment; filename="report\u202efdp.exe"', "reportfdp.exe"),
    ("control signs", "attachment; filename*=utf-8''a%00%0A%07b.pdf", "a b.pdf"),
    ("very long", f'attachment; filename="{"a" * 400}.pdf"', "a" * 116 + ".pdf"),
    ("only dots", 'attachment; filename=".."', "file-1.pdf"),
    ("no name", "attachment", "file-1.pdf"),
):
    add(
        f"file name: {_label}",
        HEADERS
        + parts(
            "mixed", TEXT, file("application/pdf", b"%PDF", f"Content-Disposition: {_disposition}")
        ),
        files=named(_name),
    )
add(
    "svg by type",
    HEADERS + parts("mixed", TEXT, file("image/svg+xml; name=a.svg", b"<svg/>")),
    files=(),
    problems=has("svg_dropped"),
)
add(
    "svg by content",
    HEADERS
    + parts(
        "mixed",
        TEXT,
        file("image/png; name=a.png", b'<?xml version="1.0"?><!-- x --><svg onload="alert(1)"/>'),
    ),
    files=(),
)
add(
    "an archive stays shut",
    HEADERS + parts("mixed", TEXT, file("application/zip; name=a.zip", b"PK\x03\x04bomb")),
    files=lambda files: files[0].content == b"PK\x03\x04bomb",
)


_WINMAIL = tnef(
    (1, 0x9007, struct.pack("<II", 1252, 0)),
    (1, 0x800C, b"From Outlook\0"),
    (2, 0x9002, b"\0" * 14),
    (2, 0x8010, b"REPORT~1.PDF\0"),
    (2, 0x800F, b"%PDF-1.4"),
    (2, 0x9005, mapi((0x3707, "informé.pdf\0".encode("utf-16-le")))),
)
add(
    "winmail.dat",
    HEADERS + parts("mixed", file("application/ms-tnef; name=winmail.dat", _WINMAIL)),
    text="From Outlook",
    files=lambda files: [(f.name, f.content) for f in files] == [("informé.pdf", b"%PDF-1.4")],
)
add(
    "a broken winmail.dat",
    HEADERS + parts("mixed", TEXT, file("application/ms-tnef; name=winmail.dat", _WINMAIL[:60])),
    text=SAID,
    files=named("winmail.dat"),
    problems=has("winmail_unreadable"),
)
add(
    "a winmail.dat with a forged count",
    HEADERS + parts("mixed", TEXT, file("application/ms-tnef", tnef((1, 0x9003, b"\xff" * 8)))),
    files=named("winmail.dat"),
)

# Hostile HTML ------------------------------------------------------------------------------------
add(
    "script in html",
    with_body("text/html", b"<p>Hi<script>alert(1)</script><img src=x onerror=alert(1)></p>"),
    text="Hi",
    html=lacks("script", "onerror", "alert"),
)
add(
    "svg in html",
    with_body("text/html", b"<svg onload=alert(1)><circle/></svg>Hi"),
    text="Hi",
    html="Hi",
)
add(
    "a picture in the html itself",
    with_body(
        "text/html", b'Hi <img src="data:image/png;base64,' + base64.b64encode(PIXEL) + b'">'
    ),
    html=contains("cid:picture-1@here"),
    files=lambda files: files[0].content == PIXEL and files[0].is_inline,
)
add(
    "a hidden preheader",
    with_body("text/html", b'<div style="display:none">View in browser</div><p>Hi</p>'),
    text="Hi",
)
