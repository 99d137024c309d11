"""docs/configuration.md names every variable that is read, and none that is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.translations.catalog import PROJECT

READERS = {"text", "required", "number", "flag", "clock", "words", "key", "key_ring"}
#: Files that read the environment by themselves: the launcher, the probe, the simulator.
OTHERS = (
    *sorted((PROJECT / "hub" / "launcher").glob("*.py")),
    PROJECT / "hub" / "probe.py",
    PROJECT / "channels_app" / "simulator" / "settings.py",
)
VARIABLE = re.compile(r"(?:HUB|SIMULATOR|TWILIO|DATABASE|REDIS|NO)_[A-Z_]+")


def of_the_settings() -> Iterator[str]:
    """Yield each name in a call like environment.text("NAME")."""
    source = (PROJECT / "hub" / "settings.py").read_text()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in READERS
            and getattr(node.func.value, "id", "") == "environment"
        ):
            assert isinstance(node.args[0], ast.Constant), "a name is written out"
            yield node.args[0].value


def of_other(path: Path) -> Iterator[str]:
    """Yield each text that is the name of a variable."""
    for node in ast.walk(ast.parse(path.read_text())):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and VARIABLE.fullmatch(node.value):
            yield node.value


def of_compose() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", (PROJECT / "compose.yaml").read_text()))


def documented() -> list[str]:
    text = (PROJECT / "docs" / "configuration.md").read_text()
    return re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)


def test_every_variable_is_documented_once_and_every_documented_one_is_read() -> None:
    read = set(of_the_settings()) | {name for path in OTHERS for name in of_other(path)}
    assert len(read) > 40
    names = documented()
    assert set(names) - read - of_compose() == set(), "documented, and read by nobody"
    assert (read | of_compose()) - set(names) == set(), "read, and not documented"
    assert len(names) == len(set(names)), "documented twice"


def test_compose_sets_nothing_that_is_not_read() -> None:
    read = set(of_the_settings())
    set_there = re.findall(
        r"^    ((?:HUB|TWILIO)_[A-Z_]+):", (PROJECT / "compose.yaml").read_text(), re.MULTILINE
    )
    assert len(set_there) > 10
    assert set(set_there) - read - {"HUB_DOMAIN"} == set()
