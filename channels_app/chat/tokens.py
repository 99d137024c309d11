"""Bearer tokens of sessions and links: 256 and 132 random bits, kept as hashes only."""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

from django.conf import settings

#: Fits a text message, and is still far beyond guessing.
LINK_BYTES = 18
SESSION_BYTES = 32


def new_session_token() -> str:
    """Return a token that opens a session."""
    return secrets.token_urlsafe(SESSION_BYTES)


def new_link_token() -> str:
    """Return a token that goes into a link."""
    return secrets.token_urlsafe(LINK_BYTES)


def hash_of(token: str) -> str:
    """Return what is kept of a token. It is random and long, so a plain hash suffices."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def session_token_of_link(link: UUID, browser: str) -> str:
    """Return the token of the session that `browser` starts by a link: the same one each time.

    `browser` is a secret that the browser made. So a start whose answer was lost on the way can be
    repeated by that browser, and by no other.
    """
    message = f"{link}:{browser}".encode()
    key = hmac.digest(settings.SECRET_KEY.encode(), b"chat.session-of-link/1", hashlib.sha256)
    digest = hmac.digest(key, message, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
