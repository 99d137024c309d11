"""The readers of phone lines: what is set up, what is wrong with it, what Twilio is to be told."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from channels_app.voice import setting_up, twiml, words
from channels_app.voice.models import MenuItem, PhoneLine
from hub.conversations.models import Channel, HubAddress


@dataclass(frozen=True)
class Webhooks:
    """The addresses that a number is given at Twilio, each with what is done when we are away."""

    voice: str
    fallback: str
    status: str


@dataclass(frozen=True)
class Row:
    """One choice, with how many menus it stands below."""

    item: MenuItem
    depth: int
    label: str


def webhooks() -> Webhooks:
    """Return the addresses; they are the same for each number."""
    return Webhooks(
        voice=twiml.question("incoming"),
        fallback=twiml.question("fallback"),
        status=twiml.event("status"),
    )


def all_lines() -> QuerySet[PhoneLine]:
    """Return all lines with their numbers, by number."""
    return PhoneLine.objects.select_related("hub_address__department").order_by(
        "hub_address__value"
    )


def tree(line: PhoneLine, language: str) -> list[Row]:
    """Return the choices of a line as they hang together, each followed by what is below it."""
    below: dict[int | None, list[MenuItem]] = {}
    for item in line.menu_items.select_related("department").order_by("digit"):
        below.setdefault(item.parent_id, []).append(item)

    def walk(parent: int | None, depth: int) -> Iterator[Row]:
        for item in below.get(parent, []):
            yield Row(item, depth, words.in_language(item.label, language))
            yield from walk(item.pk, depth + 1)

    return list(walk(None, 0))


def problems(line: PhoneLine) -> list[str]:
    """Return, in sentences, what callers would miss on this line; each names its choice."""
    found = []
    rows = tree(line, line.languages[0])
    parents = {row.item.parent_id for row in rows}
    for row in rows:
        item, name = row.item, {"digit": row.item.digit, "label": row.label}
        if item.action == MenuItem.Action.MENU and item.pk not in parents:
            found.append(
                _("%(digit)s, %(label)s: there is no choice below it, so it is not offered.") % name
            )
        for language in line.languages:
            named = name | {"language": language_name(language)}
            if not item.label.get(language):
                found.append(
                    _("%(digit)s, %(label)s: what the menu says is missing in %(language)s.")
                    % named
                )
            if item.action in setting_up.NEEDS_TEXT and not item.text.get(language):
                found.append(
                    _("%(digit)s, %(label)s: the text is missing in %(language)s.") % named
                )
    texts = [row for row in rows if row.item.action == MenuItem.Action.TEXT]
    if texts and not _sends_texts(line):
        found.append(_("Texts cannot be sent from this number: add it as a number for texts, too."))
    return found


def language_name(code: str) -> str:
    """Return the name of a language that lines speak, in the language of the screen."""
    return {"en": _("English"), "es": _("Spanish")}[code]


def _sends_texts(line: PhoneLine) -> bool:
    return HubAddress.objects.filter(channel=Channel.SMS, value=line.hub_address.value).exists()
