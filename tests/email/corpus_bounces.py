"""Reports of mail that did not arrive, as many servers have written them."""

from collections.abc import Callable

from channels_app.email.reading import Bounce, MailKind
from tests.email.corpus_building import HEADERS, TEXT, add, leaf, parts

OURS = (
    b"Message-ID: <ours@clinic.example>\r\nFrom: desk@clinic.example\r\nTo: ana@example.org\r\n"
    b"Subject: Visit\r\n\r\nSecret"
)
DAEMON = b"From: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: desk@clinic.example\r\n"


def _bounce(
    recipient: str, status: str, *, permanent: bool, original: str = "<ours@clinic.example>"
) -> Callable[[Bounce | None], bool]:
    return lambda bounce: (
        bounce is not None
        and (bounce.recipient, bounce.status) == (recipient, status)
        and bounce.is_permanent is permanent
        and bounce.original_message_id == original
        and not bounce.is_complaint
    )


def _report(*fields: str, kind: str = "delivery-status") -> bytes:
    blocks = "Reporting-MTA: dns; mx.example\r\n\r\n" + "\r\n".join(fields) + "\r\n"
    return (
        DAEMON
        + b"Subject: Undelivered Mail Returned to Sender\r\n"
        + parts(
            f"report; report-type={kind}",
            leaf("text/plain", b"Your mail could not be delivered."),
            leaf("message/delivery-status", blocks.encode()),
            leaf("message/rfc822", OURS),
            boundary="=_report",
        )
    )


def _old(subject: str, *lines: str, headers: bytes = DAEMON) -> bytes:
    return headers + f"Subject: {subject}\r\n\r\n".encode() + "\r\n".join(lines).encode()


for _name, _fields, _expected in (
    (
        "no such user",
        ("Final-Recipient: rfc822; Ana@Example.org", "Action: failed", "Status: 5.1.1"),
        _bounce("ana@example.org", "5.1.1", permanent=True),
    ),
    (
        "delayed",
        ("Final-Recipient: rfc822;ana@example.org", "Action: delayed", "Status: 4.4.1"),
        _bounce("ana@example.org", "4.4.1", permanent=False),
    ),
    (
        "the diagnosis says more",
        (
            "Final-Recipient: rfc822;ana@example.org",
            "Action: failed",
            "Status: 5.0.0",
            "Diagnostic-Code: smtp; 550 5.1.1 <ana@example.org> unknown",
        ),
        _bounce("ana@example.org", "5.1.1", permanent=True),
    ),
    (
        "only the diagnosis has a code",
        (
            "Final-Recipient: rfc822;ana@example.org",
            "Action: failed",
            "Diagnostic-Code: smtp; 452 4.2.2 mailbox full",
        ),
        _bounce("ana@example.org", "4.2.2", permanent=False),
    ),
    (
        "one arrived, one did not",
        (
            "Final-Recipient: rfc822;luis@example.org",
            "Action: delivered",
            "Status: 2.0.0",
            "",
            "Final-Recipient: rfc822;ana@example.org",
            "Action: failed",
            "Status: 5.7.1",
        ),
        _bounce("ana@example.org", "5.7.1", permanent=True),
    ),
    (
        "no type before the address",
        ("Final-Recipient: <ana@example.org>", "Action: failed", "Status: 5.1.2"),
        _bounce("ana@example.org", "5.1.2", permanent=True),
    ),
    (
        "no address but in our own mail",
        ("Final-Recipient: LOCAL;", "Action: failed", "Status: 5.3.0"),
        _bounce("ana@example.org", "5.3.0", permanent=True),
    ),
):
    add(f"report: {_name}", _report(*_fields), kind=MailKind.BOUNCE, bounce=_expected)
