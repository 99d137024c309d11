"""Rows and lines as HTML, drawn once a process for everybody and kept for the next reader.

A line of a timeline does not change within a revision, and a row says nothing but what its
conversation says at a revision; names, which change by themselves, are part of the key. What
differs from reader to reader is put in last: "You", the unread mark, the age. Nothing here asks
who may see what: callers hand in only what their reader may see, and a masked line is kept as the
masked line.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hub.console.templatetags.console import age
from hub.conversations.rows import Row
from hub.conversations.timeline import EntryLine

T = TypeVar("T")

KEPT = 3000
"""How many of each kind are kept; about a kilobyte each."""


class _Kept:
    """The most recently used drawings."""

    def __init__(self) -> None:
        self._drawings: OrderedDict[Hashable, tuple[str, ...]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, draw: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        with self._lock:
            found = self._drawings.get(key)
            if found is not None:
                self._drawings.move_to_end(key)
                return found
        drawn = draw()
        with self._lock:
            self._drawings[key] = drawn
            while len(self._drawings) > KEPT:
                self._drawings.popitem(last=False)
        return drawn


_rows = _Kept()
_lines = _Kept()


def row_html(row: Row) -> SafeString:
    """Draw a row for its reader."""
    key = (
        get_language(),
        row.conversation,
        row.revision,
        row.who,
        row.preview,
        row.holder_name,
        row.department,
    )
    before, after = _rows.get(key, lambda: _draw_row(row))
    if row.unread:
        before = before.replace('class="row', 'class="row is-unread', 1)
    return mark_safe(f"{before}{escape(age(row.since))}{after}")  # noqa: S308  (our own template)


def entry_html(
    line: EntryLine, *, viewer_id: int | None, who: str, continued: bool = False
) -> SafeString:
    """Draw a line for its reader.

    Args:
        line: what the reader may see of it.
        viewer_id: the reader, who is "You".
        who: the name by which the patient's own lines go.
        continued: the line before it has the same author, whose name is left out.
    """
    key = (
        get_language(),
        line.uuid,
        line.revision,
        line.is_masked,
        line.author_name or who,
        tuple(line.names.items()),
        tuple((file.uuid, file.state) for file in line.attachments),
    )
    before, author, after = _lines.get(key, lambda: _draw_line(line, who))
    if author and line.author_id is not None and line.author_id == viewer_id:
        author = escape(_("You"))
    if continued:
        before = before.replace('class="entry ', 'class="entry is-continued ', 1)
    return mark_safe(f"{before}{author}{after}")  # noqa: S308  (our own template)


_AGE = "data-age>"
_AUTHOR = 'class="entry-author">'


def _draw_row(row: Row) -> tuple[str, str]:
    html = get_template("console/partials/row.html").render({"row": row}).strip()
    html = html.replace(" is-unread", "", 1) if row.unread else html
    before, mark, rest = html.partition(_AGE)
    _old, end, after = rest.partition("</time>")
    return before + mark, end + after


def _draw_line(line: EntryLine, who: str) -> tuple[str, str, str]:
    context = {"line": line, "who": who}
    html = get_template("console/partials/entry.html").render(context).strip()
    before, mark, rest = html.partition(_AUTHOR)
    if not mark:
        return html, "", ""
    author, end, after = rest.partition("</bdi>")
    return before + mark, author, end + after
