"""The pages: framed by the site's own origins only, no inline code, small, nothing of a visitor."""

import gzip
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from channels_app.chat.models import ChatSite
from tests.chat.conftest import SITE_ORIGIN

pytestmark = pytest.mark.django_db
STATIC = Path(settings.BASE_DIR) / "static" / "chat"
PAGES = ["/chat/frame/riverside", "/chat/page/riverside", "/c/"]


def policy(path: str) -> dict[str, str]:
    header = Client().get(path)["Content-Security-Policy"]
    parts = (part.strip().partition(" ") for part in header.split(";"))
    return {name: value for name, _space, value in parts}


def test_only_the_sites_own_origins_may_frame_the_widget(site: ChatSite) -> None:
    site.allowed_origins = [SITE_ORIGIN, "https://portal.clinic.example"]
    site.save()
    answer = Client().get("/chat/frame/riverside")
    ancestors = policy("/chat/frame/riverside")["frame-ancestors"]
    assert ancestors == f"{SITE_ORIGIN} https://portal.clinic.example"
    # The older header knows no list, and would forbid every frame.
    assert "X-Frame-Options" not in answer


@pytest.mark.parametrize("path", PAGES[1:])
def test_the_other_pages_may_not_be_framed_at_all(site: ChatSite, path: str) -> None:
    assert policy(path)["frame-ancestors"] == "'none'"
    assert Client().get(path)["X-Frame-Options"] == "DENY"


def test_a_site_without_origins_is_framed_nowhere(site: ChatSite) -> None:
    site.allowed_origins = []
    site.save()
    assert policy("/chat/frame/riverside")["frame-ancestors"] == "'none'"


def test_what_is_no_origin_cannot_change_the_policy(site: ChatSite) -> None:
    site.allowed_origins = ["*", "https:", "https://a.example; script-src *", "null", SITE_ORIGIN]
    site.save()
    rules = policy("/chat/frame/riverside")
    assert rules["frame-ancestors"] == SITE_ORIGIN
    assert rules["script-src"] == "http://testserver/static/chat/"


@pytest.mark.parametrize("path", PAGES)
def test_scripts_and_styles_come_from_the_chats_folder_only(site: ChatSite, path: str) -> None:
    rules = policy(path)
    assert rules["default-src"] == "'none'"
    for name in ("script-src", "style-src"):
        assert rules[name] == "http://testserver/static/chat/"
    assert "unsafe" not in str(rules)
    html = Client().get(path).content.decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    for script in re.findall(r"<script([^>]*)>", html):
        assert 'src="/static/chat/' in script or 'type="application/json"' in script


def test_unknown_sites_have_no_page(site: ChatSite) -> None:
    assert Client().get("/chat/frame/nowhere").status_code == 404
    assert Client().get("/chat/page/nowhere").status_code == 404


def test_the_pages_say_the_emergency_numbers_without_javascript(site: ChatSite) -> None:
    for path in PAGES:
        noscript = re.search(r"<noscript>(.*?)</noscript>", Client().get(path).content.decode())
        assert noscript
        assert "911" in noscript[1]
        assert "988" in noscript[1]


def test_the_loader_is_public_and_names_its_type(site: ChatSite) -> None:
    answer = Client().get("/chat/widget.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "public" in answer["Cache-Control"]


def test_everything_that_a_visitor_loads_is_under_30_kb_compressed(site: ChatSite) -> None:
    pieces = [path.read_bytes() for path in STATIC.iterdir()]
    pieces.append(Client().get("/chat/frame/riverside").content)
    assert len(pieces) > 8
    assert sum(len(gzip.compress(piece, 6)) for piece in pieces) < 30_000


def test_the_app_makes_no_html_of_words() -> None:
    for path in STATIC.glob("*.js"):
        code = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in code, f"{way} in {path.name}"


def test_both_languages_have_the_same_sentences() -> None:
    code = (STATIC / "words.js").read_text()
    english, spanish = code.partition("  en: {")[2].split("  es: {")
    keys = re.compile(r"^    (\w+):", re.MULTILINE)
    assert keys.findall(english) == keys.findall(spanish)
    places = re.compile(r"\{(\w+)\}")
    assert sorted(places.findall(english)) == sorted(places.findall(spanish.split("};")[0]))


def test_every_sentence_that_the_app_uses_exists() -> None:
    known = set(re.findall(r"^    (\w+):", (STATIC / "words.js").read_text(), re.MULTILINE))
    used = set()
    for path in STATIC.glob("*.js"):
        used |= set(re.findall(r'words\(\s*"(\w+)"', path.read_text()))
    html = (Path(settings.BASE_DIR) / "templates" / "chat" / "app.html").read_text()
    used |= set(re.findall(r'data-words="(\w+)"', html))
    assert used
    assert used <= known
