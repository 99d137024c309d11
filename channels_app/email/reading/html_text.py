"""HTML as plain text, with quotations marked by `>` as in a text mail."""

import re
from html import unescape
from html.parser import HTMLParser

from channels_app.email.reading.charsets import storable
from channels_app.email.reading.html_cleaning import TooTangled, well_formed
from channels_app.email.reading.limits import MAX_HTML, MAX_TEXT

_BLOCKS = frozenset(
    "address article aside blockquote caption center dd details div dl dt figcaption figure footer"
    " h1 h2 h3 h4 h5 h6 header hr li main ol p pre section summary table tr ul".split()
)
_SPACED = frozenset("blockquote h1 h2 h3 h4 h5 h6 ol p table ul".split())
_VOID = frozenset("br col hr img wbr".split())
#: By these the programs mark what they quote: Gmail, Yahoo, Thunderbird, Proton, Zoho, Apple.
_QUOTING_CLASS = re.compile(
    r"\b(gmail_quote|gmail_quote_container|yahoo_quoted|moz-cite-prefix|protonmail_quote|zmail_extra"
    r"|yahoo_quoted_begin)\b"
)
#: Outlook only marks where the quotation begins; it goes on to the end.
_QUOTING_START = re.compile(r"divRplyFwdMsg|appendonsend|mail-editor-reference-message-container")
#: What Gmail's button for indenting makes of somebody's own words.
_INDENTED = re.compile(r"border(-left)?\s*:\s*(none|0)")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden")
_MANY_BLANKS = re.compile(r"\n{3,}")
_DEEPEST_QUOTE = 10


def text_of(html: str) -> str:
    """The words of `html`, in lines as a reader sees them."""
    try:
        markup = well_formed(html)
    except TooTangled:
        return _crude(html)
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.text()


def _crude(html: str) -> str:
    """Without understanding it: tags out, their line ends kept."""
    html = re.sub(r"(?i)<(br|p|div|tr|li)\b[^<>]{0,500}>", "\n", html[:MAX_HTML])
    text = unescape(re.sub(r"<[^<>]{0,2000}>", "", html))
    return _MANY_BLANKS.sub("\n\n", storable(text))[:MAX_TEXT].strip()


class _Reader(HTMLParser):
    """Reads what well_formed gave: every tag is closed and known."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quotes = 0
        self._to_the_end = 0
        self._hidden = 0
        self._preformatted = 0
        #: Of each open element: quotes, hides, keeps its line ends.
        self._open: list[tuple[int, int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "br":
            self._end_line()
            return
        if tag in _BLOCKS:
            self._end_block(tag)
        if _QUOTING_START.search(named.get("id", "")):
            self._to_the_end = 1
        if tag in _VOID:
            return
        style = named.get("style", "").lower()
        quotes = int(
            (tag == "blockquote" and not _INDENTED.search(style))
            or bool(_QUOTING_CLASS.search(named.get("class", "")))
        )
        hides = int(bool(_HIDDEN.search(style)))
        keeps = int(tag == "pre")
        self._open.append((quotes, hides, keeps))
        self._quotes += quotes
        self._hidden += hides
        self._preformatted += keeps
        if tag == "li" and not self._hidden:
            self._line.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if tag in _BLOCKS:
            self._end_block(tag)
        elif tag in ("td", "th"):
            self._line.append(" ")
        if self._open:
            quotes, hides, keeps = self._open.pop()
            self._quotes -= quotes
            self._hidden -= hides
            self._preformatted -= keeps

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._preformatted:
            *lines, last = data.split("\n")
            for line in lines:
                self._line.append(line)
                self._end_line()
            self._line.append(last)
            return
        self._line.append(re.sub(r"[ \t\r\n\f]+", " ", data))

    def _end_block(self, tag: str) -> None:
        if "".join(self._line).strip(" "):
            self._end_line()
        self._line = []
        if tag in _SPACED and self._lines and self._lines[-1].strip("> "):
            self._lines.append(self._prefix().rstrip())

    def _end_line(self) -> None:
        line = re.sub(r" {2,}", " ", "".join(self._line).replace("\xa0", " "))
        self._lines.append((self._prefix() + line.strip(" ")).rstrip())
        self._line = []

    def _prefix(self) -> str:
        return "> " * min(self._quotes + self._to_the_end, _DEEPEST_QUOTE)

    def text(self) -> str:
        if self._line:
            self._end_line()
        while self._lines and not self._lines[-1].strip("> "):
            self._lines.pop()
        text = "\n".join(self._lines)
        return _MANY_BLANKS.sub("\n\n", storable(text))[:MAX_TEXT].strip("\n")
