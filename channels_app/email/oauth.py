"""Access tokens for mailboxes whose provider takes no password (RFC 6749; SASL XOAUTH2)."""

import threading
import time

import requests

from channels_app.email.models import Mailbox

#: Seconds that the provider's token server has to answer.
TIMEOUT = 10
#: A token is asked for anew so many seconds before it runs out.
MARGIN = 60

# In this process alone, never in a store that others read.
_kept: dict[int, tuple[str, float]] = {}
_lock = threading.Lock()


class NoToken(Exception):
    """The token server gave none; carries no words of it."""


def access_token(mailbox: Mailbox) -> str:
    """Return an access token, a kept one while it is good. Raises NoToken."""
    with _lock:
        token, until = _kept.get(mailbox.pk, ("", 0.0))
        if time.monotonic() < until:
            return token
        token, seconds = _ask(mailbox)
        _kept[mailbox.pk] = (token, time.monotonic() + seconds - MARGIN)
        return token


def _ask(mailbox: Mailbox) -> tuple[str, int]:
    try:
        answer = requests.post(
            mailbox.oauth_token_url,
            data={
                "grant_type": "refresh_token",
                "refresh_token": mailbox.oauth_refresh_token,
                "client_id": mailbox.oauth_client_id,
                "client_secret": mailbox.oauth_client_secret,
            },
            timeout=TIMEOUT,
        )
        answer.raise_for_status()
        given = answer.json()
        return str(given["access_token"]), int(given.get("expires_in", 300))
    except (requests.RequestException, ValueError, KeyError):
        raise NoToken from None


def xoauth2(user: str, token: str) -> str:
    """Return the first client response of SASL XOAUTH2."""
    return f"user={user}\1auth=Bearer {token}\1\1"
