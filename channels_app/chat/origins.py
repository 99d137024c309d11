"""Which pages may speak to the chat's API and socket: our own alone.

The widget's frame is a page of ours. Who may frame it is the site's list, which the browser holds
to by `frame-ancestors`; a foreign page cannot read the frame's token, nor speak in its name.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from channels_app.chat.models import ChatSite
from channels_app.chat.refusals import ForeignOrigin

# It ends up in a header (frame-ancestors): nothing but scheme, host and port may stand there.
_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


def is_origin(text: str) -> bool:
    """Whether `text` is one origin, as browsers write it, and no more."""
    return _ORIGIN.fullmatch(text) is not None


def framing_origins(site: ChatSite) -> tuple[str, ...]:
    """Return the origins that may frame the widget of `site`; what is no origin is left out."""
    return tuple(one for one in site.allowed_origins if is_origin(one))


def is_own(origin: str | None, host: str) -> bool:
    """Whether `origin` is the hub's: its public address, or the allowed host that was asked."""
    if not origin:
        return False
    public = urlsplit(settings.PUBLIC_URL)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    domain, _port = split_domain_port(host)
    return (
        bool(domain)
        and validate_host(domain, settings.ALLOWED_HOSTS)
        and origin == f"{public.scheme}://{host}"
    )


def require_own(request: HttpRequest) -> None:
    """Raise ForeignOrigin unless a page of ours asks.

    Browsers name the origin with every POST; with a GET to the same origin they do not, but say
    in Sec-Fetch-Site whence it comes.
    """
    origin = request.headers.get("Origin")
    if origin is None and request.method in ("GET", "HEAD"):
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise ForeignOrigin
    elif not is_own(origin, request.get_host()):
        raise ForeignOrigin


def is_own_scope(scope: Mapping[str, Any]) -> bool:
    """Whether a websocket was opened by a page of ours."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
    return is_own(headers.get(b"origin"), headers.get(b"host", ""))
