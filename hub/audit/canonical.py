"""The exact bytes of an audit row and of a seal, and their HMACs.

A row's HMAC leaves its id out, since the database gives that while inserting; the seal binds ids
to HMACs. It covers the plaintext of ``why``, so that it survives a change of encryption keys.
"""

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from hub.audit.models import AuditEvent, AuditSeal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What the first seal names as its predecessor.
GENESIS = bytes(32)
#: Bytes kept of each row's leaf, to say which row of a seal is wrong.
MARK_BYTES = 8


def _mac(what: str, fields: list[Any]) -> bytes:
    text = json.dumps([what, *fields], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.digest(settings.AUDIT_KEY, text.encode("ascii"), hashlib.sha256)


def _moment(at: datetime) -> int:
    """Microseconds since 1970: what PostgreSQL keeps, without rounding."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def event_mac(event: AuditEvent) -> bytes:
    """The HMAC of a row.

    Raises:
        EncryptionError: ``why`` does not open.
    """
    return _mac(
        "hub.audit.event/1",
        [
            event.uuid.hex,
            event.actor_id,
            str(event.action),
            event.object_kind,
            event.object_ids,
            event.patient_id,
            event.conversation_id,
            _moment(event.at),
            ipaddress.ip_address(event.ip).packed.hex() if event.ip else None,
            event.request_id,
            event.session,
            event.why,
            event.detail,
        ],
    )


def leaf(event_id: int, row_mac: bytes) -> bytes:
    """What a seal knows of one row: that this id carried this HMAC."""
    return hashlib.sha256(event_id.to_bytes(8, "big") + row_mac).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """One hash over the rows of a seal, in order."""
    digest = hashlib.sha256()
    for each in leaves:
        digest.update(each)
    return digest.digest()


def seal_mac(seal: AuditSeal) -> bytes:
    """The HMAC of a seal; the next seal names it as its predecessor."""
    ids = b"".join(event_id.to_bytes(8, "big") for event_id in seal.event_ids)
    return _mac(
        "hub.audit.seal/1",
        [
            seal.number,
            str(seal.kind),
            _moment(seal.at),
            seal.count,
            hashlib.sha256(ids).hexdigest(),
            hashlib.sha256(seal.marks).hexdigest(),
            bytes(seal.root).hex(),
            bytes(seal.previous).hex(),
            seal.purged_through,
            seal.purged_events,
            bytes(seal.purged_link).hex(),
        ],
    )
