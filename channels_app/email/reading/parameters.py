"""`value; name=parameter`, as Content-Type and Content-Disposition have it (RFC 2045, 2231)."""

import re
from urllib.parse import unquote_to_bytes

from channels_app.email.reading.charsets import decoded
from channels_app.email.reading.headers import with_words_decoded

_PARAMETER = re.compile(r";\s*([^\s=;\"]{1,100})\s*=\s*(\"(?:[^\"\\]|\\.)*\"?|[^;]*)", re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)\*([0-9]{1,3})(\*?)")
_TYPE = re.compile(r"\s*\"?([a-z0-9!#$&^_.+-]{1,100})\s*/\s*([a-z0-9!#$&^_.+-]{1,100})")
_MOST = 100


def content_type(value: str, default: str) -> str:
    """The type of `value` in lower case; `default` if it names none that is well formed."""
    found = _TYPE.match(value.lower())
    if found:
        return f"{found[1]}/{found[2]}"
    return "text/plain" if value.strip().lower().startswith("text") else default


def parameters(value: str) -> dict[str, str]:
    """The parameters of `value`, decoded. Of one that is given twice the first counts."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for number, found in enumerate(_PARAMETER.finditer(value)):
        if number == _MOST:
            break
        name, content = found[1].lower(), _unquoted(found[2])
        continued = _CONTINUED.fullmatch(name)
        if continued:
            piece = (bool(continued[3]), content)
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2]), piece)
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {}).setdefault(0, (True, content))
        else:
            plain.setdefault(name, with_words_decoded(content))
    for name, parts in pieces.items():
        plain[name] = _joined([parts[number] for number in sorted(parts)])
    return plain


def _unquoted(content: str) -> str:
    content = content.strip()
    if content.startswith('"'):
        content = content[1:]
        if content.endswith('"'):
            content = content[:-1]
        # A Windows path is quoted by nobody: only these two are taken as escaped.
        return content.replace('\\"', '"').replace("\\\\", "\\")
    return content


def _joined(parts: list[tuple[bool, str]]) -> str:
    """RFC 2231: pieces of which some are percent-encoded; the first names the charset."""
    charset = ""
    first_encoded, first = parts[0]
    if first_encoded and first.count("'") >= 2:
        charset, _, first = first.split("'", 2)
        parts = [(True, first), *parts[1:]]
    data = b"".join(
        unquote_to_bytes(part) if is_encoded else part.encode("utf-8", "replace")
        for is_encoded, part in parts
    )
    return decoded(data, charset)[0]
