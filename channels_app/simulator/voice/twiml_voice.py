"""Reads TwiML for calls: which verbs there are, what may stand in them, and where they may stand.

Only the reading is here; what a verb does is in :mod:`verbs`, :mod:`dialling` and
:mod:`enqueueing`.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urljoin

from ..twiml import BAD_CONTENT_TYPE, BAD_XML, TwimlError
from ..webhooks import Answer

#: What may stand inside which verb.
NOUNS = {
    "Gather": frozenset({"Say", "Play", "Pause"}),
    "Dial": frozenset({"Number", "Client", "Conference", "Queue", "Sip"}),
    "Enqueue": frozenset({"Task"}),
    "Start": frozenset({"Recording", "Transcription", "Stream"}),
    "Stop": frozenset({"Recording", "Transcription", "Stream"}),
    "Client": frozenset({"Identity", "Parameter"}),
}
_MARKUP = frozenset({"Say"})

_XML = frozenset({"text/xml", "application/xml"})
_SOUND = frozenset(
    {"audio/mpeg", "audio/mp3", "audio/wav", "audio/x-wav", "audio/wave", "audio/basic"}
)


class Place(Enum):
    """In which part of a call a document runs; each allows verbs of its own."""

    MAIN = "main"
    QUEUE_WAIT = "queue wait"
    HOLD = "hold"
    WHISPER = "whisper"
    NOTICE = "notice"


#: The verbs of each place.
ALLOWED = {
    Place.MAIN: frozenset(
        {
            *("Say", "Play", "Pause", "Gather", "Record", "Dial", "Enqueue", "Redirect"),
            *("Hangup", "Reject", "Leave", "Start", "Stop"),
        }
    ),
    Place.QUEUE_WAIT: frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup", "Leave"}),
    Place.HOLD: frozenset({"Say", "Play", "Pause", "Redirect"}),
    Place.WHISPER: frozenset({"Say", "Play", "Pause", "Gather", "Redirect", "Hangup"}),
    Place.NOTICE: frozenset({"Say", "Play", "Pause", "Redirect"}),
}


@dataclass(frozen=True)
class Verb:
    """One element: its name, attributes, text and the elements inside it."""

    name: str
    attributes: dict[str, str]
    text: str
    inner: tuple[Verb, ...]
    url: str

    def get(self, name: str, default: str = "") -> str:
        """An attribute."""
        return self.attributes.get(name, default)

    def address(self, name: str) -> str:
        """An attribute that is a URL, made absolute; empty where it is not given."""
        given = self.attributes.get(name, "")
        return urljoin(self.url, given) if given else ""

    def true(self, name: str, default: bool = False) -> bool:
        """A yes-or-no attribute."""
        given = self.attributes.get(name, "").strip().lower()
        return given in {"true", "1", "yes"} if given else default

    def number(self, name: str, default: float, lowest: float = 0) -> float:
        """A number; the default where it is none or too small."""
        try:
            value = float(self.attributes.get(name, ""))
        except ValueError:
            return default
        return value if value >= lowest else default

    def words(self, name: str, default: str = "") -> frozenset[str]:
        """A list of words, parted by spaces."""
        return frozenset(self.attributes.get(name, default).split())


@dataclass(frozen=True)
class Document:
    """One answer, read: its verbs in order, and what was wrong with it without being fatal."""

    url: str
    verbs: tuple[Verb, ...]
    warnings: tuple[str, ...] = field(default=())


def read_document(answer: Answer, url: str, place: Place) -> Document:
    """Read the hub's answer to a question about a call.

    An empty answer holds no verbs. Plain text is spoken and a sound is played, as with Twilio.

    Raises:
        TwimlError: for bad XML (12100) or a wrong content type (12300).
    """
    content_type = answer.content_type.partition(";")[0].strip().lower()
    if content_type in _SOUND:
        return Document(url, (Verb("Play", {}, url, (), url),))
    if not answer.body.strip():
        return Document(url, ())
    if content_type == "text/plain":
        return Document(url, (Verb("Say", {}, answer.body.strip(), (), url),))
    if content_type not in _XML:
        raise TwimlError(BAD_CONTENT_TYPE, f"Invalid Content-Type {content_type or '(none)'}")
    return read_twiml(answer.body, url, place)


def read_twiml(text: str, url: str, place: Place) -> Document:
    """Read a document. Verbs that are unknown or out of place become warnings (12200).

    Raises:
        TwimlError: for bad XML (12100).
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise TwimlError(BAD_XML, "Document type declarations are not allowed")
    try:
        root = ElementTree.fromstring(text.strip())  # noqa: S314 - entities were refused above
    except ElementTree.ParseError as error:
        raise TwimlError(BAD_XML, "Document parse failure") from error
    if root.tag != "Response":
        raise TwimlError(BAD_XML, "The root element is not Response")
    warnings: list[str] = []
    verbs = []
    for element in root:
        if element.tag not in ALLOWED[place]:
            warnings.append(f"error 12200: {element.tag} is not a verb of a {place.value} document")
            continue
        verbs.append(_read_verb(element, url, warnings))
    return Document(url, tuple(verbs), tuple(warnings))


def _read_verb(element: ElementTree.Element, url: str, warnings: list[str]) -> Verb:
    if element.tag in _MARKUP:
        return Verb(element.tag, dict(element.attrib), _spoken(element), (), url)
    nouns = NOUNS.get(element.tag, frozenset())
    inner = []
    for child in element:
        if child.tag in nouns:
            inner.append(_read_verb(child, url, warnings))
        else:
            warnings.append(f"error 12200: {child.tag} may not stand in {element.tag}")
    text = (element.text or "").strip()
    return Verb(element.tag, dict(element.attrib), text, tuple(inner), url)


def _spoken(element: ElementTree.Element) -> str:
    """The words of a Say without its speech mark-up."""
    return " ".join("".join(element.itertext()).split())
