"""Mail of machines, and of people who only look like them."""

from channels_app.email.reading import MailKind
from tests.email.corpus_building import (
    HEADERS,
    add,
)

for _label, _line, _kind in (
    ("auto-submitted", "Auto-Submitted: auto-replied (vacation)", MailKind.AUTO_REPLY),
    ("auto-submitted no", "Auto-Submitted: no", MailKind.MESSAGE),
    ("suppressing answers", "X-Auto-Response-Suppress: All", MailKind.AUTO_REPLY),
    ("x-autoreply", "X-Autoreply: yes", MailKind.AUTO_REPLY),
    ("precedence auto_reply", "Precedence: auto_reply", MailKind.AUTO_REPLY),
    (
        "bulk answer to one mail",
        "Precedence: bulk\r\nIn-Reply-To: <a@b.example>",
        MailKind.AUTO_REPLY,
    ),
    ("empty return path", "Return-Path: <>", MailKind.AUTO_REPLY),
    ("newsletter", "List-Unsubscribe: <https://x.example>", MailKind.LIST),
    ("mailing list", "List-Id: Talk <talk.x.example>\r\nPrecedence: list", MailKind.LIST),
    ("bulk", "Precedence: bulk", MailKind.LIST),
    ("first class", "Precedence: first-class", MailKind.MESSAGE),
):
    add(
        f"kind: {_label}",
        _line.encode() + b"\r\n" + HEADERS + b"\r\nHello",
        kind=_kind,
        text="Hello",
    )
for _subject, _kind in (
    ("Automatic reply: Visit", MailKind.AUTO_REPLY),
    ("Out of Office", MailKind.AUTO_REPLY),
    ("Respuesta automática: Cita", MailKind.AUTO_REPLY),
    ("Fuera de la oficina", MailKind.AUTO_REPLY),
    ("Abwesenheitsnotiz: Termin", MailKind.AUTO_REPLY),
    ("Re: Out of office", MailKind.MESSAGE),
    ("Out of office hours question", MailKind.MESSAGE),
    ("Fwd: newsletter", MailKind.MESSAGE),
    ("My vacation and my medicine", MailKind.MESSAGE),
    ("Undelivered medicine", MailKind.MESSAGE),
):
    add(
        f"subject: {_subject}",
        f"From: a@b.example\r\nSubject: {_subject}\r\n\r\nHello".encode(),
        kind=_kind,
    )
