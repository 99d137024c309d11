"""Twilio's side of a line in tests: posts what Twilio posts, signed, and reads the documents."""

from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit
from uuid import uuid4
from xml.etree import ElementTree

from django.conf import settings
from django.test import Client
from twilio.request_validator import RequestValidator


class NoSuchVerb(AssertionError):
    """The document does not ask for that."""


@dataclass
class Document:
    """A TwiML document as the line reads it."""

    text: str
    root: ElementTree.Element = field(init=False)

    def __post_init__(self) -> None:
        self.root = ElementTree.fromstring(self.text)  # noqa: S314  (our own answer)

    def find(self, verb: str) -> ElementTree.Element:
        """Return the first such verb, however deep."""
        found = self.root.find(f".//{verb}")
        if found is None:
            raise NoSuchVerb(f"{verb} in {self.text}")
        return found

    def has(self, verb: str) -> bool:
        """Whether there is such a verb."""
        return self.root.find(f".//{verb}") is not None

    @property
    def said(self) -> str:
        """All that is spoken."""
        return " ".join(each.text or "" for each in self.root.iter("Say"))


class Line:
    """One phone line at Twilio."""

    def __init__(self, number: str = "+15550100142", called: str = "+15550100100") -> None:
        self.sid = f"CA{uuid4().hex}"
        self.number = number
        self.called = called
        self.http = Client()
        self.sequence = 0

    def dial(self) -> Document:
        """Ring the hub."""
        return self.ask("/twilio/voice/incoming", CallStatus="ringing")

    def ask(self, address: str, token: str = "", **fields: str) -> Document:
        """Ask a question at `address`; fails unless it is answered."""
        response = self.post(address, token, **fields)
        assert response.status_code == 200, response.content
        return Document(response.content.decode())

    def follow(self, document: Document, verb: str, attribute: str = "action", **fields: str):
        """Ask what the document says to ask next."""
        return self.ask(document.find(verb).attrib[attribute], **fields)

    def press(self, document: Document, digits: str) -> Document:
        """Press digits at a Gather."""
        return self.follow(document, "Gather", Digits=digits)

    def hang_up(self, status: str = "completed") -> None:
        """End the line; Twilio tells of it."""
        self.tell("/twilio/voice/status", CallStatus=status)

    def tell(self, address: str, **fields: str) -> None:
        """Post an event; fails unless it is taken."""
        self.sequence += 1
        fields = {"SequenceNumber": str(self.sequence), **fields}
        response = self.post(address, **fields)
        assert response.status_code == 204, response.content

    def post(self, address: str, token: str = "", **fields: str):
        """Post signed fields, as Twilio does."""
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        values = {
            "CallSid": self.sid,
            "AccountSid": settings.TWILIO_ACCOUNT_SID,
            "From": self.number,
            "To": self.called,
            "CallStatus": "in-progress",
            "Direction": "inbound",
            **fields,
        }
        signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
            settings.PUBLIC_URL + path, values
        )
        return self.http.post(
            path,
            data=urlencode(values),
            content_type="application/x-www-form-urlencoded",
            headers={
                "X-Twilio-Signature": signature,
                "I-Twilio-Idempotency-Token": token or uuid4().hex,
            },
        )
