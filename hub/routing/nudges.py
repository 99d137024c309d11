"""After a commit the workers are told that something may be offered. A hint: beat looks anyway."""

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def dispatch_on_commit(department_id: int) -> None:
    """Have a department's waits looked at, once the running transaction is committed."""
    transaction.on_commit(lambda: _send_department(department_id), robust=True)


def look_for_work_on_commit(user_id: int) -> None:
    """Have somebody who is free now offered what waits for them, after the commit."""
    transaction.on_commit(lambda: _send_person(user_id), robust=True)


def _send_department(department_id: int) -> None:
    from hub.routing import tasks

    try:
        tasks.offer_waits.delay(department_id)
    except OperationalError:
        log.warning("nudge_failed", department_id=department_id)


def _send_person(user_id: int) -> None:
    from hub.routing import tasks

    try:
        tasks.look_for_work.delay(user_id)
    except OperationalError:
        log.warning("nudge_failed", user_id=user_id)
