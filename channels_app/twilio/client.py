"""The Twilio SDK's client, live or towards the simulator; only the HTTP client knows which.

Twilio's `edge` and `region` only rewrite a twilio.com host name, so a local address needs an HTTP
client of our own (notes on Twilio, 1.1). Retry-After is read here since the SDK's exceptions drop
the headers.
"""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

#: Hosts that media may be fetched from, and be redirected to (never with our password).
MEDIA_HOST = "api.twilio.com"
MEDIA_SUFFIXES = (".twilio.com", ".twiliocdn.com")


class HubHttpClient(TwilioHttpClient):
    """Sends to settings.TWILIO_API_BASE where that is set, and always with a time-out."""

    def __init__(self) -> None:
        super().__init__(timeout=settings.TWILIO_TIMEOUT, max_retries=None)

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request, as the SDK asks for it."""
        address, headers = local_address(url, dict(headers or {}))
        return super().request(
            method, address, params, data, headers, auth, timeout, allow_redirects
        )


def local_address(url: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return where `url` is really fetched: itself, or the same path at the simulator."""
    if not settings.TWILIO_API_BASE:
        return url, headers
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    base = settings.TWILIO_API_BASE.rstrip("/")
    return f"{base}{parts.path}{query}", headers | {"X-Twilio-Sim-Host": parts.hostname or ""}


@cache
def _client(account: str, token: str, base: str) -> Client:
    return Client(account, token, http_client=HubHttpClient(), region="", edge="")


def client() -> Client:
    """Return the SDK's client for the configured account."""
    return _client(
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_API_BASE
    )


def _media_request(url: str) -> tuple[str, dict[str, str], Any]:
    """Return address, headers and password for one hop. Raises MediaRefused."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if settings.TWILIO_API_BASE and url.startswith(f"{settings.TWILIO_API_BASE.rstrip('/')}/"):
        return url, {}, None  # the simulator's own store of files
    if parts.scheme != "https" or not (host == MEDIA_HOST or host.endswith(MEDIA_SUFFIXES)):
        raise MediaRefused
    address, headers = local_address(url, {})
    ours = host == MEDIA_HOST
    auth = (settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN) if ours else None
    return address, headers, auth


class MediaRefused(Exception):
    """A media address that is not the provider's own, or that leads elsewhere."""


def open_media(url: str) -> requests.Response:
    """Open a media address of the provider; the caller reads it in pieces and closes it.

    Follows redirects itself: only to the provider's hosts, only over https (but for the simulator),
    and without our password once it leaves the API's host (server-side request forgery).

    Raises MediaRefused, or what `requests` raises.
    """
    for _hop in range(4):
        address, headers, auth = _media_request(url)
        response = requests.get(
            address,
            headers=headers,
            auth=auth,
            timeout=settings.TWILIO_TIMEOUT,
            allow_redirects=False,
            stream=True,
        )
        if not response.is_redirect:
            return response
        url = requests.compat.urljoin(url, response.headers["Location"])  # type: ignore[attr-defined]
        response.close()
    raise MediaRefused


def delete_media(url: str) -> None:
    """Delete a media file at the provider. Raises MediaRefused, or what `requests` raises."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname != MEDIA_HOST:
        raise MediaRefused
    address, headers = local_address(url, {})
    response = requests.delete(
        address if address.endswith(".json") else f"{address}.json",
        headers=headers,
        auth=(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN),
        timeout=settings.TWILIO_TIMEOUT,
    )
    if response.status_code not in (204, 404):
        response.raise_for_status()
