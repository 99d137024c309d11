"""What the worker does for this room."""

from celery import shared_task

from hub.staff import presence
from hub.staff.sessions import SessionStore


@shared_task(name="hub.staff.tasks.end_stale_tabs")
def end_stale_tabs() -> int:
    """Sweep console tabs that fell silent (`presence.end_stale_tabs`), and sessions that ended."""
    SessionStore.clear_expired()
    return presence.end_stale_tabs()
