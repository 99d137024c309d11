"""Whatever bytes come, read answers: with a Mail that may be stored and shown, or a refusal."""

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from channels_app.email.reading import Mail, MailFile, MailRefused, read
from channels_app.email.reading.limits import MAX_FILE_NAME, MAX_FILES, MAX_TEXT
from tests.email.corpus import CORPUS
from tests.email.test_reading_html import dangers

NOW = datetime(2026, 3, 5, tzinfo=UTC)
#: Seconds. A mail of ordinary size takes milliseconds; hostile ones of 2 MB must end, too.
ORDINARY, HOSTILE = 2.0, 20.0

MUTATED = profile(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
raws = st.sampled_from([awkward.raw for awkward in CORPUS if len(awkward.raw) < 60_000])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A mail of the corpus after an accident: cut, flipped, its parts swapped or doubled."""
    raw = bytearray(draw(raws))
    for _ in range(draw(st.integers(1, 6))):
        if not raw:
            break
        at = draw(st.integers(0, len(raw) - 1))
        to = draw(st.integers(at, min(len(raw), at + 300)))
        match draw(st.sampled_from(("flip", "cut", "insert", "swap", "double", "splice", "drop"))):
            case "flip":
                raw[at] ^= draw(st.integers(1, 255))
            case "cut":
                del raw[at:]
            case "insert":
                raw[at:at] = draw(st.binary(max_size=20))
            case "swap":
                pieces = bytes(raw).split(b"--=_b")
                order = draw(st.permutations(pieces))
                raw = bytearray(b"--=_b".join(order))
            case "double":
                raw[at:at] = raw[at:to]
            case "splice":
                raw[at:] = draw(raws)[-1000:]
            case _:
                del raw[at:to]
    return bytes(raw)


def texts_of(value: Any) -> list[str]:
    """Every string in a Mail, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in texts_of(item)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return [text for field in fields for text in texts_of(getattr(value, field.name))]
    return []


def must_be_harmless(mail: Mail) -> None:
    """What holds for every mail."""
    for text in texts_of(mail):
        assert "\0" not in text
        # Raises for a lone surrogate.
        text.encode("utf-8")
    assert dangers(mail.html) == []
    assert len(mail.text) + len(mail.quoted) + len(mail.signature) <= MAX_TEXT + 10_000
    assert len(mail.files) <= MAX_FILES
    for file in mail.files:
        must_be_a_harmless_file(file)
    assert mail.date is None or mail.date.tzinfo is not None
    for line in (mail.subject, mail.from_name, mail.message_id, *mail.references, *mail.to):
        assert "\n" not in line and "\r" not in line


def must_be_a_harmless_file(file: MailFile) -> None:
    assert 0 < len(file.name) <= MAX_FILE_NAME
    assert not set(file.name) & set("/\\\n\r\t")
    assert file.name not in (".", "..")
    assert "svg" not in file.content_type


def must_answer(raw: bytes, seconds: float) -> Mail | None:
    begun = time.perf_counter()
    mail, code = None, ""
    try:
        mail = read(raw, now=NOW)
    except MailRefused as refused:
        code = refused.code
    assert time.perf_counter() - begun < seconds
    if mail is None:
        assert code in ("empty", "too_large", "no_headers_at_all")
    else:
        must_be_harmless(mail)
    return mail


@pytest.mark.parametrize("awkward", CORPUS, ids=lambda awkward: awkward.name)
def test_every_awkward_mail_is_harmless(awkward: Any) -> None:
    assert must_answer(awkward.raw, ORDINARY) is not None


@MUTATED
@given(mutated())
def test_a_damaged_mail_is_read_or_refused(raw: bytes) -> None:
    must_answer(raw, ORDINARY)


@MUTATED
@given(st.binary(max_size=3_000))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    must_answer(raw, ORDINARY)


@MUTATED
@given(
    st.sampled_from(("text/plain", "text/html", "text/calendar", "application/ms-tnef")),
    st.binary(max_size=2_000),
)
def test_any_body_is_read(kind: str, body: bytes) -> None:
    assert must_answer(f"Content-Type: {kind}\r\n\r\n".encode() + body, ORDINARY) is not None


@MUTATED
@given(
    st.sampled_from(
        "From To Subject Date Message-ID References Content-Type List-Id Return-Path Precedence"
        " Content-Transfer-Encoding Content-Disposition Auto-Submitted X-Failed-Recipients".split()
    ),
    st.text(max_size=300) | st.text(alphabet="<>\"'(),:;@=?*\\ \tab%1Q", max_size=200),
)
def test_any_header_is_read(name: str, value: str) -> None:
    raw = f"X: y\r\n{name}: {value}\r\n\r\nHello".encode("utf-8", "surrogatepass")

    assert must_answer(raw, ORDINARY) is not None


def test_every_mail_cut_anywhere_is_read_or_refused() -> None:
    for awkward in CORPUS:
        if len(awkward.raw) < 3_000:
            for end in range(0, len(awkward.raw), 41):
                must_answer(awkward.raw[:end], ORDINARY)


TYPES = b"From: a@b.example\nContent-Type: "


@pytest.mark.parametrize(
    "raw",
    [
        TYPES
        + b"multipart/mixed; boundary=a\n\n"
        + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 20_000,
        TYPES + b"multipart/mixed; boundary=a\n\n" + b"--ax\n" * 400_000,
        TYPES + b"text/plain\n\n" + b">" * 2_000_000,
        TYPES + b"text/plain\n\n" + b"On " * 600_000,
        TYPES + b"text/plain\n\n" + b"On 1 @ wrote wrote wrote:\n" * 80_000,
        TYPES + b"text/plain\n\n" + b"From: a\nTo: b\n" * 100_000,
        TYPES + b"text/plain\n\n" + b":\n" * 1_000_000,
        TYPES + b"text/plain\n\n" + b"-----BEGIN PGP SIGNED MESSAGE-----\nA: b\n" * 40_000,
        TYPES + b"text/plain; format=flowed\n\n" + b"a \n" * 600_000,
        TYPES + b"text/html\n\n" + b"<div>" * 400_000,
        TYPES + b"text/html\n\n" + b"<b x><p>" * 200_000,
        TYPES + b"text/html\n\n" + b"&" * 2_000_000,
        TYPES + b"text/html\n\n" + b"<!--" * 400_000,
        TYPES + b"text/html\n\n<p " + b"a " * 20_000,
        TYPES + b"text/calendar\n\n" + b"BEGIN:VEVENT\n" * 100_000,
        b"From: MAILER-DAEMON@x\nSubject: failure notice\n\n" + b"a@b." * 400_000,
        b"From: " + b"(" * 60_000 + b"\n\nx",
        b"Subject: " + b"=?utf-8?q?" * 6_000 + b"\n\nx",
        b"References: " + b"<a@b> " * 200_000 + b"\n\nx",
        b"X: y\n" * 400_000 + b"\nx",
        b"Content-Transfer-Encoding: base64\nContent-Type: application/pdf\n\n"
        + b"QQ==\n" * 400_000,
    ],
    ids=range(21),
)
def test_what_is_made_to_take_long_does_not(raw: bytes) -> None:
    assert must_answer(raw, HOSTILE) is not None


def test_a_date_is_absurd_only_beside_its_arrival() -> None:
    raw = b"Date: Fri, 4 Mar 2033 10:00:00 +0000\r\n\r\nx"

    assert read(raw, now=NOW).date is None
    assert read(raw, now=NOW + timedelta(days=3_000)).date is not None
