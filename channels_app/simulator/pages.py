"""The phone page and the sample clinic site: HTML files with icons and addresses filled in."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .simulator import Simulator

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
ICONS = HERE.parents[1] / "node_modules" / "@tabler" / "icons" / "icons" / "outline"

#: The phone page runs its own files and nothing else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TAG = re.compile(r"\{\{ (icon|setting):([a-z0-9_-]+) \}\}")


class Pages:
    """Renders the two pages of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def phone_page(self, request: Request) -> Response:
        """The desk with the virtual phones, the scenes, the knobs and the webhook log."""
        headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
        return HTMLResponse(self._render("phones.html"), headers=headers)

    async def site(self, request: Request) -> Response:
        """A clinic's public site, of another origin than the hub, with the chat widget on it.

        It carries no Content-Security-Policy, as most sites that will embed the widget do not.
        """
        return HTMLResponse(self._render("site.html"))

    def _render(self, name: str) -> str:
        settings = {"hub": self.simulator.dispatcher.hub_url}

        def fill(match: re.Match[str]) -> str:
            kind, key = match.groups()
            return icon(key) if kind == "icon" else escape(settings[key], quote=True)

        return _TAG.sub(fill, (TEMPLATES / name).read_text(encoding="utf-8"))


@cache
def icon(name: str) -> str:
    """An icon's SVG from the installed npm package; empty where it is not installed.

    Every icon stands beside a word or in a labelled button, so that its absence costs no meaning.
    """
    path = ICONS / f"{name}.svg"
    if not path.is_file():
        return ""
    svg = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).strip()
    return svg.replace("<svg", '<svg aria-hidden="true" focusable="false"', 1)
