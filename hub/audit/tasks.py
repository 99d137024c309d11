"""What the worker does for the audit trail. Both tasks are safe to run twice, or not at all."""

import structlog
from celery import shared_task

from hub.audit.models import AuditSeal, head_name
from hub.audit.sealing import seal_all

log = structlog.get_logger(__name__)


@shared_task(name="hub.audit.tasks.seal", ignore_result=True)
def seal() -> int:
    """Seal what was committed since the last seal; called about once a second."""
    return seal_all()


@shared_task(name="hub.audit.tasks.note_head", ignore_result=True)
def note_head() -> str:
    """Write the head of the chain into the log, which is kept outside of the database.

    ``verify_audit --head`` takes it, and so shows whether the end of the trail was cut off.
    """
    last = AuditSeal.objects.order_by("-number").only("number", "hmac").first()
    head = head_name(last.number, last.hmac) if last else ""
    if head:
        log.info("audit_head", code=head)
    return head
