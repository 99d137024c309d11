"""The queue's sweeps, called by beat, and the nudges between them. Ids only; safe twice."""

from celery import shared_task
from django.utils import timezone

from hub.routing import dispatch, dispatcher, sweep


@shared_task
def offer_waits(department_id: int) -> None:
    """Offer what waits in a department."""
    dispatch.offer_next(department_id)


@shared_task
def look_for_work(user_id: int) -> None:
    """Offer somebody who is free what waits in their departments."""
    dispatcher.look_for_work(user_id)


@shared_task
def tick() -> None:
    """Once a second: end what ran out, move on who waited too long, and offer what waits."""
    dispatcher.dispatch(timezone.now())


@shared_task
def sweep_queue() -> None:
    """Mend stuck waits, and give back chats of agents who have left."""
    sweep.sweep()
    sweep.return_chats()
