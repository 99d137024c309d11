"""Where a request came from, known to every action below it without being passed along."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.http import parse_cookie

_SAFE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something came from.

    Attributes:
        ip: the client's address, or None where there is none (a task, a command).
        request_id: joins the audit row with the log lines of the same request.
        session: a fingerprint of the log-in session, never the session key, which is a credential.
    """

    ip: str | None = None
    request_id: str = ""
    session: str = ""


_current: ContextVar[Origin | None] = ContextVar("hub_audit_origin", default=None)


def current_origin() -> Origin:
    """The origin of what runs now; an empty one where nobody set it."""
    return _current.get() or Origin()


@contextmanager
def use_origin(origin: Origin) -> Iterator[Origin]:
    """Make `origin` the current one within a ``with`` block (tasks, commands, tests)."""
    token = _current.set(origin)
    try:
        yield origin
    finally:
        _current.reset(token)


def fingerprint(session_key: str) -> str:
    """Sixteen hex digits that tell sessions apart and open none."""
    if not session_key:
        return ""
    message = b"hub.audit.session/1\0" + session_key.encode("utf-8", "surrogatepass")
    return hmac.digest(settings.AUDIT_KEY, message, hashlib.sha256)[:8].hex()


def client_ip(peer: str | None, forwarded_for: str) -> str | None:
    """The client's address, believing as many proxies as stand before us, and no header more.

    Args:
        peer: the other end of the connection.
        forwarded_for: the X-Forwarded-For header; each proxy of ours adds one address at its end,
            whatever stands before those was written by the client.
    """
    count = int(getattr(settings, "TRUSTED_PROXY_COUNT", 0))
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    return plain_ip(hops[-count] if count and len(hops) >= count else peer)


def plain_ip(text: str | None) -> str | None:
    """An address in its plain form (no port, no zone, IPv4 not dressed as IPv6), else None."""
    try:
        address = ipaddress.ip_address((text or "").split("%", 1)[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def origin_of_request(meta: Mapping[str, Any], cookies: Mapping[str, str]) -> Origin:
    """The origin of a Django request, from its META and COOKIES; asks no database."""
    return Origin(
        ip=client_ip(meta.get("REMOTE_ADDR"), meta.get("HTTP_X_FORWARDED_FOR", "")),
        request_id=_request_id(),
        session=fingerprint(cookies.get(settings.SESSION_COOKIE_NAME, "")),
    )


def origin_of_scope(scope: Mapping[str, Any]) -> Origin:
    """The origin of an ASGI connection, such as a websocket."""
    headers: dict[bytes, list[str]] = {}
    for name, value in scope.get("headers", ()):
        headers.setdefault(name.lower(), []).append(value.decode("latin-1"))
    # Not the standard library's SimpleCookie: it gives up at the first odd cookie.
    cookies = parse_cookie("; ".join(headers.get(b"cookie", [])))
    client = scope.get("client")
    return Origin(
        ip=client_ip(client[0] if client else None, ",".join(headers.get(b"x-forwarded-for", []))),
        request_id=_request_id(),
        session=fingerprint(cookies.get(settings.SESSION_COOKIE_NAME, "")),
    )


def _request_id() -> str:
    """The id under which this request is logged, or a new one."""
    logged = str(structlog.contextvars.get_contextvars().get("request_id", ""))
    return logged if _SAFE_ID.fullmatch(logged) else uuid4().hex


def safe_request_id(value: object) -> str:
    """A request id from outside (a task's header), or nothing if it is not a plain id."""
    text = value if isinstance(value, str) else ""
    return text if _SAFE_ID.fullmatch(text) else ""
