"""The inbox: a provider's event is stored before anything else, and worked on exactly once.

`accept` commits the row; from then on the provider may be answered 2xx, whatever dies afterwards
(invariant 1). `work` does the rest in one transaction with the row's own change to done, so it
either happened whole or not at all; what failed is found again by `sweep`.
"""

from datetime import timedelta
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from channels_app.models import Receipt
from channels_app.registry import adapter_of
from hub.encryption.fields import EncryptedJSONField

#: Before this the request that stored it is still working on it.
GRACE = timedelta(seconds=10)
STUCK_AFTER = 5

_PAYLOAD: EncryptedJSONField = Receipt._meta.get_field("payload")

log = structlog.get_logger(__name__)


def accept(account: str, kind: str, key: str, payload: dict[str, Any]) -> Receipt:
    """Store one event, unless its `key` was stored before; returns the row, or a copy unsaved.

    A repeated event's copy has a uuid that is not in the table, so `work` finds nothing to do: one
    INSERT decides, and the answer to the provider is the same.
    """
    now = timezone.now()
    receipt = Receipt(
        account=account,
        kind=kind,
        key=key,
        payload=payload,
        received_at=now,
        next_attempt_at=now + GRACE,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO channels_app_receipt (uuid, account, kind, key, payload, state, failures, "
            "next_attempt_at, received_at) VALUES (%s, %s, %s, %s, %s, %s, 0, %s, %s) "
            "ON CONFLICT (account, kind, key) DO NOTHING",
            [
                receipt.uuid,
                account,
                kind,
                key,
                _PAYLOAD.seal(payload, receipt.uuid).raw,
                receipt.state,
                receipt.next_attempt_at,
                now,
            ],
        )
    return receipt


def work(receipt: Receipt) -> bool:
    """Work on a stored event; return whether it was this call that finished it.

    A failure is counted and left to the sweep; after `STUCK_AFTER` of them the row is stuck and an
    error is logged, which is the alarm. It never raises: the event is safe already.
    """
    try:
        with transaction.atomic():
            if not _claim(receipt):
                return False
            adapter_of(receipt.kind.partition(".")[0]).handle(receipt.kind, receipt.payload)
    except Exception:
        log.warning("receipt_failed", kind=receipt.kind, exc_info=True)
        _count_failure(receipt)
        return False
    return True


def _claim(receipt: Receipt) -> bool:
    """Change the row to done, unless somebody did so; the change holds if the work does.

    Written out, as `accept` is: each event passes here, and the ORM takes longer to build the
    statement than the database to run it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_app_receipt SET state = %s, done_at = %s "
            "WHERE uuid = %s AND state = %s",
            [Receipt.State.DONE, timezone.now(), receipt.uuid, Receipt.State.RECEIVED],
        )
        return cursor.rowcount == 1


def _count_failure(receipt: Receipt) -> None:
    try:
        with transaction.atomic():
            row = (
                Receipt.objects.select_for_update()
                .filter(uuid=receipt.uuid, state=Receipt.State.RECEIVED)
                .first()
            )
            if row is None:
                return
            row.failures += 1
            row.next_attempt_at = timezone.now() + timedelta(seconds=5 * 2**row.failures)
            if row.failures >= STUCK_AFTER:
                row.state = Receipt.State.STUCK
                log.error("receipt_stuck", receipt_id=row.pk, kind=row.kind)
            row.save(update_fields=["failures", "next_attempt_at", "state"])
    except DatabaseError:
        # The database is away; the row stands as it was, and the sweep comes by.
        log.warning("receipt_failure_not_counted", kind=receipt.kind, exc_info=True)


def sweep(limit: int = 200) -> int:
    """Work on what no request finished, oldest first; return how many were finished."""
    due = Receipt.objects.filter(
        state=Receipt.State.RECEIVED, next_attempt_at__lte=timezone.now()
    ).order_by("next_attempt_at")[:limit]
    return sum(work(receipt) for receipt in due)
