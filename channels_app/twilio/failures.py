"""Tells Twilio's failures apart: what was not done, what may have been, and what never will be."""

from json import JSONDecodeError

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException

from channels_app.adapter import Ambiguous, Refused, SendError, TryLater

#: Whatever the SDK raises when a request does not end well (notes on Twilio, 1.2).
FAILURES = (TwilioException, requests.exceptions.RequestException, JSONDecodeError)


def meaning(error: Exception, *, retry: frozenset[str] = frozenset()) -> SendError:
    """Return what one of `FAILURES` means for a request that makes something.

    Args:
        error: what the SDK raised.
        retry: Twilio's codes after which the same may be taken later.
    """
    if isinstance(error, TwilioRestException):
        name = str(error.code or error.status)
        if error.status == 429 or name in retry:
            return TryLater("provider_busy")
        return Ambiguous(name) if error.status >= 500 else Refused(name)
    if isinstance(error, requests.exceptions.ConnectTimeout) or (
        isinstance(error, requests.exceptions.ConnectionError) and _never_connected(error)
    ):
        return TryLater("unreachable")
    if isinstance(error, requests.exceptions.ConnectionError):
        return Ambiguous("connection_cut")
    return Ambiguous(type(error).__name__)


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    """Whether the connection was refused, so that nothing can have been handed over."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError")
