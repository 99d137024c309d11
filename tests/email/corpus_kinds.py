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
    ("a vacation program", "X-Mailer: vacation 1.2", MailKind.AUTO_REPLY),
    ("an answering address", "From: autoreply@example.org", MailKind.AUTO_REPLY),
    ("a header of its own", "X-Acme-AutoReply: 1", MailKind.AUTO_REPLY),
    ("a header that denies", "X-Acme-AutoReply: no", MailKind.MESSAGE),
    (
        "a rule of a mailbox",
        "X-MS-Exchange-Generated-Message-Source: Mailbox Rules",
        MailKind.AUTO_REPLY,
    ),
    ("junk", "Precedence: junk", MailKind.AUTO_REPLY),
    (
        "a list's answer",
        "Precedence: bulk\r\nIn-Reply-To: <a@b.example>\r\nList-Id: <t.x.example>",
        MailKind.LIST,
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
