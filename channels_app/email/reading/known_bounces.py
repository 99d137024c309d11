"""Failures told in the words of one mail server or another, as Mailman's library knows them.

flufl.bounce has gathered for decades what servers write who do not keep to RFC 3464. It is asked
only about mail that a machine wrote: its patterns would also fit a person's mail that quotes one.
"""

from dataclasses import dataclass
from email import message_from_bytes

import structlog
from flufl.bounce import all_failures

log = structlog.get_logger(__name__)

#: More is no bounce worth the time (bytes).
LARGEST = 512 * 1024


@dataclass(frozen=True, slots=True)
class Failures:
    """Which addresses failed, in lower case, and whether for good."""

    addresses: tuple[str, ...] = ()
    is_permanent: bool = False


def failures(raw: bytes) -> Failures:
    """Return the failures that a machine's mail tells of; none where it tells of none."""
    try:
        temporary, permanent = all_failures(message_from_bytes(raw[:LARGEST]))
    except Exception:
        # It was written for mail that can be parsed; ours may be anything.
        log.info("bounce_not_understood", exc_info=True)
        return Failures()
    found = sorted(permanent) or sorted(temporary)
    addresses = tuple(one.decode("utf-8", "replace").strip().lower() for one in found)
    return Failures(tuple(one for one in addresses if "@" in one), bool(permanent))
