"""The design tokens and the icons."""

import re

import pytest
from django.conf import settings
from django.template import Context, Template

from hub.staff.templatetags.browsers import browser_name
from hub.staff.templatetags.icons import NoSuchIcon

TOKENS = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text()


def block(start: str) -> dict[str, str]:
    body = TOKENS.partition(start)[2].partition("{")[2].partition("}")[0]
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", body))


LIGHT = block("\n:root ")
DARK = block(':root[data-theme="dark"] ')


def test_dark_by_the_system_and_dark_by_choice_are_the_same() -> None:
    assert len(DARK) > 20
    assert block(':root:not([data-theme="light"]) ') == DARK
    assert not set(DARK) - set(LIGHT)


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


GROUNDS = ("page", "surface", "surface-sunken", "surface-hover", "surface-selected")
TEXT = [(text, ground) for text in ("text", "text-muted") for ground in GROUNDS]
TEXT += [
    ("text", "surface-own"), ("text", "note"), ("text", "avatar"), ("text-faint", "surface"),
    ("accent", "surface"), ("accent", "accent-soft"), ("on-accent", "accent"),
    ("on-accent", "accent-hover"), ("urgent", "surface"), ("urgent", "urgent-soft"),
    ("urgent", "surface-selected"), ("on-urgent", "urgent-solid"), ("on-urgent", "badge"),
    ("warning", "surface"), ("warning", "warning-soft"), ("good", "surface"),
    ("good", "good-soft"), ("rail-text", "rail"), ("rail-text-active", "rail-active"),
    ("call-text", "call"), ("call-text", "call-button"), ("call-hold", "call-hold-soft"),
]  # fmt: skip
EDGES = [
    ("edge-control", "surface"),
    ("focus", "surface"),
    ("focus", "page"),
    ("rail-mark", "rail"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme: str) -> None:
    """WCAG 2.2: 1.4.3 (text 4.5:1) and 1.4.11 (edges of controls 3:1)."""
    values = LIGHT if theme == "light" else LIGHT | DARK
    weak = [
        (one, other, round(contrast(values[f"--{one}"], values[f"--{other}"]), 2))
        for pairs, least in ((TEXT, 4.5), (EDGES, 3.0))
        for one, other in pairs
        if contrast(values[f"--{one}"], values[f"--{other}"]) < least
    ]
    assert weak == []


def test_every_token_used_in_our_styles_exists() -> None:
    known = set(LIGHT)
    for sheet in (settings.BASE_DIR / "static" / "css").glob("*.css"):
        text = sheet.read_text()
        own = set(re.findall(r"(--[\w-]+)\s*:", text))
        assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= known | own, sheet.name


def render(name: str) -> str:
    return Template('{% load icons %}{% icon "' + name + '" %}').render(Context())


def test_an_icon_is_inlined_and_silent() -> None:
    svg = render("message")
    assert svg.startswith('<svg class="icon"')
    assert 'aria-hidden="true"' in svg
    assert "<path" in svg
    assert "<!--" not in svg


@pytest.mark.parametrize("name", ["no-such-icon", "../../package", ""])
def test_an_icon_that_does_not_exist_raises(name: str) -> None:
    with pytest.raises(NoSuchIcon):
        render(name)


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
         "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
         "Firefox on Linux"),
        ("curl/8.0", "Unknown browser"),
    ],
)  # fmt: skip
def test_browsers_are_named_as_people_do(claimed: str, expected: str) -> None:
    assert browser_name(claimed) == expected
