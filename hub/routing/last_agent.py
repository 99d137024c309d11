"""Who is asked first: the one who was asked for, else whoever spoke with the patient last."""

from datetime import datetime, timedelta

from django.db.models import Q

from hub.conversations.models import Assignment, Conversation
from hub.routing.models import QueueEntry
from patients.survivors import record_ids

#: Who spoke with the patient longer ago is a stranger again.
REMEMBERED = timedelta(days=30)


def last_agent(wait: QueueEntry, now: datetime) -> int | None:
    """Return who held this conversation last, or another one of the patient in this department.

    Nobody, where a person has put this conversation back into the queue on purpose.
    """
    conversation = wait.conversation
    last = conversation.assignments.order_by("-pk").first()
    if last is not None and last.holder_id is None and last.by_id is not None:
        return None  # whoever had it gave it back
    same = Q(conversation=conversation)
    if conversation.patient_id is not None:
        same |= Q(
            conversation__in=Conversation.objects.filter(
                patient_id__in=record_ids(conversation.patient_id),
                department_id=wait.department_id,
            )
        )
    return (
        Assignment.objects.filter(same, holder__isnull=False, at__gt=now - REMEMBERED)
        .order_by("-at", "-pk")
        .values_list("holder_id", flat=True)
        .first()
    )
