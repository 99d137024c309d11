"""Twilio's connection overrides: timeouts and retries written behind a webhook URL's ``#``."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

RETRY_POLICIES = frozenset({"4xx", "5xx", "ct", "rt", "all"})


@dataclass(frozen=True)
class Overrides:
    """How one webhook is sent; times in milliseconds.

    ``policies`` say on which failures a retry follows: ``ct`` no connection, ``rt`` no answer in
    time, ``4xx``, ``5xx``, ``all``.
    """

    connect_timeout: int = 5_000
    read_timeout: int = 15_000
    total_timeout: int = 15_000
    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})

    def retry_after(self, failure: str) -> bool:
        """True when this kind of failure (``ct``, ``rt``, ``4xx``, ``5xx``) is tried again."""
        return failure in self.policies or (bool(failure) and "all" in self.policies)


def read_overrides(url: str) -> Overrides:
    """Read ``#ct=2000&rt=5000&tt=15000&rc=3&rp=5xx,ct`` of a webhook URL.

    As with Twilio, what is unknown or out of range is passed over and the default holds.
    """
    given = dict(parse_qsl(url.partition("#")[2]))
    policies = frozenset(given.get("rp", "").split(",")) & RETRY_POLICIES
    return Overrides(
        connect_timeout=_number(given, "ct", 100, 10_000, 5_000),
        read_timeout=_number(given, "rt", 100, 15_000, 15_000),
        total_timeout=_number(given, "tt", 100, 15_000, 15_000),
        retries=_number(given, "rc", 0, 5, 1),
        policies=policies or frozenset({"ct"}),
    )


def _number(given: dict[str, str], name: str, lowest: int, highest: int, default: int) -> int:
    text = given.get(name, "")
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        return default
    return int(text)
