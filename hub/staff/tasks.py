"""What the worker does for this room."""

from celery import shared_task

from hub.staff import presence


@shared_task(name="hub.staff.tasks.end_stale_tabs")
def end_stale_tabs() -> int:
    """Sweep console tabs that fell silent; see `presence.end_stale_tabs`."""
    return presence.end_stale_tabs()
