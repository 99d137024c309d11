"""What a hub may answer to an inbound text: TwiML for messaging, or a plain text to send back."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from urllib.parse import urljoin

from .webhooks import Answer

#: Twilio's codes for documents it cannot use.
BAD_XML = 12100
BAD_CONTENT_TYPE = 12300
UNKNOWN_VERB = 12200


class TwimlError(Exception):
    """The document cannot be carried out; ``code`` is Twilio's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Reply:
    """One ``<Message>``."""

    body: str
    media_urls: tuple[str, ...] = ()
    to: str = ""
    status_callback: str = ""


@dataclass(frozen=True)
class Instructions:
    """What the document asks for: messages to send, then perhaps another document to fetch."""

    replies: tuple[Reply, ...] = ()
    redirect: str = ""


def read_twiml(answer: Answer, url: str) -> Instructions:
    """Read the hub's answer to a message webhook at ``url``.

    An empty answer asks for nothing. ``text/plain`` is sent back to the patient as it stands, as
    Twilio does: a hub that answers a polite "OK" texts that to people.

    Raises:
        TwimlError: for bad XML, a wrong content type, or an unknown verb.
    """
    content_type = answer.content_type.partition(";")[0].strip().lower()
    if not answer.body.strip():
        return Instructions()
    if content_type == "text/plain":
        return Instructions((Reply(answer.body.strip()),))
    if content_type not in {"text/xml", "application/xml"}:
        raise TwimlError(BAD_CONTENT_TYPE, f"Invalid Content-Type {content_type or '(none)'}")
    if "<!DOCTYPE" in answer.body or "<!ENTITY" in answer.body:
        raise TwimlError(BAD_XML, "Document type declarations are not allowed")
    try:
        root = ElementTree.fromstring(answer.body)  # noqa: S314 - entities were refused above
    except ElementTree.ParseError as error:
        raise TwimlError(BAD_XML, "Document parse failure") from error
    if root.tag != "Response":
        raise TwimlError(BAD_XML, "The root element is not Response")
    replies: list[Reply] = []
    for verb in root:
        if verb.tag == "Redirect":
            return Instructions(tuple(replies), urljoin(url, (verb.text or "").strip()))
        if verb.tag not in {"Message", "Sms"}:
            raise TwimlError(UNKNOWN_VERB, f"{verb.tag} is not a messaging verb")
        replies.append(_read_message(verb, url))
    return Instructions(tuple(replies))


def _read_message(verb: ElementTree.Element, url: str) -> Reply:
    body = verb.findtext("Body") if verb.find("Body") is not None else verb.text
    callback = verb.get("statusCallback") or verb.get("action") or ""
    return Reply(
        body=(body or "").strip(),
        media_urls=tuple(urljoin(url, (m.text or "").strip()) for m in verb.findall("Media")),
        to=verb.get("to", ""),
        status_callback=urljoin(url, callback) if callback else "",
    )
