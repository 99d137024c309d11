"""HTML of strangers, made so that nothing in it runs, loads, covers or submits.

nh3 (Rust's ammonia on a browser's own parsing rules) keeps what is named here and drops the
rest. Remote images lose their `src` to `data-remote-src`: the reader decides whether to load them.
"""

import re
import secrets
from dataclasses import dataclass

import nh3

from channels_app.email.reading.charsets import storable
from channels_app.email.reading.limits import MAX_HTML

_TAGS = set(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup"
    " dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i"
    " img ins kbd li main mark ol p pre q s samp section small span strike strong sub summary sup"
    " table tbody td tfoot th thead time tr tt u ul var wbr".split()
)
#: Dropped with what is inside; of other unknown tags the inside is kept.
_DROPPED_WHOLE = set(
    "script style title iframe frame frameset noframes object embed applet noscript template svg"
    " math audio video canvas select textarea xmp plaintext noembed".split()
)
_LAYOUT = {"align", "valign", "width", "height", "dir", "lang", "title", "style", "bgcolor"}
_ATTRIBUTES = {
    **{tag: set(_LAYOUT) for tag in _TAGS},
    "a": {"href", "title", "style", "dir", "lang"},
    "img": {"src", "alt", "title", "width", "height", "align", "style"},
    "font": {"color", "face", "size", "style"},
    "table": _LAYOUT | {"border", "cellpadding", "cellspacing"},
    "td": _LAYOUT | {"colspan", "rowspan", "nowrap"},
    "th": _LAYOUT | {"colspan", "rowspan", "nowrap", "scope"},
    "ol": _LAYOUT | {"start", "type"},
}
#: None of these can load, cover other content or hide it.
_PROPERTIES = set(
    "background-color border border-bottom border-collapse border-color border-left border-radius"
    " border-right border-spacing border-style border-top border-width color direction font"
    " font-family font-size font-style font-variant font-weight letter-spacing line-height"
    " list-style-type padding padding-bottom padding-left padding-right padding-top text-align"
    " text-decoration text-indent text-transform vertical-align white-space width word-break"
    " word-spacing word-wrap".split()
)
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
#: In a style: escapes, comments, and every function but those that name a colour.
_DANGEROUS_STYLE = re.compile(r"[\\@<>]|/\*|(?<!rgb)(?<!rgba)(?<!hsl)(?<!hsla)\s*\(", re.IGNORECASE)
#: Marks a remote address until its attribute gets another name. Nobody outside can write it.
_REMOTE = f"remote-{secrets.token_hex(16)}:"

#: What nests without end costs a parser the square of its length (and HTML's rules copy open
#: formatting into every new paragraph). No mail that a person reads comes near these.
_MAX_DEPTH = 2_000
_MAX_COPIES = 500_000
#: A parser looks at all attributes of a tag, and at all text before a sign, once more for each.
_MAX_AMPERSANDS = 50_000
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_BARE_AMPERSAND = re.compile(r"&(?!#?[a-zA-Z0-9]{1,32};)")
_FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())
#: Closed by what follows them, or never: they do not nest.
_SHALLOW = frozenset(
    "area base br col dd dt embed hr img input li link meta option p param source tbody td th tr"
    " track wbr".split()
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Harmless HTML, and whether it would load something if it were let."""

    html: str
    has_remote_images: bool


def _attribute(tag: str, name: str, value: str) -> str | None:
    if name == "style":
        kept = [part for part in value.split(";") if not _DANGEROUS_STYLE.search(part)]
        return ";".join(kept) or None
    if (tag, name) == ("img", "src"):
        address = value.strip()
        return address if address.lower().startswith("cid:") else _REMOTE + address
    if (tag, name) == ("a", "href"):
        address = value.strip()
        return None if address.lower().startswith("cid:") else address
    return value


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED_WHOLE,
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    filter_style_properties=_PROPERTIES,
    url_schemes=_SCHEMES,
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},
    strip_comments=True,
)
#: The same for text_of: it needs what tells a quotation, and shows nothing.
_FOR_TEXT = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED_WHOLE,
    attributes={tag: {"class", "id", "style", "type"} for tag in _TAGS},
    url_schemes=set(),
    link_rel=None,
    strip_comments=True,
)


class TooTangled(ValueError):
    """HTML that would take a parser minutes. It is not shown; its words still are."""


def cleaned(html: str) -> Cleaned:
    """`html` for a frame. Raises TooTangled."""
    clean = storable(_CLEANER.clean(_guarded(html))).strip()
    has_remote = f'src="{_REMOTE}' in clean
    clean = clean.replace(f' src="{_REMOTE}', ' data-remote-src="')
    return Cleaned(clean.replace(_REMOTE, ""), has_remote)


def well_formed(html: str) -> str:
    """`html` with every tag closed, for html_text. Raises TooTangled. Never show it."""
    return storable(_FOR_TEXT.clean(_guarded(html)))


def _guarded(html: str) -> str:
    html = html[:MAX_HTML]
    if html.count("&") > _MAX_AMPERSANDS:
        raise TooTangled
    depth = deepest = tags = formatting = most_formatting = 0
    for found in _TAG.finditer(html):
        tags += 1
        name = found[2].lower()
        step = -1 if found[1] else 1
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
            most_formatting = max(most_formatting, formatting)
        elif name not in _SHALLOW:
            depth = max(0, depth + step)
            deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH or most_formatting * tags > _MAX_COPIES:
        raise TooTangled
    return _BARE_AMPERSAND.sub("&amp;", html)
