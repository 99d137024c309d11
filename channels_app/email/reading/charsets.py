"""From bytes to characters, whatever charset they claim to be in.

A declared charset is believed unless the bytes contradict it. Latin-1 means windows-1252, as
browsers have it (WHATWG Encoding); without a true declaration UTF-8 is tried, then windows-1252.
"""

import codecs
import re

_LABEL = re.compile(r"[a-z0-9_.:+-]{1,40}")
#: Python knows codecs that are no charsets (zip, rot13, unicode_escape): only these are.
_CHARSET = re.compile(
    r"(utf-?8|utf-?7|utf-?16(-?[lb]e)?|utf-?32(-?[lb]e)?|utf-8-sig|cp\d{3,4}|iso8859-\d{1,2}|koi8-[rut]"
    r"|mac-(roman|latin2|cyrillic|greek|turkish|iceland)|gb2312|gbk|gb18030|big5|big5hkscs"
    r"|euc_(jp|jis_2004|jisx0213|kr)|shift_jis|shift_jis_2004|iso2022_(jp|jp_1|jp_2|jp_ext|kr)|hz"
    r"|johab|ptcp154|kz1048|tis-620|hp-roman8|ascii|iso8859-1)"
)
#: What a label says, and what is meant by it.
_MEANT = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
}
_ALIASES = {
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "unicode": "utf-16",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "x-windows-949": "cp949",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "windows-874": "cp874",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-euc-jp": "euc_jp",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_LINE_END = re.compile("\r\n|\r|\x85|\u2028|\u2029")
#: windows-1252 with the five bytes that it leaves out, so that no byte is lost.
_WINDOWS_1252 = {
    byte: character
    for byte in range(0x80, 0xA0)
    if (character := bytes([byte]).decode("cp1252", "ignore"))
}


def decoded(data: bytes, declared: str = "") -> tuple[str, bool]:
    """`data` as text that may be stored, and whether its declared charset was wrong or broken."""
    text, is_broken = _decoded(data, declared)
    return storable(text), is_broken


def storable(text: str) -> str:
    """`text` with one kind of line end, and without what PostgreSQL or a screen refuses."""
    if _SURROGATE.search(text):
        # Pairs that were written one by one (CESU-8, JSON) belong together; the rest is lost.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("", _LINE_END.sub("\n", text))


def charset_named(label: str) -> str:
    """Python's name of the charset that `label` means, or "" if it is none that is known."""
    label = label.strip().strip("\"'").strip().lower()
    label = _ALIASES.get(label, label)
    if not _LABEL.fullmatch(label):
        return ""
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return ""
    if not _CHARSET.fullmatch(name):
        return ""
    return _MEANT.get(name, name)


def _decoded(data: bytes, declared: str) -> tuple[str, bool]:
    for mark, charset in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            return data.decode(charset, "replace"), False
    charset = charset_named(declared)
    if data.isascii() and charset in ("", "cp1252", "utf-8"):
        if b"\x1b$" in data:
            return data.decode("iso2022_jp_ext", "replace"), True
        return data.decode("ascii"), bool(declared) and not charset
    if charset in ("", "cp1252", "utf-8"):
        as_utf_8 = _strict(data, "utf-8")
        if as_utf_8 is not None:
            return as_utf_8, charset != "utf-8"
        if charset == "utf-8" and _is_mostly_utf_8(data):
            return data.decode("utf-8", "replace"), True
        return _as_windows_1252(data), charset != "cp1252"
    as_declared = _strict(data, charset)
    if as_declared is not None:
        return as_declared, False
    as_utf_8 = _strict(data, "utf-8") if not data.isascii() else None
    if as_utf_8 is not None:
        return as_utf_8, True
    return data.decode(charset, "replace"), True


def _strict(data: bytes, charset: str) -> str | None:
    try:
        return data.decode(charset)
    except UnicodeError:
        return None


def _is_mostly_utf_8(data: bytes) -> bool:
    """Some bytes are damaged; most that is not ASCII can still be read."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    readable = sum(1 for character in text if character > "\x7f") - damaged
    return readable > damaged


def _as_windows_1252(data: bytes) -> str:
    return data.decode("latin-1").translate(_WINDOWS_1252)
