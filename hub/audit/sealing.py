"""The sealer: chains committed rows into seals, outside of the transactions that write them.

(Chaining inside each writer's transaction would make them wait for one another; MODEL.md, audit.)
"""

from django.db import connection, transaction

from hub.audit.canonical import GENESIS, MARK_BYTES, leaf, root_of, seal_mac
from hub.audit.models import AuditSeal, UnsealedEvent

#: Advisory lock that whoever writes seals holds; the number is arbitrary and ours.
LOCK = 0x61756469745F7331
#: Rows of one seal at most; a backlog becomes several seals.
ROWS_PER_SEAL = 5_000

# The row and its mark in the queue became visible in one commit, and this is one statement with
# one snapshot. A mark without a row stays where it is: it shows that the row was deleted.
_TAKE = """
WITH taken AS (
    DELETE FROM audit_unsealedevent WHERE event_id IN (
        SELECT q.event_id FROM audit_unsealedevent q
        JOIN audit_auditevent e ON e.id = q.event_id
        ORDER BY q.event_id LIMIT %s
    ) RETURNING event_id
)
SELECT e.id, e.hmac FROM audit_auditevent e JOIN taken ON taken.event_id = e.id ORDER BY e.id
"""


def seal() -> AuditSeal | None:
    """Seal the committed rows that no seal covers yet.

    Safe to call from anywhere, at any time: one sealer works, others return None.

    Returns:
        The new seal, or None if there was nothing to seal or another sealer was at it.
    """
    if not UnsealedEvent.objects.exists():
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_TAKE, [ROWS_PER_SEAL])
        rows = [(event_id, bytes(mac)) for event_id, mac in cursor.fetchall()]
        return _close_over(rows) if rows else None


def seal_all() -> int:
    """Seal until nothing is left; return the number of seals made."""
    made = 0
    while seal() is not None:
        made += 1
    return made


def _close_over(rows: list[tuple[int, bytes]]) -> AuditSeal:
    leaves = [leaf(event_id, mac) for event_id, mac in rows]
    return append(
        AuditSeal(
            event_ids=[event_id for event_id, _ in rows],
            count=len(rows),
            root=root_of(leaves),
            marks=b"".join(each[:MARK_BYTES] for each in leaves),
        )
    )


def append(new: AuditSeal) -> AuditSeal:
    """Put a seal at the end of the chain, and save it. The caller holds the lock."""
    head = AuditSeal.objects.order_by("-number").only("number", "hmac").first()
    new.number = head.number + 1 if head else 1
    new.previous = bytes(head.hmac) if head else GENESIS
    new.hmac = seal_mac(new)
    new.save(force_insert=True)
    return new
