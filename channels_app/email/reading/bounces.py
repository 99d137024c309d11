"""Mail that tells that a mail of ours did not arrive, or was called spam.

Reports by RFC 3464 and 5965 are read field by field; the older kinds, which only have sentences,
by what mail servers have written for decades.
"""

import re
from dataclasses import dataclass, replace

from channels_app.email.reading import addresses
from channels_app.email.reading.charsets import decoded
from channels_app.email.reading.headers import Headers, split
from channels_app.email.reading.known_bounces import failures
from channels_app.email.reading.mail import Bounce
from channels_app.email.reading.tree import Part

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]|\.\d)")
#: Followed by words or a code; a room or a telephone number is not.
_SMTP_CODE = re.compile(r"(?<![\w.+-])([45])[0-5]\d(?=[ :;,-]{1,3}(?:[#<(\[A-Za-z]|\d\.\d))")
_ORIGINAL_ID = re.compile(r"^[>\s]*message-id:\s*(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_ORIGINAL_TO = re.compile(r"^[>\s]*to:[ \t]*(\S.{0,500})$", re.IGNORECASE | re.MULTILINE)
_DAEMON = re.compile(
    r"mailer[-_.]?daemon|mail[-_.]?daemon|^postmaster@|^bounces?@|mdaemon|maildelivery", re.I
)
_DAEMON_NAME = re.compile(
    r"mail delivery (sub)?(system|service)|mail administrator|mailer[- ]daemon|delivery subsystem"
    r"|postmaster|system administrator|microsoft outlook|mail delivery",
    re.IGNORECASE,
)
_FAILED_SUBJECT = re.compile(
    r"\W*(undeliver(able|ed)|non[- ]?delivered|returned (mail|email|message|to sender)"
    r"|return to sender"
    r"|mail (delivery )?(failed|failure|error)|mail delivery (status|problem|system)|failure notice"
    r"|delivery (status )?(notification|failure|failed|error|problem|has failed|report)"
    r"|(message|mail|email) (you sent )?(could|can) ?not (be )?deliver|could not (send|deliver)"
    r"|message delivery (failure|failed|delayed)|delivery delayed|warning: (could not send"
    r"|message .{0,40}delayed)"
    r"|undelivered mail|user unknown|no se (puede|pudo|ha podido) entregar|error de entrega"
    r"|correo (no entregado|devuelto)"
    r"|mensaje (no entregado|devuelto)|notificaci[óo]n de (estado de )?entrega|no entregado"
    r"|devoluci[óo]n de correo"
    r"|unzustellbar|nicht zustellbar|non remis|échec de la remise|mancato recapito"
    r"|mensagem n[ãa]o entregue"
    r"|rejected:|blocked|nondeliverable|non recapitabile)",
    re.IGNORECASE,
)
_DELAY = re.compile(
    r"delay|will (be retried|retry|keep trying|continue)|still being retried|warning message only"
    r"|temporar|try again|not yet been delivered|do not need to resend|no need to resend"
    r"|reintent|aplazad"
    r"|quota|mailbox (is )?full|over ?quota|buz[óo]n lleno",
    re.IGNORECASE,
)
#: Before the address that failed, in servers' sentences; the address follows within a few lines.
_ADDRESS_FOLLOWS = re.compile(
    r"(permanent fatal errors|following (address|recipient|addresses|recipients)"
    r"|could not be delivered to"
    r"|couldn'?t be delivered to|wasn'?t delivered to|delivery to (the following|this)"
    r"|failed (recipient|for)"
    r"|undeliverable to|not delivered to|recipient address|unable to deliver|user unknown"
    r"|unknown (user|address)"
    r"|siguientes? destinatarios?|no (se )?(pudo|ha podido) (ser )?entrega|to:|recipient:|<\S+>:)",
    re.IGNORECASE,
)
_IN_TEXT = re.compile(
    r"[A-Za-z0-9._%+=/~!#$&'*{}|^-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}[A-Za-z]{2,24}"
)
_ORIGINAL_BEGINS = re.compile(
    r"^[ \t>-]*(-{2,}.{0,60}(copy|original|returned|message|header|mensaje).{0,60}"
    r"|original message (headers|follows).{0,20}|(received|return-path): .*)$",
    re.IGNORECASE | re.MULTILINE,
)
_NEEDS_LOOK = 20_000


@dataclass(frozen=True, slots=True)
class _Recipient:
    address: str
    original: str
    action: str
    status: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a machine says about our mail: a bounce, or something that only looks like a report."""

    bounce: Bounce | None
    # The address stands in a field of its own; else it was looked for in sentences.
    is_by_fields: bool = True


def told_otherwise(raw: bytes, root: Part, text: str) -> Report | None:
    """Return the report of a machine's mail that keeps to no rule we know; None if it is none."""
    known = failures(raw)
    if not known.addresses:
        return None
    said = _old_bounce(root.headers, _original(root), text)
    return Report(
        replace(said, recipient=known.addresses[0]),
        is_by_fields=False,
    )


def with_known_address(report: Report, raw: bytes) -> Report:
    """Return the report with the address that failed, where the sentences named another one."""
    known = failures(raw).addresses
    if report.bounce is None or not known or report.bounce.recipient in known:
        return report
    return replace(report, bounce=replace(report.bounce, recipient=known[0]))


def report_of(root: Part, text: str, subject: str) -> Report | None:
    """The report that this mail is; None if it is none.

    A report without a bounce is a receipt: read, displayed, delivered.
    """
    kinds = {part.content_type: part for part in root.walk()}
    original = _original(root)
    if feedback := kinds.get("message/feedback-report"):
        return Report(_complaint(feedback, original))
    if status := kinds.get("message/delivery-status") or kinds.get(
        "message/global-delivery-status"
    ):
        return _delivery_report(status, root, original, text)
    if "message/disposition-notification" in kinds or (
        root.parameters.get("report-type", "").lower() == "disposition-notification"
    ):
        return Report(None)
    if _is_old_bounce(root, subject, text, has_original=original is not None):
        return Report(_old_bounce(root.headers, original, text), is_by_fields=False)
    return None


def _original(root: Part) -> Headers | None:
    """The headers of our own mail, where the report brought them back."""
    for part in root.walk():
        if part.content_type in (
            "message/rfc822",
            "message/global",
            "text/rfc822-headers",
            "message/rfc822-headers",
            "message/global-headers",
        ):
            return split(part.content.lstrip(b"\r\n"))[0]
    return None


def _blocks(part: Part) -> list[Headers]:
    """The blocks of fields, one for the message and one for each recipient."""
    blocks = []
    data = part.content if part.content.strip() else part.encoded
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    for block in re.split(rb"\n[ \t]*\n", data)[:200]:
        headers, _ = split(block.strip(b"\n"))
        if headers.fields:
            blocks.append(headers)
    return blocks


def _delivery_report(status: Part, root: Part, original: Headers | None, text: str) -> Report:
    recipients = [
        _Recipient(
            _final_address(block),
            _typed_address(block, "original-recipient"),
            block.raw("action").lower().split(" ", 1)[0].strip("; "),
            _status(block.raw("status"), block.raw("diagnostic-code")),
        )
        for block in _blocks(status)
        if block.has("final-recipient") or block.has("original-recipient") or block.has("action")
    ]
    failed = [r for r in recipients if r.action.startswith("fail")]
    delayed = [r for r in recipients if r.action.startswith("delay")]
    unclear = [r for r in recipients if not r.action]
    if recipients and not (failed or delayed or unclear):
        return Report(None)
    found = (failed or delayed or unclear or [_Recipient("", "", "", "")])[0]
    address = found.address or _failed_address(root.headers, original, text)
    is_permanent = (
        found.status.startswith("5") if found.status else not found.action.startswith("delay")
    )
    if found in delayed:
        is_permanent = False
    return Report(
        Bounce(
            recipient=address,
            status=found.status or _status("", text[:_NEEDS_LOOK]),
            is_permanent=is_permanent,
            original_message_id=_original_message_id(original, text),
            original_recipient=found.original,
            is_complaint=False,
        )
    )


def _final_address(block: Headers) -> str:
    """Return the address that failed; the one that was written to where that is a machine's own."""
    final = _typed_address(block, "final-recipient")
    original = _typed_address(block, "original-recipient")
    return original if original and "." not in final.rpartition("@")[2] else final or original


def _complaint(part: Part, original: Headers | None) -> Bounce | None:
    """RFC 5965. Only what a person did is a complaint, not a check of our signatures."""
    fields = next(iter(_blocks(part)), Headers(()))
    if fields.raw("feedback-type").lower() in ("auth-failure", "dmarc", "not-spam", "dkim"):
        return None
    recipient = _typed_address(fields, "original-rcpt-to") or _typed_address(
        fields, "removal-recipient"
    )
    if not recipient and original is not None:
        recipient = next(iter(addresses.addresses(original, "to")), "")
    return Bounce(
        recipient=recipient,
        status="",
        is_permanent=False,
        original_message_id=_original_message_id(original, ""),
        original_recipient="",
        is_complaint=True,
    )


def is_from_daemon(headers: Headers) -> bool:
    """Whether a mail server wrote it, by its name."""
    _, address = next(iter(addresses.mailboxes(headers.raw("from"))), ("", ""))
    name = headers.text("from")
    return bool(_DAEMON.search(address or name) or _DAEMON_NAME.search(name))


def _is_old_bounce(root: Part, subject: str, text: str, *, has_original: bool) -> bool:
    """A mail server wrote it and says, in subject or text, that something did not arrive.

    People write about such mail, too: without a server as sender it takes a subject of a server
    and our own mail beneath, as only a server sends it back.
    """
    headers = root.headers
    if headers.has("x-failed-recipients"):
        return True
    says_so = bool(_FAILED_SUBJECT.match(subject))
    report = _parted(text)[0]
    has_code = bool(_STATUS.search(report) or _SMTP_CODE.search(report))
    if root.content_type == "multipart/report" and (says_so or has_code):
        return True
    if is_from_daemon(headers):
        return says_so or bool(has_code and _ADDRESS_FOLLOWS.search(report))
    # Absence notes have an empty return path as well.
    if any(value.strip() == "<>" for value in headers.all("return-path")):
        return says_so
    return says_so and has_code and has_original


def _old_bounce(headers: Headers, original: Headers | None, text: str) -> Bounce:
    report, _, _ = _parted(text)
    status = _failure(_status("", report))
    code = _SMTP_CODE.search(report)
    if status:
        is_permanent = status.startswith("5")
    elif code:
        is_permanent = code[1] == "5"
    else:
        is_permanent = not _DELAY.search(headers.text("subject") + "\n" + report)
    return Bounce(
        recipient=_failed_address(headers, original, text),
        status=status,
        is_permanent=is_permanent,
        original_message_id=_original_message_id(original, text),
        original_recipient="",
        is_complaint=False,
    )


def _parted(text: str) -> tuple[str, str, str]:
    """What the server says, and the copy of our mail below it."""
    begins = _ORIGINAL_BEGINS.search(text, 1)
    if begins and _IN_TEXT.search(text[: begins.start()]):
        return text[: begins.start()][:_NEEDS_LOOK], begins[0], text[begins.end() :]
    return text[:_NEEDS_LOOK], "", text


def _failed_address(headers: Headers, original: Headers | None, text: str) -> str:
    for value in headers.all("x-failed-recipients"):
        for found in _IN_TEXT.finditer(value):
            return addresses.readable(found[0])
    report, _, _ = _parted(text)
    ours = {*addresses.addresses(headers, "from", "to"), ""}
    sentence = _ADDRESS_FOLLOWS.search(report)
    for start in (sentence.start() if sentence else 0, 0):
        for found in _IN_TEXT.finditer(report, start):
            address = addresses.readable(found[0])
            if address not in ours:
                return address
    if original is not None:
        return next(iter(addresses.addresses(original, "to")), "")
    written_to = _ORIGINAL_TO.search(text)
    return next((a for _, a in addresses.mailboxes(written_to[1])), "") if written_to else ""


def _original_message_id(original: Headers | None, text: str) -> str:
    if original is not None and (found := addresses.message_id(original.raw("message-id"))):
        return found
    match = _ORIGINAL_ID.search(text)
    return match[1] if match else ""


def _failure(status: str) -> str:
    """Return a code found in sentences if it is one of a failure; else it is a version number."""
    return status if status.startswith(("4", "5")) else ""


def _typed_address(fields: Headers, name: str) -> str:
    """`rfc822; someone@example.org`, with or without type and brackets."""
    value = decoded(fields.raw(name).encode("utf-8", "replace"))[0]
    value = value.split(";", 1)[-1]
    found = next(iter(addresses.mailboxes(value)), ("", ""))[1]
    return found.removeprefix("smtp:")


def _status(status: str, diagnostic: str) -> str:
    """The code of RFC 3463; where it says no more than "failed", the diagnosis may say more."""
    declared = _STATUS.search(status)
    diagnosed = _STATUS.search(diagnostic)
    if declared and diagnosed and declared[1][1:] == ".0.0" and diagnosed[1][0] == declared[1][0]:
        return diagnosed[1]
    found = declared or diagnosed
    return found[1] if found else ""
