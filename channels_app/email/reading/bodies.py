"""From the tree of parts to what a person reads: text, HTML and files."""

import re
from dataclasses import dataclass, field
from html import escape

from channels_app.email.reading import invitations, smime, winmail
from channels_app.email.reading.charsets import decoded
from channels_app.email.reading.encodings import from_base64, uuencoded
from channels_app.email.reading.file_names import harmless
from channels_app.email.reading.headers import split
from channels_app.email.reading.html_text import text_of
from channels_app.email.reading.limits import MAX_FILES, MAX_TEXT
from channels_app.email.reading.mail import MailFile
from channels_app.email.reading.parameters import content_type
from channels_app.email.reading.tree import Part, parse

_SVG = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>|<!--.{0,500}?-->|<!DOCTYPE[^>]{0,500}>|\s)*<(?:\w+:)?svg\b",
    re.I | re.S,
)
_LOOKS_LIKE_HTML = re.compile(r"\s*(<!doctype html|<html|<head|<body)\b", re.IGNORECASE)
_PGP_MESSAGE = "-----BEGIN PGP MESSAGE-----"
_PGP_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----\n"
_PGP_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_PGP_END = "-----END PGP SIGNATURE-----"
#: Parts that are there for machines, and stay in the raw message only.
_FOR_MACHINES = frozenset(
    "message/delivery-status message/global-delivery-status message/disposition-notification"
    " message/feedback-report text/rfc822-headers message/global-headers application/pgp-encrypted"
    " application/applefile text/x-amp-html text/watch-html".split()
)
_SIGNATURES = frozenset(
    "application/pgp-signature application/pkcs7-signature application/x-pkcs7-signature".split()
)
_WINMAIL = frozenset(("application/ms-tnef", "application/vnd.ms-tnef"))
_DATA_PICTURE = re.compile(
    r"(?<=[\"'])data:(image/(?:png|jpeg|jpg|gif|webp));base64,([A-Za-z0-9+/=\s]+)(?=[\"'])",
    re.IGNORECASE,
)
_SMIME = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))


@dataclass
class Body:
    """What was gathered. `plain` and `html` say the same in two ways."""

    plain: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    files: list[MailFile] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)
    is_encrypted: bool = False
    is_signed: bool = False
    #: Within an S/MIME package that was unpacked: those inside it stay shut.
    is_unpacked: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(part for part in self.plain if part.strip())[:MAX_TEXT]

    @property
    def markup(self) -> str:
        return "<br>".join(part for part in self.html if part.strip())


def gather(root: Part) -> Body:
    """Read the tree below `root`."""
    body = Body()
    _gather(root, body, is_root=True)
    if body.events and not any(body.events[0] in part for part in body.plain):
        body.plain.extend(body.events)
    _take_out_uuencoded(body)
    _take_off_armour(body)
    _mark_inline(body)
    return body


def _gather(part: Part, body: Body, *, is_root: bool = False) -> None:
    if part.children:
        _gather_container(part, body)
    elif part.content_type in _FOR_MACHINES:
        return
    elif _is_text(part, is_root=is_root, has_text=bool(body.plain or body.html)):
        _gather_text(part, body)
    else:
        _gather_file(part, body)


def _gather_container(part: Part, body: Body) -> None:
    match part.content_type:
        case "multipart/alternative":
            _gather_alternative(part, body)
        case "multipart/signed":
            body.is_signed = True
            for number, child in enumerate(part.children):
                if not (number and child.content_type in _SIGNATURES):
                    _gather(child, body)
        case "multipart/encrypted":
            body.is_encrypted = True
            for child in part.children:
                if child.content_type not in _FOR_MACHINES:
                    _gather_file(child, body)
        case _:
            for child in part.children:
                _gather(child, body)


