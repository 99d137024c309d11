"""Reads the Spanish catalogue, and the sentences marked for it in a source file."""

import ast
import gettext
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
FOLDER = PROJECT / "locale" / "es" / "LC_MESSAGES"
MARKERS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}

Catalog = dict[str, list[str]]

_LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")')
_TRANSLATE = re.compile(r'{%\s*translate\s+"([^"]+)"')
_BLOCK = re.compile(r"{%\s*blocktranslate[^%]*%}(.*?){%\s*endblocktranslate\s*%}", re.DOTALL)
_VARIABLE = re.compile(r"{{\s*(\w+)\s*}}")


def read_po() -> tuple[Catalog, set[str]]:
    """Return the translations of each msgid, one for each plural form, and the fuzzy msgids."""
    catalog: Catalog = {}
    fuzzy: set[str] = set()
    for block in (FOLDER / "django.po").read_text(encoding="utf-8").split("\n\n"):
        entry = _entry(block)
        msgid = entry.pop("msgid", "")
        if not msgid:
            continue
        catalog[msgid] = [text for key, text in sorted(entry.items()) if key.startswith("msgstr")]
        if "#, fuzzy" in block:
            fuzzy.add(msgid)
    return catalog, fuzzy


def read_plurals() -> dict[str, str]:
    """Return what the English says of several, by what it says of one."""
    entries = map(_entry, (FOLDER / "django.po").read_text(encoding="utf-8").split("\n\n"))
    return {one["msgid"]: one["msgid_plural"] for one in entries if "msgid_plural" in one}


def _entry(block: str) -> dict[str, str]:
    entry: dict[str, str] = {}
    key = ""
    for line in block.splitlines():
        if line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found:
            key = found[1]
        entry[key] = entry.get(key, "") + ast.literal_eval(found[2] if found else line)
    return entry


def read_mo() -> Catalog:
    """Return what the program reads, in the same shape."""
    with (FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    catalog: Catalog = {}
    for key, text in sorted(compiled.items(), key=lambda item: str(item[0])):
        msgid = key[0] if isinstance(key, tuple) else key
        if msgid:
            catalog.setdefault(msgid, []).append(text)
    return catalog


def marked_in(path: str) -> set[str]:
    """Return the sentences that the file at `path` marks for translation."""
    source = (PROJECT / path).read_text(encoding="utf-8")
    return _marked_in_python(source) if path.endswith(".py") else _marked_in_template(source)


def _marked_in_python(source: str) -> set[str]:
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in MARKERS
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def _marked_in_template(source: str) -> set[str]:
    blocks = {_VARIABLE.sub(r"%(\1)s", block) for block in _BLOCK.findall(source)}
    return set(_TRANSLATE.findall(source)) | blocks


def words_of_the_chat() -> dict[str, dict[str, str]]:
    """Return the chat app's own sentences by language: it works without gettext."""
    source = (PROJECT / "static" / "chat" / "words.js").read_text(encoding="utf-8")
    english, spanish = source.split("\n  es: {")
    pattern = re.compile(r'^    (\w+):\s*("(?:[^"\\]|\\.)*"),$', re.MULTILINE)
    return {
        language: {key: ast.literal_eval(text) for key, text in pattern.findall(part)}
        for language, part in (("en", english), ("es", spanish))
    }
