"""What README and docs/ name exists: commands, make targets, links, tests, files, tasks."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from tests.translations.catalog import PROJECT

DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
#: Folders of ours; a name in backticks that begins with one is a file or folder that exists.
ROOMS = (
    "hub/",
    "patients/",
    "channels_app/",
    "tests/",
    "templates/",
    "static/",
    "locale/",
    "docs/",
)


@pytest.fixture(params=DOCUMENTS, ids=lambda path: path.name)
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_commands_exist(document: Path) -> None:
    text = document.read_text()
    # A command of ours begins a table's row or follows manage.py; Django's own count, too.
    named = set(re.findall(r"manage\.py ([a-z]\w+)", text))
    named |= set(re.findall(r'make manage ARGS="?([a-z]\w+)', text))
    named |= set(re.findall(r"^\| `([a-z]+_[a-z_]+) [^`]*` \|", text, re.MULTILINE))
    assert named - set(get_commands()) == set()


def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^|\s)make ([a-z]+)\b(?=[`\s])", _code(document)))
    assert named - targets == set()


def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


def test_named_tests_exist(document: Path) -> None:
    for path, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", document.read_text()):
        assert name in _functions(PROJECT / path), f"{path}::{name}"


def test_named_files_exist(document: Path) -> None:
    for name in re.findall(r"`([\w./-]+)`", document.read_text()):
        if name.startswith(ROOMS):
            assert (PROJECT / name).exists(), name


def test_nothing_of_one_machine_is_named(document: Path) -> None:
    assert not re.findall(r"/(?:root|home|work|tmp)/\S*", document.read_text())


def test_every_sweep_is_explained() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    assert set(re.findall(r"\| `([\w.]+\.tasks\.\w+)`", text)) == set(settings.CELERY_BEAT_SCHEDULE)


def test_every_alarm_is_written_somewhere() -> None:
    text = (PROJECT / "docs" / "operations.md").read_text()
    alarms = text.split("**Alarms**")[1].split("## ")[0]
    named = set(re.findall(r"`([a-z]+_[a-z_]+)`", alarms)) - set(get_commands())
    written = {
        name
        for room in ("hub", "channels_app")
        for path in (PROJECT / room).rglob("*.py")
        for name in re.findall(r'log\.\w+\(\s*"(\w+)"', path.read_text())
    }
    assert len(named) > 8
    assert named - written - {"provider_code", "error_type"} == set()


def _code(document: Path) -> str:
    """The parts of a document that are code: a sentence may "make sense" of something."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", document.read_text(), re.DOTALL))


@cache
def _anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def _functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