def _gather_alternative(part: Part, body: Body) -> None:
    """The same in several forms: one text, one HTML, and the files of all."""
    forms: list[Body] = []
    for child in part.children:
        form = Body(is_unpacked=body.is_unpacked)
        _gather(child, form)
        forms.append(form)
        body.files.extend(form.files)
        body.events.extend(form.events)
        body.problems.update(form.problems)
        body.is_signed |= form.is_signed
        body.is_encrypted |= form.is_encrypted
    texts = [form for form in forms if form.text.strip() and not form.html]
    pages = [form for form in forms if form.markup.strip()]
    if pages:
        body.html.extend(pages[-1].html)
    elif texts and body.html:
        body.html.append(_as_html(texts[0].text))
    chosen = texts[0] if texts else pages[-1] if pages else None
    if chosen:
        body.plain.extend(chosen.plain)


def _is_text(part: Part, *, is_root: bool, has_text: bool) -> bool:
    """Something to read, not a file that happens to be text."""
    if part.main_type != "text" or part.disposition == "attachment":
        return False
    if part.content_type not in ("text/plain", "text/html", "text/enriched", "text/markdown"):
        return False
    return not part.file_name or (not has_text and (is_root or part.disposition != "inline"))


def _gather_text(part: Part, body: Body) -> None:
    text, is_broken = decoded(part.content, part.parameters.get("charset", ""))
    if is_broken:
        body.problems["broken_charset"] = None
    if part.is_encoding_false:
        body.problems["broken_encoding"] = None
    if len(text) > MAX_TEXT and part.content_type != "text/html":
        body.problems["text_too_long"] = None
        text = text[:MAX_TEXT]
    is_html = part.content_type in ("text/html", "text/enriched")
    if is_html or _LOOKS_LIKE_HTML.match(text):
        if body.plain and not body.html:
            body.html.extend(_as_html(before) for before in body.plain if before.strip())
        text = _pictures_apart(text, body)
        body.html.append(text)
        body.plain.append(text_of(text))
        return
    if part.parameters.get("format", "").lower() == "flowed":
        text = _unflowed(text, part.parameters.get("delsp", "").lower() == "yes")
    if body.html and text.strip():
        body.html.append(_as_html(text))
    body.plain.append(text)


def _unflowed(text: str, delete_space: bool) -> str:
    """Join the lines that a program wrapped (RFC 3676): those that end with a space."""
    lines: list[list[str]] = []
    is_open = False
    depth = 0
    for line in text.split("\n"):
        quoted = len(line) - len(line.lstrip(">"))
        content = line[quoted:].removeprefix(" ")
        if not (is_open and quoted == depth and content != "-- "):
            lines.append([">" * quoted + " "] if quoted else [])
        is_open = content.endswith(" ") and content != "-- "
        lines[-1].append(content[:-1] if is_open and delete_space else content)
        depth = quoted
    return "\n".join("".join(pieces) for pieces in lines)


def _as_html(text: str) -> str:
    return f'<div style="white-space: pre-wrap">{escape(text)}</div>'


def _gather_file(part: Part, body: Body) -> None:
    kind = part.content_type
    content = part.content
    if part.is_encoding_false:
        body.problems["broken_encoding"] = None
    if kind in _SMIME and _gather_smime(part, body):
        return
    name = part.file_name
    if kind.startswith("message/") and not name:
        name = _subject_of(content) + ".eml"
    if kind == "text/calendar":
        text, _ = decoded(content, part.parameters.get("charset", ""))
        body.events.extend(line for line in invitations.in_words(text) if line not in body.events)
    if not name and not content.strip():
        return
    if kind in _WINMAIL or name.lower() == "winmail.dat":
        _unpack_winmail(content, body)
        return
    content_id = part.headers.raw("content-id").strip().strip("<>")
    add_file(body, name, kind, content, content_id)


