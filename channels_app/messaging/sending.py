"""Hands texts over to Twilio, and tells its failures apart (notes on Twilio, 1.2)."""

from datetime import timedelta
from json import JSONDecodeError

import requests
import structlog
from django.conf import settings
from django.core import signing
from django.urls import reverse
from twilio.base.exceptions import TwilioException, TwilioRestException

from channels_app.adapter import Ambiguous, HandedOver, Refused, TryLater
from channels_app.messaging.client import client
from channels_app.messaging.error_codes import meaning_of
from hub.conversations.models import Attachment, Delivery

#: How long Twilio may fetch an attached file.
MEDIA_LINK_LIFETIME = timedelta(hours=4)
_MEDIA_SALT = "messaging.media"
#: Retries that Twilio makes of our callbacks (connection overrides, behind the "#").
CALLBACK_OVERRIDES = "#rc=3&rp=all"

log = structlog.get_logger(__name__)


def send(delivery: Delivery) -> HandedOver:
    """Create the message at Twilio, once. Raises Refused, TryLater, Ambiguous."""
    assert delivery.entry is not None
    media = [
        media_link(attachment)
        for attachment in delivery.entry.attachments.filter(state=Attachment.State.STORED).order_by(
            "position"
        )
    ]
    arguments: dict[str, object] = {
        "to": delivery.contact_point.value,
        "from_": delivery.hub_address.value,
        "status_callback": callback_address(delivery),
    }
    if delivery.entry.body:
        arguments["body"] = delivery.entry.body
    if media:
        arguments["media_url"] = media
    try:
        message = client().messages.create(**arguments)
    except TwilioRestException as error:
        raise _failure(error.status, error.code) from None
    except TwilioException as error:
        raise Ambiguous(type(error).__name__) from None
    except requests.exceptions.ConnectTimeout:
        raise TryLater("unreachable") from None
    except requests.exceptions.ConnectionError as error:
        if _never_connected(error):
            raise TryLater("unreachable") from None
        raise Ambiguous("connection_cut") from None
    except (requests.exceptions.RequestException, JSONDecodeError) as error:
        raise Ambiguous(type(error).__name__) from None
    return HandedOver(provider_key=str(message.sid))


def find(delivery: Delivery) -> HandedOver | None:
    """Ask Twilio for a message that may be `delivery`: same addresses, same words, not ours yet.

    The newest of the two addresses are read without a filter by date: Twilio's is by the date of
    sending, which a message that still waits there does not have.
    """
    assert delivery.entry is not None
    not_before = delivery.created_at - timedelta(minutes=5)
    try:
        found = client().messages.list(
            to=delivery.contact_point.value,
            from_=delivery.hub_address.value,
            limit=50,
        )
    except (TwilioException, requests.exceptions.RequestException, JSONDecodeError):
        raise TryLater("unreachable") from None
    known = set(
        Delivery.objects.filter(
            channel=delivery.channel, provider_key__in=[message.sid for message in found]
        ).values_list("provider_key", flat=True)
    )
    for message in found:
        if (
            message.sid not in known
            and (message.body or "") == delivery.entry.body
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


def _failure(status: int, code: int | None) -> Exception:
    """Return our error for a REST error."""
    name = str(code or status)
    meaning = meaning_of(name)
    if meaning.alarm:
        log.error("provider_configuration", provider_code=name)
    if status == 429 or meaning.retry:
        return TryLater("provider_busy")
    if status >= 500:
        return Ambiguous(name)
    return Refused(name)


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the connection was refused, so that nothing can have been handed over."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError")
