"""Writes and locks contact points, the first in the lock order (then patient, conversations)."""

from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone

from patients import normal_form
from patients.models import ContactPoint

_COLUMNS = ("id", "uuid", "system", "value", "created_at")

# The empty update locks the row even where it stood before; DO NOTHING would return no row. It
# changes no key: whoever writes a row that refers to this one need not wait for us (see `lock`).
_HOLD = """
    INSERT INTO patients_contactpoint (uuid, system, value, created_at)
    VALUES (%s, %s, %s, %s)
    ON CONFLICT (system, value) DO UPDATE SET created_at = patients_contactpoint.created_at
    RETURNING id, uuid, system, value, created_at
"""

_SHARE = """
    SELECT id, uuid, system, value, created_at
    FROM patients_contactpoint WHERE id = %s FOR SHARE
"""


def hold(system: str, value: str) -> ContactPoint:
    """Return the contact point of an address, made if new, locked until the transaction ends.

    One statement, so that two first messages from one number make one row and the second waits.

    Args:
        system: a ContactPoint.System.
        value: the address, in any spelling.

    Raises:
        NotAnAddress: it cannot be one.
        TransactionManagementError: called outside a transaction.
    """
    _in_transaction()
    address = normal_form.normalise(system, value)
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [uuid4(), system, address, timezone.now()])
        return _one(cursor.fetchone())


def lock(contact_point_id: int) -> ContactPoint:
    """Return a contact point, locked until the transaction ends: no two at once, and no sender.

    The key itself stays free (FOR NO KEY UPDATE). Whoever changes a conversation twice in one
    transaction has its reference to the contact point checked, after they hold the conversation:
    a full lock would make them and us wait for each other.
    """
    return ContactPoint.objects.select_for_update(no_key=True).get(pk=contact_point_id)


def lock_for_share(contact_point_id: int) -> ContactPoint:
    """Return a contact point, kept from change (a STOP above all) until the transaction ends.

    Raises:
        ContactPoint.DoesNotExist: there is none.
        TransactionManagementError: called outside a transaction.
    """
    _in_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [contact_point_id])
        row = cursor.fetchone()
    if row is None:
        raise ContactPoint.DoesNotExist
    return _one(row)


def _one(row: tuple[object, ...]) -> ContactPoint:
    return ContactPoint.from_db(connection.alias, _COLUMNS, row)


def _in_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("to lock an address needs a transaction")
