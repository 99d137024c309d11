"""How often a visitor may do something. The counters are in the cache, under blind names.

With the cache away everything is allowed: a patient who cannot write is the greater harm.
"""

import hashlib
import hmac
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from channels_app.chat.refusals import TooOften

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` of one kind in `seconds`."""

    kind: str
    count: int
    seconds: int


#: A household or a clinic's own wireless network shares an address, so these are not tight.
SESSIONS = Limit("session", 30, 3600)
MESSAGES = Limit("message", 30, 60)
MESSAGES_OF_ADDRESS = Limit("address", 240, 60)
FILES = Limit("file", 20, 3600)
LINKS = Limit("link", 20, 600)
#: Requests with a token that opens nothing: guessing.
STRANGERS = Limit("stranger", 60, 60)
#: Whoever wants to be called asks once or twice; nobody's phone is to ring for the fun of it.
CALLS = Limit("call", 5, 3600)
CALLS_OF_ADDRESS = Limit("call_address", 20, 3600)
CALLS_TO_NUMBER = Limit("call_number", 3, 86_400)
SOCKETS = Limit("socket", 120, 60)


def count(limit: Limit, *whom: object) -> None:
    """Count one use by `whom` (an IP address, a session …). Raises TooOften beyond the limit."""
    key = f"chat:{limit.kind}:{_blind(*whom)}"
    try:
        cache.add(key, 0, limit.seconds)
        used = cache.incr(key)
    except (RedisError, ValueError):  # ValueError: it expired between the two
        log.warning("limit_not_counted", kind=limit.kind)
        return
    if used > limit.count:
        raise TooOften(limit.seconds)


def _blind(*whom: object) -> str:
    """An address that wrote to a clinic is itself health information: only its HMAC is kept."""
    message = "\0".join(map(str, whom)).encode()
    return hmac.digest(settings.SECRET_KEY.encode(), message, hashlib.sha256)[:12].hex()