add(
    "report: a forwarded address",
    _report(
        "Original-Recipient: rfc822;ana@example.org",
        "Final-Recipient: rfc822;ana@work.example",
        "Action: failed",
        "Status: 5.1.1",
    ),
    bounce=lambda b: (b.recipient, b.original_recipient) == ("ana@work.example", "ana@example.org"),
)
add(
    "report: it arrived",
    _report("Final-Recipient: rfc822;ana@example.org", "Action: delivered", "Status: 2.0.0"),
    kind=MailKind.AUTO_REPLY,
    bounce=None,
)
add(
    "report: it was read",
    HEADERS
    + parts(
        "report; report-type=disposition-notification",
        leaf("text/plain", b"Your message was displayed."),
        leaf("message/disposition-notification", b"Disposition: manual-action; displayed"),
    ),
    kind=MailKind.AUTO_REPLY,
    bounce=None,
)
add(
    "report: a complaint",
    HEADERS
    + parts(
        "report; report-type=feedback-report",
        leaf("text/plain", b"This is a spam report."),
        leaf(
            "message/feedback-report",
            b"Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: <ana@example.org>\r\n",
        ),
        leaf("message/rfc822", OURS),
    ),
    kind=MailKind.BOUNCE,
    bounce=lambda b: (
        b.is_complaint
        and not b.is_permanent
        and b.recipient == "ana@example.org"
        and b.original_message_id == "<ours@clinic.example>"
    ),
)
add(
    "old: qmail",
    _old(
        "failure notice",
        "Hi. This is the qmail-send program at mx.example.",
        "I'm afraid I wasn't able to deliver your message to the following addresses.",
        "",
        "<Ana@example.org>:",
        "192.0.2.1 does not like recipient.",
        "Remote host said: 550 5.1.1 unknown user",
        "",
        "--- Below this line is a copy of the message.",
        "",
        "Message-ID: <ours@clinic.example>",
        "From: desk@clinic.example",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "5.1.1", permanent=True),
)
add(
    "old: exim",
    _old(
        "Mail delivery failed: returning message to sender",
        "A message that you sent could not be delivered to one or more of its recipients.",
        "",
        "  ana@example.org",
        "    host mx.example [192.0.2.1]: 550 No such user here",
        headers=DAEMON + b"X-Failed-Recipients: ana@example.org\r\n",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "", permanent=True, original=""),
)
add(
    "old: exim is still trying",
    _old(
        "Warning: message 1abc delayed 24 hours",
        "This message was created automatically by mail delivery software.",
        "The address to which the message has not yet been delivered is:",
        "",
        "  ana@example.org",
        "",
        "No action is required on your part. Delivery attempts will continue.",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "", permanent=False, original=""),
)
add(
    "old: full, in Spanish",
    _old(
        "No se puede entregar: Cita",
        "El mensaje no se pudo entregar a los siguientes destinatarios:",
        "ana@example.org",
        "452 4.2.2 Buzón lleno",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "4.2.2", permanent=False, original=""),
)
add(
    "a person asks about a bounce",
    HEADERS.replace(b"Visit", b"Undelivered Mail Returned to Sender") + b"\r\nWhat is this 5.1.1?",
    kind=MailKind.MESSAGE,
    bounce=None,
)
add(
    "a person forwards a bounce",
    HEADERS + parts("mixed", TEXT, leaf("message/rfc822", _report("Action: failed"))),
    kind=MailKind.MESSAGE,
    bounce=None,
)
add(
    "old: only the text says so",
    _old(
        "Your message to Ana",
        "Delivery to the following recipients failed.",
        "",
        "   ana@example.org",
        "",
        "550 5.1.1 User unknown",
        headers=b"From: postmaster@mx.example\r\nTo: desk@clinic.example\r\n",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "5.1.1", permanent=True, original=""),
)
add(
    "old: a report without its fields",
    DAEMON
    + b"Subject: Report\r\n"
    + parts(
        "report",
        leaf("text/plain", b"<ana@example.org>: 554 refused"),
        leaf("message/rfc822", OURS),
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "", permanent=True),
)
add(
    "old: the address stands in our mail only",
    _old(
        "Returned mail: see transcript for details",
        "550 refused",
        "",
        "   ----- Original message follows -----",
        "Message-ID: <ours@clinic.example>",
        "To: Ana <ana@example.org>",
        "From: desk@clinic.example",
    ),
    kind=MailKind.BOUNCE,
    bounce=_bounce("ana@example.org", "", permanent=True),
)
add(
    "old: a daemon with other news",
    _old("Disk space", "There is little left."),
    kind=MailKind.AUTO_REPLY,
    bounce=None,
)
add(
    "an absence note with telephone numbers",
    b"Return-Path: <>\r\nFrom: ana@example.org\r\nSubject: Away\r\n\r\n"
    b"Write to: luis@example.org, or call 555-1234, room 405, extension 550.",
    kind=MailKind.AUTO_REPLY,
    bounce=None,
)
