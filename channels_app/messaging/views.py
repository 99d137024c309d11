"""Twilio's webhooks for texts: verify, store, work at once; the sweep finishes what fails."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from channels_app import inbox
from channels_app.messaging import prefixes, sending
from channels_app.twilio.webhooks import fields_of, from_twilio
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding

EMPTY_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


@from_twilio("MessageSid", "SM|MM")
def inbound(request: HttpRequest) -> HttpResponse:
    """A patient's text has come."""
    fields = fields_of(request)
    if not fields.get("From") or not fields.get("To"):
        return HttpResponse("From and To", status=400)
    channel, _address = prefixes.split(fields["To"])
    inbox.work(
        inbox.accept(
            settings.TWILIO_ACCOUNT_SID, f"{channel}.inbound", fields["MessageSid"], fields
        )
    )
    return HttpResponse(EMPTY_ANSWER, content_type="text/xml")


@from_twilio("MessageSid", "SM|MM")
def status(request: HttpRequest) -> HttpResponse:
    """What became of a text of ours."""
    fields = fields_of(request)
    token = request.GET.get("d", "")
    if token:
        try:
            fields["d"] = str(UUID(token))
        except ValueError:
            return HttpResponse("d", status=400)
    key = f"{fields['MessageSid']}:{fields.get('MessageStatus', '')}"[:128]
    channel, _address = prefixes.split(fields.get("From", ""))
    inbox.work(inbox.accept(settings.TWILIO_ACCOUNT_SID, f"{channel}.status", key, fields))
    return HttpResponse(status=204)


@require_GET
def media(request: HttpRequest, token: str) -> HttpResponseBase:
    """Give Twilio the file of an outbound MMS: the address itself is the permission."""
    try:
        attachment = sending.attachment_of_link(token)
    except (signing.BadSignature, Attachment.DoesNotExist):
        return HttpResponse("not found", status=404)
    file = EncryptedFileStorage().open(attachment.storage_name, binding(attachment, "storage_name"))
    response = StreamingHttpResponse(
        iter(lambda: file.read(64 * 1024), b""), content_type=attachment.content_type
    )
    response["Content-Length"] = str(attachment.size)
    response["Content-Disposition"] = "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-store"
    return response
