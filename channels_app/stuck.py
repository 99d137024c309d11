"""Inbound events that failed five times: to be looked at by a person, and tried again."""

from django.db.models import QuerySet
from django.utils import timezone

from channels_app import inbox
from channels_app.models import Receipt


def stuck() -> QuerySet[Receipt]:
    """Return what is stuck, oldest first."""
    return Receipt.objects.filter(state=Receipt.State.STUCK).order_by("received_at", "pk")


def retry(receipt: Receipt) -> bool:
    """Work on a stuck event once more; return whether it is done now.

    Where it fails again the sweep goes on with it, and after five failures it is stuck as before.
    """
    freed = Receipt.objects.filter(pk=receipt.pk, state=Receipt.State.STUCK).update(
        state=Receipt.State.RECEIVED, failures=0, next_attempt_at=timezone.now() + inbox.GRACE
    )
    return bool(freed) and inbox.work(receipt)
