"""Twilio's webhook signature, written from its description and not from the SDK.

The SDK's own validator is what the hub checks with, and what the tests hold this against.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(token: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """Return ``X-Twilio-Signature`` for a form post.

    Args:
        token: the account's auth token, the key of the HMAC.
        url: the webhook's URL as configured; a ``#`` and what follows it is not signed.
        parameters: the form's fields, empty values included. Of a name that comes more than once
            each different value counts once, in order.
    """
    values: dict[str, set[str]] = {}
    for name, value in parameters:
        values.setdefault(name, set()).add(value)
    text = url.partition("#")[0] + "".join(
        name + value for name in sorted(values) for value in sorted(values[name])
    )
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
