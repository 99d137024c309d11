"""The queue's sweeps, called by beat."""

from celery import shared_task

from hub.routing import sweep


@shared_task
def sweep_queue() -> None:
    """Mend stuck waits, and give back chats of agents who have left."""
    sweep.sweep()
    sweep.return_chats()
