"""Checks the access tokens of agents' devices, written from their description, not from the SDK.

The SDK makes them in the hub, and the tests hold the two against each other.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from typing import Any

from ..settings import Settings

CONTENT_TYPE = "twilio-fpa;v=1"
LONGEST_LIFE = 24 * 3600
_IDENTITY = re.compile(r"[A-Za-z0-9_]{1,121}")

INVALID, EXPIRED, BAD_HEADER = 20101, 20104, 20103


class TokenRefused(Exception):
    """A token that Twilio would not take; ``code`` is Twilio's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_identity(token: str, settings: Settings, now: float | None = None) -> tuple[str, float]:
    """Return whose device this is, and until when (seconds since 1970).

    Raises:
        TokenRefused: for a wrong key, signature, header, life time, or without the grant to be
            called.
    """
    header, payload = _verify(token, settings.api_key_secret)
    if header.get("cty") != CONTENT_TYPE or header.get("alg") != "HS256":
        raise TokenRefused(BAD_HEADER, "Invalid access token header")
    now = time.time() if now is None else now
    expires = payload.get("exp")
    if not isinstance(expires, int | float) or expires > now + LONGEST_LIFE + 60:
        raise TokenRefused(INVALID, "Invalid access token: no life time of 24 hours at most")
    if expires <= now:
        raise TokenRefused(EXPIRED, "Access token expired")
    if payload.get("nbf", 0) > now + 60:
        raise TokenRefused(INVALID, "Invalid access token: not valid yet")
    if payload.get("iss") != settings.api_key_sid or payload.get("sub") != settings.account_sid:
        raise TokenRefused(INVALID, "Invalid access token: another key or account")
    grants = payload.get("grants")
    identity = grants.get("identity") if isinstance(grants, dict) else None
    if not isinstance(identity, str) or not _IDENTITY.fullmatch(identity):
        raise TokenRefused(INVALID, "Invalid access token: no identity")
    if not _may_be_called(grants):
        raise TokenRefused(INVALID, "Invalid access token: incoming calls are not granted")
    return identity, float(expires)


def _may_be_called(grants: Any) -> bool:
    voice = grants.get("voice")
    incoming = voice.get("incoming") if isinstance(voice, dict) else None
    return isinstance(incoming, dict) and incoming.get("allow") is True


def _verify(token: str, secret: str) -> tuple[dict[str, Any], dict[str, Any]]:
    signed, _, signature = token.rpartition(".")
    try:
        wanted = hmac.new(secret.encode(), signed.encode("ascii"), hashlib.sha256).digest()
        if not hmac.compare_digest(wanted, _decode(signature)):
            raise TokenRefused(INVALID, "Invalid access token: bad signature")
        header, payload = (json.loads(_decode(part)) for part in signed.split("."))
    except (ValueError, binascii.Error):
        raise TokenRefused(INVALID, "Invalid access token") from None
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise TokenRefused(INVALID, "Invalid access token")
    return header, payload


def _decode(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
