"""Answers to what the conversations below announce; each runs inside their transaction."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from hub.conversations import signals
from hub.conversations.models import Conversation, Leg
from hub.routing import nudges, queue
from hub.routing.after_hours import answer_if_nobody_is_there
from hub.staff.models import User
from hub.staff.signals import person_reachable


@receiver(signals.patient_wrote)
def let_wait(
    *, conversation: Conversation, leg: Leg, at: datetime, language: str, **_: Any
) -> None:
    """What nobody holds waits in the queue; if nobody is there at all, the patient is told."""
    if conversation.holder_id is None:
        queue.enter(conversation, at=at)
    answer_if_nobody_is_there(conversation, leg, at=at, language=language)


@receiver(signals.needs_holder)
def let_wait_again(
    *, conversation: Conversation, at: datetime, place_since: datetime | None, **_: Any
) -> None:
    """What was given back waits again, since when its patient has waited: the same contact.

    What is put aside waits for nobody: it comes back when it wakes.
    """
    if conversation.status == Conversation.Status.SNOOZED:
        return
    queue.enter_again(conversation, at=at, place_since=place_since or conversation.waiting_since)


@receiver(signals.holder_taken)
def end_wait(*, conversation: Conversation, user: User, at: datetime, **_: Any) -> None:
    """What was taken waits no more."""
    queue.accept(conversation, user, at=at)


@receiver(signals.holder_not_needed)
def withdraw(*, conversation: Conversation, at: datetime, **_: Any) -> None:
    """What needs nobody waits no more."""
    queue.withdraw(conversation, at=at)


@receiver(signals.department_changed)
def move(*, conversation: Conversation, at: datetime, **_: Any) -> None:
    """What moved waits in the new department, at its old place."""
    queue.move(conversation, at=at)


@receiver(person_reachable)
def look_for_work(*, user_id: int, **_: Any) -> None:
    """Who is there again is offered what waits."""
    nudges.look_for_work_on_commit(user_id)
