"""Reading a raw message: what comes out of an ordinary one, and what is refused."""

from datetime import UTC, datetime

import pytest

from channels_app.email.reading import MailKind, MailRefused, read
from channels_app.email.reading.limits import MAX_RAW_BYTES

NOW = datetime(2026, 3, 5, tzinfo=UTC)
ORDINARY = """\
Return-Path: <ana@example.org>
Delivered-To: front-desk@clinic.example
From: =?utf-8?Q?Ana_Mu=C3=B1oz?= <Ana@Example.org>
To: Clinic <front-desk@clinic.example>, other@clinic.example
Cc: "Muñoz, Luis" <luis@example.org>
Reply-To: ana.home@example.org
Subject: =?utf-8?B?Q2l0YSBt?=
 =?utf-8?B?YcOxYW5h?=
Message-ID: <one@example.org>
In-Reply-To: <zero@clinic.example>
References: <first@clinic.example>
 <zero@clinic.example>
Date: Wed, 4 Mar 2026 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

Sí, el martes.

Enviado desde mi iPhone

El mié, 4 mar 2026 a las 9:00, Clínica (<front-desk@clinic.example>) escribió:

> ¿Le va bien el martes?

--inner
Content-Type: text/html; charset=utf-8

<p>Sí, el martes. <img src="cid:p1"><img src="http://tracker.example/x.gif"></p>
--inner--
--outer
Content-Type: image/png; name="arm.png"
Content-ID: <p1>
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer--
"""


def test_an_ordinary_answer_is_taken_apart() -> None:
    mail = read(ORDINARY.encode(), now=NOW)

    assert mail.message_id == "<one@example.org>"
    assert mail.in_reply_to == ("<zero@clinic.example>",)
    assert mail.references == ("<first@clinic.example>", "<zero@clinic.example>")
    assert (mail.from_address, mail.from_name) == ("ana@example.org", "Ana Muñoz")
    assert mail.to == ("front-desk@clinic.example", "other@clinic.example")
    assert mail.cc == ("luis@example.org",)
    assert mail.reply_to == ("ana.home@example.org",)
    assert mail.delivered_to == ("front-desk@clinic.example",)
    assert mail.subject == "Cita mañana"
    assert mail.date == datetime(2026, 3, 4, 9, tzinfo=UTC)
    assert mail.text == "Sí, el martes."
    assert "¿Le va bien el martes?" in mail.quoted
    assert mail.signature == "Enviado desde mi iPhone"
    assert mail.html == (
        '<p>Sí, el martes. <img src="cid:p1">'
        '<img data-remote-src="http://tracker.example/x.gif"></p>'
    )
    assert mail.has_remote_images
    (file,) = mail.files
    assert (file.name, file.content_type, file.content_id) == ("arm.png", "image/png", "p1")
    assert file.content == b"\x89PNG\r\n\x1a\n" and file.is_inline
    assert (mail.kind, mail.bounce, mail.problems) == (MailKind.MESSAGE, None, ())


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_any_kind_of_line_end_will_do(ends: str) -> None:
    mail = read(ORDINARY.replace("\n", ends).encode(), now=NOW)

    assert mail == read(ORDINARY.encode(), now=NOW)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b" \r\n\r\n\x00", "empty"),
        (b"a" * (MAX_RAW_BYTES + 1), "too_large"),
        (b"Dear doctor, this is no mail\n", "no_headers_at_all"),
        (b"\xff\xfe\x00\x01", "no_headers_at_all"),
    ],
)
def test_what_is_no_mail_is_refused_with_a_reason(raw: bytes, code: str) -> None:
    with pytest.raises(MailRefused) as refused:
        read(raw)

    assert refused.value.code == code
