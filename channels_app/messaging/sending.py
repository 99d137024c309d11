"""Hands texts over to Twilio, and tells its failures apart (notes on Twilio, 1.2)."""

import json
from datetime import timedelta

import structlog
from django.conf import settings
from django.core import signing
from django.urls import reverse

from channels_app.adapter import HandedOver, SendError, TryLater
from channels_app.messaging import prefixes
from channels_app.messaging.error_codes import CODES, meaning_of
from channels_app.secure.outgoing import Outgoing, words_of
from channels_app.twilio.client import client
from channels_app.twilio.failures import FAILURES, meaning
from hub.conversations.models import META, Attachment, Delivery, TemplateUse

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
        "to": prefixes.join(delivery.channel, delivery.contact_point.value),
        "from_": prefixes.join(delivery.channel, delivery.hub_address.value),
        "status_callback": callback_address(delivery),
    }
    arguments |= _said(delivery, out)
    if media:
        arguments["media_url"] = media
    try:
        message = client().messages.create(**arguments)
    except FAILURES as error:
        raise _failure(error) from None
    return HandedOver(provider_key=str(message.sid))


def _said(delivery: Delivery, out: Outgoing) -> dict[str, object]:
    """Return what Twilio is told to say: a template with its variables, or the words."""
    use = _template_use(delivery)
    if use is None:
        return {"body": out.body} if out.body else {}
    arguments: dict[str, object] = {"content_sid": use.content_sid}
    if use.filled:
        arguments["content_variables"] = json.dumps(use.filled)
    return arguments


def _template_use(delivery: Delivery) -> TemplateUse | None:
    if delivery.channel not in META:
        return None
    assert delivery.entry is not None
    return TemplateUse.objects.filter(entry=delivery.entry).first()


def find(delivery: Delivery) -> HandedOver | None:
    """Ask Twilio for a message that may be `delivery`: same addresses, same words, not ours yet.

    Of a template only the addresses are compared: its words are those that Meta approved, to the
    letter. One goes at a time between two addresses, so an unknown one is this.

    The newest of the two addresses are read without a filter by date: Twilio's is by the date of
    sending, which a message that still waits there does not have.
    """
    body = words_of(delivery).body
    not_before = delivery.created_at - timedelta(minutes=5)
    try:
        found = client().messages.list(
            to=prefixes.join(delivery.channel, delivery.contact_point.value),
            from_=prefixes.join(delivery.channel, delivery.hub_address.value),
            limit=50,
        )
    except FAILURES:
        raise TryLater("unreachable") from None
    known = set(
        Delivery.objects.filter(
            channel=delivery.channel, provider_key__in=[message.sid for message in found]
        ).values_list("provider_key", flat=True)
    )
    is_template = _template_use(delivery) is not None
    for message in found:
        if (
            message.sid not in known
            and (is_template or (message.body or "") == body)
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
