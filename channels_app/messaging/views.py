"""Twilio's webhooks for texts: verify, store, work at once; the sweep finishes what fails."""

import re
from collections.abc import Callable
from functools import wraps
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from channels_app import inbox
from channels_app.messaging import sending
from channels_app.messaging.signature import is_signed
from hub.conversations.models import Attachment, Channel
from hub.encryption.files import EncryptedFileStorage, binding

_SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")
_FORM = "application/x-www-form-urlencoded"
EMPTY_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]


def from_twilio(view: View) -> View:
    """Let only signed, well-formed requests for our own account through; else 403 or 400."""

    @csrf_exempt
    @require_POST
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponseBase:
        if request.content_type != _FORM:
            return HttpResponse("form fields expected", status=400)
        try:
            fields = request.POST
        except ValueError:
            return HttpResponse("malformed", status=400)
        if not is_signed(request):
            log.warning("webhook_refused", reason="signature")
            return HttpResponse("signature", status=403)
        if fields.get("AccountSid") != settings.TWILIO_ACCOUNT_SID:
            return HttpResponse("account", status=403)
        if not _SID.fullmatch(fields.get("MessageSid", "")):
            return HttpResponse("MessageSid", status=400)
        return view(request)

    return checked


@from_twilio
def inbound(request: HttpRequest) -> HttpResponse:
    """A patient's text has come."""
    fields = {name: request.POST.get(name, "") for name in request.POST}
    if not fields.get("From") or not fields.get("To"):
        return HttpResponse("From and To", status=400)
    inbox.work(
        inbox.accept(
            settings.TWILIO_ACCOUNT_SID, f"{Channel.SMS}.inbound", fields["MessageSid"], fields
        )
    )
    return HttpResponse(EMPTY_ANSWER, content_type="text/xml")


@from_twilio
def status(request: HttpRequest) -> HttpResponse:
    """What became of a text of ours."""
    fields = {name: request.POST.get(name, "") for name in request.POST}
    token = request.GET.get("d", "")
    if token:
        try:
            fields["d"] = str(UUID(token))
        except ValueError:
            return HttpResponse("d", status=400)
    key = f"{fields['MessageSid']}:{fields.get('MessageStatus', '')}"[:128]
    inbox.work(inbox.accept(settings.TWILIO_ACCOUNT_SID, f"{Channel.SMS}.status", key, fields))
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
