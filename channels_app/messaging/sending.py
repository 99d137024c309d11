"""Hands texts over to Twilio, and tells its failures apart (notes on Twilio, 1.2)."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.core import signing
from django.urls import reverse

from channels_app.adapter import HandedOver, SendError, TryLater
from channels_app.messaging.error_codes import CODES, meaning_of
from channels_app.secure.outgoing import words_of
from channels_app.twilio.client import client
from channels_app.twilio.failures import FAILURES, meaning
from hub.conversations.models import Attachment, Delivery

#: How long Twilio may fetch an attached file.
MEDIA_LINK_LIFETIME = timedelta(hours=4)
_MEDIA_SALT = "messaging.media"
#: Retries that Twilio makes of our callbacks (connection overrides, behind the "#").
CALLBACK_OVERRIDES = "#rc=3&rp=all"

_WORTH_A_RETRY = frozenset(code for code, known in CODES.items() if known.retry)

log = structlog.get_logger(__name__)


def send(delivery: Delivery) -> HandedOver:
    """Create the message at Twilio, once. Raises Refused, TryLater, Ambiguous."""
    out = words_of(delivery)
    media = [media_link(attachment) for attachment in out.attachments]
    arguments: dict[str, object] = {
        "to": delivery.contact_point.value,
        "from_": delivery.hub_address.value,
        "status_callback": callback_address(delivery),
    }
    if out.body:
        arguments["body"] = out.body
    if media:
        arguments["media_url"] = media
    try:
        message = client().messages.create(**arguments)
    except FAILURES as error:
        raise _failure(error) from None
    return HandedOver(provider_key=str(message.sid))


def find(delivery: Delivery) -> HandedOver | None:
    """Ask Twilio for a message that may be `delivery`: same addresses, same words, not ours yet.

    The newest of the two addresses are read without a filter by date: Twilio's is by the date of
    sending, which a message that still waits there does not have.
    """
    body = words_of(delivery).body
    not_before = delivery.created_at - timedelta(minutes=5)
    try:
        found = client().messages.list(
            to=delivery.contact_point.value,
            from_=delivery.hub_address.value,
            limit=50,
        )
    except FAILURES:
        raise TryLater("unreachable") from None
    known = set(
        Delivery.objects.filter(
            channel=delivery.channel, provider_key__in=[message.sid for message in found]
        ).values_list("provider_key", flat=True)
    )
    for message in found:
        if (
            message.sid not in known
            and (message.body or "") == body
            and (message.date_created is None or message.date_created >= not_before)
        ):
            return HandedOver(provider_key=str(message.sid))
    return None


def callback_address(delivery: Delivery) -> str:
    """Return the status callback; its token adopts a message whose answer was lost."""
    return (
        f"{settings.PUBLIC_URL}{reverse('messaging-status')}?d={delivery.uuid}{CALLBACK_OVERRIDES}"
    )


def media_link(attachment: Attachment) -> str:
    """Return an address under which Twilio, and whoever holds it, may fetch the file."""
    token = signing.TimestampSigner(salt=_MEDIA_SALT).sign(str(attachment.uuid))
    return f"{settings.PUBLIC_URL}{reverse('messaging-media', args=[token])}"


def attachment_of_link(token: str) -> Attachment:
    """Return the attachment that a media link names. Raises signing.BadSignature, DoesNotExist."""
    uuid = signing.TimestampSigner(salt=_MEDIA_SALT).unsign(token, max_age=MEDIA_LINK_LIFETIME)
    return Attachment.objects.get(uuid=uuid, state=Attachment.State.STORED)


def _failure(error: Exception) -> SendError:
    """Return our error for what the SDK raised; an alarm where our own set-up is at fault."""
    failure = meaning(error, retry=_WORTH_A_RETRY)
    if meaning_of(failure.code).alarm:
        log.error("provider_configuration", provider_code=failure.code)
    return failure
