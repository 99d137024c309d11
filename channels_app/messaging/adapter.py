"""Texts by Twilio's messaging API: SMS and MMS, WhatsApp, Messenger."""

from typing import Any, ClassVar

import requests
import structlog
from django.db import transaction
from django.utils import timezone

from channels_app import outbox
from channels_app.adapter import Adapter, HandedOver, Refused, TryLater
from channels_app.files import FileRefused, accept_bytes
from channels_app.messaging import prefixes, sending
from channels_app.messaging.error_codes import meaning_of
from channels_app.twilio.client import MediaRefused, delete_media, open_media
from hub.conversations import signals
from hub.conversations.actions import attach
from hub.conversations.actions.delivery_status import report
from hub.conversations.actions.receive import receive
from hub.conversations.inbound import Inbound, InboundFile
from hub.conversations.joining import id_of_address
from hub.conversations.models import META, Channel, Delivery, HubAddress
from hub.encryption.files import EncryptedFileStorage
from patients import actions as patients
from patients import contact_points, normal_form
from patients.keywords import recognise

log = structlog.get_logger(__name__)

#: Twilio's words for a status, and ours. What is not here (queued, accepted …) says nothing new.
STATES = {
    "sending": Delivery.State.ACCEPTED,
    "sent": Delivery.State.SENT,
    "delivered": Delivery.State.DELIVERED,
    "read": Delivery.State.READ,
    "undelivered": Delivery.State.FAILED,
    "failed": Delivery.State.FAILED,
    "canceled": Delivery.State.FAILED,
}
MOST_FILES = 10
_CHUNK = 64 * 1024


class UnknownHubAddress(LookupError):
    """A text came to a number that the hub does not know as its own."""


class NotSwitchedOn(LookupError):
    """A message came to an address that no administrator has switched on; it waits, and is told."""


class MessagingAdapter(Adapter):
    """Twilio's messaging API, for texts; the other two differ by their channel alone."""

    channel: ClassVar[str] = Channel.SMS

    def send(self, delivery: Delivery) -> HandedOver:
        """Hand a text over; an opt-out that only the provider knew is written down here too."""
        if delivery.hub_address.state != HubAddress.State.ON:
            raise Refused("switched_off")
        try:
            return sending.send(delivery)
        except Refused as error:
            if meaning_of(error.code).opted_out:
                patients.stop(
                    delivery.contact_point,
                    channel=self.channel,
                    source="provider",
                    evidence=error.code,
                )
            raise

    def find(self, delivery: Delivery) -> HandedOver | None:
        """Ask Twilio whether it has the text."""
        return sending.find(delivery)

    def fetch(self, delivery: Delivery) -> None:
        """Bring an MMS file here; one that may not pass is refused, visibly."""
        attachment = delivery.attachment
        assert attachment is not None
        try:
            with open_media(attachment.source) as response:
                if response.status_code in (404, 410):
                    attach.refused(attachment, "gone", delivery.leg)
                    return
                response.raise_for_status()
                file = accept_bytes(response.iter_content(_CHUNK), "", uuid=attachment.uuid)
        except MediaRefused:
            attach.refused(attachment, "foreign_address", delivery.leg)
        except FileRefused as error:
            attach.refused(attachment, error.code, delivery.leg)
        except requests.exceptions.RequestException:
            raise TryLater("unreachable") from None
        else:
            if not attach.fetched(attachment, file, delivery.leg):
                EncryptedFileStorage().delete(file.storage_name)

    def delete(self, delivery: Delivery) -> None:
        """Delete an MMS file at Twilio, now that we have it or do not want it."""
        assert delivery.attachment is not None
        try:
            delete_media(delivery.attachment.source)
        except MediaRefused:
            raise Refused("foreign_address") from None
        except requests.exceptions.RequestException:
            raise TryLater("unreachable") from None

    def handle(self, kind: str, payload: dict[str, Any]) -> None:
        """Work on an inbound text or a status report."""
        if kind == f"{self.channel}.inbound":
            receive(parse(payload))
        elif kind == f"{self.channel}.status":
            _status(self.channel, payload)
        else:
            raise ValueError("unknown kind")


