"""Reading a raw message: bytes in, a Mail out. No database, no network, nothing ever run.

`read` takes any bytes whatever and raises MailRefused or nothing. That is by design, not by one
big except: each part of a mail is read by a function that has an answer for every input.
"""

import re
from datetime import UTC, datetime

from channels_app.email.reading import addresses, bodies, bounces, kinds, quotes, tree
from channels_app.email.reading.headers import Headers, split
from channels_app.email.reading.html_cleaning import Cleaned, TooTangled, cleaned
from channels_app.email.reading.limits import MAX_HTML, MAX_RAW_BYTES
from channels_app.email.reading.mail import Bounce, Mail, MailFile, MailKind, MailRefused

__all__ = ["Bounce", "Mail", "MailFile", "MailKind", "MailRefused", "read"]

_ONCE = ("message-id", "from", "sender", "subject", "date", "in-reply-to", "references")
#: `From ana@example.org Wed Mar  4 …`, and not `From : Ana`.
_MAILBOX_LINE = re.compile(rb">?From [ \t]*[^:\s]+([ \t].{0,60}\d\d:\d\d|[ \t]*\r?\n)")
_NOTHING = Cleaned("", has_remote_images=False)


def read(raw: bytes, *, now: datetime | None = None) -> Mail:
    """Read one raw message.

    `now` is when it came: a date far after it is absurd. Raises MailRefused.
    """
    headers, body = _opened(raw)
    root, problems = tree.parse(headers, body)
    gathered = bodies.gather(root)
    odd = {**dict.fromkeys(problems), **gathered.problems}
    odd.update((f"duplicate_{n.replace('-', '_')}", None) for n in _ONCE if headers.count(n) > 1)
    subject = headers.text("subject")
    page = _page(gathered.markup, odd)
    report = bounces.report_of(root, gathered.text, subject)
    kind = kinds.kind_of(headers, subject)
    if report is None:
        if kind is not MailKind.MESSAGE or bounces.is_from_daemon(headers):
            report = bounces.told_otherwise(raw, root, gathered.text)
    elif report.bounce is not None and not report.is_by_fields:
        report = bounces.with_known_address(report, raw)
    if report is not None:
        kind = MailKind.BOUNCE if report.bounce else MailKind.AUTO_REPLY
    divided = quotes.divide(gathered.text, subject)
    date = addresses.date(headers.raw("date"), now or datetime.now(UTC))
    if date is None and headers.raw("date"):
        odd["absurd_date"] = None
    from_name, from_address = _sender(headers, odd)
    return Mail(
        message_id=addresses.message_id(headers.raw("message-id")),
        in_reply_to=addresses.message_ids(headers, "in-reply-to"),
        references=addresses.message_ids(headers, "references"),
        from_address=from_address,
        from_name=from_name,
        reply_to=addresses.addresses(headers, "reply-to"),
        sender=next(iter(addresses.addresses(headers, "sender")), ""),
        to=addresses.addresses(headers, "to"),
        cc=addresses.addresses(headers, "cc"),
        delivered_to=addresses.addresses(
            headers, "delivered-to", "x-original-to", "envelope-to", "x-envelope-to"
        ),
        subject=subject,
        date=date,
        text=divided.written,
        quoted=divided.quoted,
        signature=divided.signature,
        html=page.html,
        has_remote_images=page.has_remote_images,
        files=tuple(gathered.files),
        kind=kind,
        bounce=report.bounce if report else None,
        list_id=kinds.list_id(headers),
        is_encrypted=gathered.is_encrypted,
        is_signed=gathered.is_signed,
        problems=tuple(odd),
    )


def _opened(raw: bytes) -> tuple[Headers, bytes]:
    if len(raw) > MAX_RAW_BYTES:
        raise MailRefused("too_large")
    # Mailbox files put a line of their own above each message.
    message = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n \t\x00")
    if not message:
        raise MailRefused("empty")
    if _MAILBOX_LINE.match(message):
        message = message.partition(b"\n")[2]
    if b"\r\r\n" in message[:10_000]:
        message = message.replace(b"\r\r\n", b"\r\n")
    headers, start = split(message)
    if not headers.fields:
        raise MailRefused("no_headers_at_all")
    return headers, message[start:]


def _sender(headers: Headers, odd: dict[str, None]) -> tuple[str, str]:
    found = addresses.mailboxes(headers.raw("from"))
    if len(found) > 1:
        odd["several_senders"] = None
    if not found:
        return headers.text("from"), ""
    return found[0]


def _page(markup: str, odd: dict[str, None]) -> Cleaned:
    if not markup:
        return _NOTHING
    if len(markup) > MAX_HTML:
        odd["html_too_long"] = None
    try:
        return cleaned(markup)
    except TooTangled:
        odd["html_too_tangled"] = None
        return _NOTHING
