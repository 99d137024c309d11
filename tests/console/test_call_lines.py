"""Every line that a call writes into the timeline reads as a sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string

import channels_app.voice
import hub.conversations.actions.calls

WRITERS = {"note", "_note", "_note_guest", "_line", "arrive"}
VOICE = Path(channels_app.voice.__file__).parent
PLACES = [*VOICE.glob("*.py"), Path(hub.conversations.actions.calls.__file__)]
UNKNOWN = "Something about the call changed"


def events() -> Iterator[str]:
    """The codes of what may have happened, as our own source writes them."""
    for place in PLACES:
        for node in ast.walk(ast.parse(place.read_text())):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                given = [*node.args, *(k.value for k in node.keywords if k.arg == "what")]
                if name in WRITERS:
                    for argument in given:
                        yield from _texts(argument)
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "what":
                yield from _texts(node.value)


def _texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        # The provider's own names, which are read beside, begin with a capital.
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.islower():
            yield each.value


EVENTS = sorted(set(events()))


def sentence(what: str, kind: str) -> str:
    line = SimpleNamespace(
        kind=kind,
        author_name="Lena Moreau",
        detail={
            "what": what,
            "seconds": 83,
            "talked": 42,
            "reason": "completed",
            "why": "no-answer",
            "role": "interpreter",
            "source": "queue",
            "tries": 2,
            "due": "2026-11-25T15:00:00+00:00",
        },
        names={"to": "Ben Agent", "department": "Front desk"},
    )
    text = render_to_string("console/partials/call_line.html", {"line": line}).strip()
    assert render_to_string("console/partials/call_icon.html", {"line": line}).startswith("<svg")
    return text


def test_the_source_was_read() -> None:
    assert {"arrived", "answered", "handed_over", "guest_left", "ended", "requested"} <= {*EVENTS}


@pytest.mark.parametrize("what", EVENTS)
def test_each_event_is_a_sentence(what: str) -> None:
    kinds = {"left": ["voicemail"], "recorded": ["recording"]}.get(what, ["call", "callback"])
    said = [text for kind in kinds if UNKNOWN not in (text := sentence(what, kind))]
    assert said, f"templates/console/partials/call_line.html knows no {what}"
    assert all("{" not in text and "None" not in text for text in said)


def test_a_sentence_tells_what_matters() -> None:
    assert sentence("ended", "call") == "The call is over after 0:42 of talk: the caller hung up"
    assert "interpreter" in sentence("guest_did_not_come", "call")
    assert sentence("recorded", "recording") == "Recording of the call, 1:23"
