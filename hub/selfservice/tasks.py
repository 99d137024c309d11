"""Periodic work of the patients' pages."""

from celery import shared_task

from hub.selfservice import wishes


@shared_task
def forget_wishes() -> None:
    """Close and delete what came to nothing."""
    wishes.forget()
