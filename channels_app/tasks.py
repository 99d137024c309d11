"""Celery's part: ids only, safe to run twice, and found again by the two sweeps."""

from celery import shared_task

from channels_app import inbox, outbox


@shared_task
def deliver(delivery_id: int) -> None:
    """Bring a delivery, and those behind it in its line, as far as they go."""
    todo = [delivery_id]
    while todo:
        todo += outbox.deliver(todo.pop())


@shared_task
def inquire(delivery_id: int) -> None:
    """Ask the provider about a delivery of which nobody knows."""
    for pk in outbox.inquire(delivery_id):
        deliver.delay(pk)


@shared_task
def sweep_receipts() -> None:
    """Finish inbound events that no request finished."""
    inbox.sweep()


@shared_task
def sweep_deliveries() -> None:
    """Hand on deliveries that no worker finished."""
    deliver_ids, inquire_ids = outbox.due()
    for pk in deliver_ids:
        deliver.delay(pk)
    for pk in inquire_ids:
        inquire.delay(pk)
