"""What a caller hears on a line, made by the code that makes it for callers; nobody is called."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4
from xml.etree import ElementTree

from django.utils import timezone
from django.utils.translation import gettext as _
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import arriving, menu, twiml, words
from channels_app.voice.models import Call, MenuItem, PhoneLine
from hub.conversations.models import Channel
from hub.routing.rules import rules_of

Action = MenuItem.Action


@dataclass(frozen=True)
class Heard:
    """What is heard at one place of a call.

    Attributes:
        where: after which digits, in words for the administrator.
        depth: how many digits were pressed before.
        said: the sentences, in the order in which they are spoken.
        sent: the text message that is sent, or "".
        ends: what comes after the words: "waits", "records", "listens", "hangs_up".
    """

    where: str
    depth: int
    said: tuple[str, ...]
    sent: str = ""
    ends: str = ""


def heard(line: PhoneLine, language: str) -> list[Heard]:
    """Return what a caller hears who chooses `language`, from the first word to the last choice."""
    return [*_beginning(line, language), *_below(line, None, language, ""), _closed(line, language)]


def _beginning(line: PhoneLine, language: str) -> Iterator[Heard]:
    first = line.languages[0]
    doc, call = twiml.emergency_first(line.languages), Call(language=first)
    if len(line.languages) > 1:
        arriving.greet(doc, line, first)
        twiml.language_choice(doc, call, line)
        yield _heard(_("Somebody calls"), 0, doc)
        doc, call = VoiceResponse(), Call(language=language)
        if language != first:
            arriving.greet(doc, line, language)
        where = _("Then, in the language that they chose")
    else:
        arriving.greet(doc, line, language)
        where = _("Somebody calls")
    choices = menu.choices(line, None)
    if choices:
        twiml.menu(doc, call, choices)
    else:
        arriving.connect(doc, call, line.hub_address.department, timezone.now())
    yield _heard(where, 0, doc)


def _below(line: PhoneLine, parent: MenuItem | None, language: str, digits: str) -> Iterator[Heard]:
    for item in menu.choices(line, parent):
        pressed = f"{digits} {item.digit}".strip()
        yield _chosen(line, item, language, pressed)
        if item.action == Action.MENU:
            yield from _below(line, item, language, pressed)


def _chosen(line: PhoneLine, item: MenuItem, language: str, pressed: str) -> Heard:
    doc, call, sent = VoiceResponse(), Call(language=language), ""
    match item.action:
        case Action.MENU:
            twiml.menu(doc, call, menu.choices(line, item), parent=item)
        case Action.ANNOUNCEMENT:
            twiml.say(doc, words.in_language(item.text, language), language)
        case Action.TEXT:
            sent = words.in_language(item.text, language)
            twiml.say(doc, words.text_sent(language), language)
        case Action.VOICEMAIL:
            twiml.voicemail(doc, call, uuid4(), words.in_language(item.text, language))
        case Action.CALLBACK:
            twiml.say(doc, words.callback_promised(language), language)
            doc.hangup()
        case _:
            assert item.department is not None
            if line.asks_birth_date:
                twiml.birth_date(doc, call, item)
            arriving.connect(doc, call, item.department, timezone.now())
    label = words.in_language(item.label, language)
    where = _("They press %(digits)s: %(label)s") % {"digits": pressed, "label": label}
    return _heard(where, pressed.count(" ") + 1, doc, sent)


def _closed(line: PhoneLine, language: str) -> Heard:
    """What is heard while the line's department is closed."""
    doc, call = VoiceResponse(), Call(language=language)
    department = line.hub_address.department
    arriving.greet(doc, line, language, is_open=False)
    choices = menu.choices(line, None)
    if choices:
        twiml.menu(doc, call, choices)
    else:
        rules = rules_of(department.pk).of(Channel.VOICE)
        twiml.say(doc, words.closed(language, ""), language)
        twiml.ways_out(doc, call, voicemail=rules.voicemail, callback=rules.callbacks)
    where = _("While %(department)s is closed") % {"department": department.name}
    return _heard(where, 0, doc)


#: What a document does at its end; the first of these that is in it.
_ENDS = {"Enqueue": "waits", "Record": "records", "Gather": "listens", "Hangup": "hangs_up"}


def _heard(where: str, depth: int, doc: VoiceResponse, sent: str = "") -> Heard:
    root = ElementTree.fromstring(str(doc))  # noqa: S314  (our own document)
    said = tuple(each.text or "" for each in root.iter("Say"))
    ends = next((end for verb, end in _ENDS.items() if root.find(f".//{verb}") is not None), "")
    return Heard(where, depth, said, sent, ends)
