"""`{% icon "message" %}`: one of Tabler's icons, inlined."""

import re
from functools import cache

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_NAME = re.compile(r"[a-z0-9-]+")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_OPENING = re.compile(r"<svg\b[^>]*>", re.DOTALL)
_BETWEEN = re.compile(r">\s+<")


class NoSuchIcon(Exception):
    """The icon set has no icon of this name."""


@register.simple_tag
def icon(name: str) -> SafeString:
    """Return the outline icon `name` for use beside or instead of text.

    It is hidden from screen readers: what it means must stand in words beside it, or in the label
    of the button that it fills.

    Raises:
        NoSuchIcon: the set has none of this name.
    """
    return _svg(name)


@cache
def _svg(name: str) -> SafeString:
    if not _NAME.fullmatch(name):
        raise NoSuchIcon(name)
    folder = settings.NODE_MODULES / "@tabler" / "icons" / "icons" / "outline"
    try:
        drawing = (folder / f"{name}.svg").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NoSuchIcon(name) from error
    drawing = _OPENING.sub(
        '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" '
        'stroke="currentColor" stroke-width="1.75" stroke-linecap="round" '
        'stroke-linejoin="round" aria-hidden="true" focusable="false">',
        _COMMENT.sub("", drawing),
        count=1,
    )
    # The file comes from a package pinned by hash in package-lock.json.
    return mark_safe(_BETWEEN.sub("><", drawing).strip())  # noqa: S308
