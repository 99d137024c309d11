"""After a delivery is committed, Celery is told its id; if that fails the sweep finds it."""

from typing import Any

import structlog
from django.dispatch import receiver
from kombu.exceptions import OperationalError

from channels_app import tasks
from hub.conversations import signals

log = structlog.get_logger(__name__)


@receiver(signals.delivery_ready)
def nudge(*, delivery_ids: list[int], **_: Any) -> None:
    """Tell the workers."""
    for delivery_id in delivery_ids:
        try:
            tasks.deliver.delay(delivery_id)
        except OperationalError:
            log.warning("nudge_failed", delivery_id=delivery_id)
            return
