"""Fragments of the console, made once a process for everybody who may see them.

What differs from reader to reader ("You", unread, which buttons) the browser adds by itself, so one
fragment a language serves a thousand sockets.
"""

from collections.abc import Iterable
from typing import Any

from django.template.loader import get_template
from django.utils import translation

from hub.console.head import head_of
from hub.conversations.models import Conversation
from hub.conversations.rows import Row
from hub.conversations.timeline import EntryLine


def entries(lines: Iterable[EntryLine], language: str, conversation: Conversation) -> list[str]:
    """Return lines of the timeline of `conversation`; a masked line gives the masked fragment."""
    with translation.override(language):
        head = head_of(conversation)
    return [_fragment("entry", language, line=line, who=head.who) for line in lines]


def row(shown: Row, language: str) -> str:
    """Return a row of the inbox."""
    return _fragment("row", language, row=shown)


def head(conversation: Conversation, language: str) -> str:
    """Return the head of a conversation, whose people and department are best selected along."""
    with translation.override(language):
        return _fragment("conversation_head", language, head=head_of(conversation))


def _fragment(name: str, language: str, **context: Any) -> str:
    # Django keeps the compiled template; without a request no context processor runs.
    with translation.override(language):
        return get_template(f"console/partials/{name}.html").render(context).strip()
