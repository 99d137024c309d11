"""The secrets of second factors under the ring of keys.

allauth keeps them in a JSON column of its own, so the rotation of encrypted fields passes them by.
"""

import base64
from collections import Counter

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import transaction

from hub.encryption.ring import key_id_of, ring

SECRETS = ("secret", "seed")
"""Where a secret stands in a row's data: of an app, and of recovery codes."""


def rows_by_key() -> Counter[str]:
    """Return how many rows lie under each key."""
    return Counter(
        key_id_of(base64.b64decode(data[name]))
        for data in Authenticator.objects.values_list("data", flat=True)
        for name in SECRETS
        if name in data
    )


def rotate() -> int:
    """Put every secret under the current key; return how many rows were not."""
    done = 0
    for pk in list(Authenticator.objects.values_list("pk", flat=True)):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            done += row is not None and _rotate_row(row)
    return done


def _rotate_row(row: Authenticator) -> bool:
    stale = [
        name
        for name in SECRETS
        if name in row.data and not ring().is_current(base64.b64decode(row.data[name]))
    ]
    for name in stale:
        row.data[name] = get_adapter().encrypt(get_adapter().decrypt(row.data[name]))
    if stale:
        row.save(update_fields=["data"])
    return bool(stale)