class WhatsAppAdapter(MessagingAdapter):
    """The same, for WhatsApp."""

    channel: ClassVar[str] = Channel.WHATSAPP


class MessengerAdapter(MessagingAdapter):
    """The same, for Facebook Messenger."""

    channel: ClassVar[str] = Channel.MESSENGER


def parse(payload: dict[str, Any]) -> Inbound:
    """Return the channel-neutral message of Twilio's inbound parameters (notes, 3.2).

    Raises UnknownHubAddress, NotSwitchedOn, or normal_form.NotAnAddress.
    """
    channel, ours = prefixes.split(str(payload.get("To", "")))
    hub_address_id = id_of_address(channel, ours)
    if hub_address_id is None:
        raise UnknownHubAddress
    if channel in META and HubAddress.objects.get(pk=hub_address_id).state == HubAddress.State.NEW:
        raise NotSwitchedOn
    sender, theirs = prefixes.split(str(payload.get("From", "")))
    if sender != channel:
        raise normal_form.NotAnAddress(prefixes.SYSTEMS[channel])
    text = _words(payload)
    keyword = recognise(text)
    count = min(int(payload.get("NumMedia") or 0), MOST_FILES)
    return Inbound(
        channel=channel,
        contact_system=prefixes.SYSTEMS[channel],
        contact_value=normal_form.normalise(prefixes.SYSTEMS[channel], theirs),
        hub_address_id=hub_address_id,
        text=text,
        at=timezone.now(),
        files=tuple(
            InboundFile(
                source=str(payload[f"MediaUrl{i}"]),
                content_type=str(payload.get(f"MediaContentType{i}", ""))[:100],
            )
            for i in range(count)
            if f"MediaUrl{i}" in payload
        ),
        keyword=keyword,
        # With Advanced Opt-Out, Twilio answers by itself and says so: do not answer twice.
        keyword_answered=bool(payload.get("OptOutType")),
    )


def _words(payload: dict[str, Any]) -> str:
    """Return what was written; of a place, where it is: it may be a call for help."""
    words = str(payload.get("Body", ""))
    if "Latitude" not in payload or "Longitude" not in payload:
        return words
    where = [f"{payload['Latitude']}, {payload['Longitude']}"]
    where += [str(payload[name]) for name in ("Label", "Address") if payload.get(name)]
    return "\n".join(part for part in (words, f"📍 {' · '.join(where)}") if part)


def _status(channel: str, payload: dict[str, Any]) -> None:
    """Move a delivery on: by our token in the callback, else by Twilio's id of the message."""
    state = STATES.get(str(payload.get("MessageStatus", "")))
    if state is None:
        return
    sid = str(payload.get("MessageSid", ""))
    token = payload.get("d")
    found = (
        Delivery.objects.filter(uuid=token)
        if token
        else Delivery.objects.filter(channel=channel, provider_key=sid)
    )
    delivery = found.select_related("contact_point").first()
    if delivery is None:
        log.info("status_of_unknown_message")
        return
    was_first = delivery.state in outbox.UNFINISHED
    code = str(payload.get("ErrorCode", "") or "")
    if state == Delivery.State.FAILED and not code:
        code = str(payload.get("MessageStatus"))
    if meaning_of(code).opted_out:
        point = contact_points.lock(delivery.contact_point_id)
        patients.stop(point, channel=delivery.channel, source="provider", evidence=code)
    if report(delivery.pk, state, provider_key=sid, error_code=code) and was_first:
        transaction.on_commit(lambda: _tell_next(delivery), robust=True)


def _tell_next(delivery: Delivery) -> None:
    """Let what stood behind `delivery` go at once: nobody else may know that its turn has come.

    The worker that handed `delivery` over may be dead, or still wait for its answer.
    """
    signals.delivery_ready.send_robust(sender=Delivery, delivery_ids=outbox.next_in_line(delivery))