def _gather_smime(part: Part, body: Body) -> bool:
    """Whether the mail inside was read; else the package is a file like any other."""
    inside = b"" if body.is_unpacked else smime.signed_content(part.content)
    if not inside:
        if part.parameters.get("smime-type", "").lower() in ("signed-data", "certs-only"):
            body.is_signed = True
        else:
            body.is_encrypted = True
        return False
    body.is_signed = body.is_unpacked = True
    headers, start = split(inside)
    root, problems = parse(headers, inside[start:])
    body.problems.update(dict.fromkeys(problems))
    _gather(root, body)
    body.is_unpacked = False
    return True


def add_file(body: Body, name: str, kind: str, content: bytes, content_id: str = "") -> None:
    """Keep a file, if it may be kept."""
    name = harmless(name, kind, len(body.files) + 1)
    if (
        kind.startswith("image/svg")
        or name.lower().endswith((".svg", ".svgz"))
        or _SVG.match(content[:4096])
    ):
        body.problems["svg_dropped"] = None
        return
    if len(body.files) >= MAX_FILES:
        body.problems["too_many_files"] = None
        return
    content_id = re.sub(r"[\s<>\"']", "", content_id)[:255]
    if any(f.content == content and f.name == name for f in body.files):
        # The same invitation stands in most mails twice: to show, and to save.
        return
    body.files.append(MailFile(name, kind, content, content_id, is_inline=False))


def _unpack_winmail(content: bytes, body: Body) -> None:
    """What is inside instead of the package; the package itself where it can't be read."""
    try:
        packed = winmail.unpack(content)
    except winmail.Unreadable:
        body.problems["winmail_unreadable"] = None
        add_file(body, "winmail.dat", "application/ms-tnef", content)
        return
    for file in packed.files:
        kind = content_type(file.content_type, "application/octet-stream")
        add_file(body, file.name, kind, file.content, file.content_id)
    if not body.text.strip():
        page = packed.html if not body.html else ""
        body.html.extend([page] if page else [])
        body.plain.append(packed.text or text_of(page))


def _pictures_apart(page: str, body: Body) -> str:
    """Pictures that stand in the HTML itself become files, so that it has no `data:` address."""

    def file_of(found: re.Match[str]) -> str:
        content_id = f"picture-{len(body.files) + 1}@here"
        before = len(body.files)
        add_file(body, "", found[1].lower(), from_base64(found[2].encode()), content_id)
        return f"cid:{content_id}" if len(body.files) > before else ""

    return _DATA_PICTURE.sub(file_of, page)


def _subject_of(content: bytes) -> str:
    headers, _ = split(content.lstrip(b"\r\n"))
    return headers.text("subject") or "message"


def _take_out_uuencoded(body: Body) -> None:
    for number, text in enumerate(body.plain):
        if "begin " not in text:
            continue
        data = text.encode("utf-8", "replace")
        position, kept = 0, b""
        for name, content, start, stop in uuencoded(data):
            kept += data[position:start]
            position = stop
            add_file(body, decoded(name)[0], "application/octet-stream", content)
        body.plain[number] = (kept + data[position:]).decode("utf-8", "replace")


def _take_off_armour(body: Body) -> None:
    for number, text in enumerate(body.plain):
        if _PGP_MESSAGE in text:
            body.is_encrypted = True
        before, begins, rest = text.partition(_PGP_SIGNED)
        if begins:
            body.is_signed = True
            inner, _, signature = rest.partition(_PGP_SIGNATURE)
            # Above the text stand headers of its own (RFC 9580, 7.1).
            inner = re.sub(r"\A(?:[A-Za-z-]+: [^\n]*\n)*\n", "", inner)
            inner = re.sub(r"^- ", "", inner, flags=re.MULTILINE)
            body.plain[number] = before + inner + signature.partition(_PGP_END)[2]


def _mark_inline(body: Body) -> None:
    """Inline is what the HTML shows in its place."""
    markup = body.markup.lower()
    if "cid:" not in markup:
        return
    for number, file in enumerate(body.files):
        if file.content_id and f"cid:{file.content_id.lower()}" in markup:
            body.files[number] = MailFile(
                file.name, file.content_type, file.content, file.content_id, is_inline=True
            )
