"""The door for everything that Twilio posts: signed, well-formed, and for our own account."""

import re
from collections.abc import Callable
from functools import wraps

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from channels_app.twilio.signature import is_signed

_FORM = "application/x-www-form-urlencoded"

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponseBase]


def from_twilio(field: str, prefixes: str) -> Callable[[View], View]:
    """Let only signed, well-formed requests for our own account through; else 403 or 400.

    Args:
        field: the field that names what the request is about, such as "MessageSid".
        prefixes: what its value begins with, as a pattern: "SM|MM".
    """
    sid = re.compile(rf"(?:{prefixes})[0-9a-f]{{32}}")

    def decorate(view: View) -> View:
        @csrf_exempt
        @require_POST
        @wraps(view)
        def checked(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
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
            if not sid.fullmatch(fields.get(field, "")):
                return HttpResponse(field, status=400)
            return view(request, *args, **kwargs)

        return checked

    return decorate


def fields_of(request: HttpRequest) -> dict[str, str]:
    """Return the posted fields, the last value of each."""
    return {name: request.POST.get(name, "") for name in request.POST}
