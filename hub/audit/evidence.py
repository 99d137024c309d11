"""What an auditor asks: who read and wrote what of a patient, and what one person did."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q, QuerySet

from hub.audit.models import AuditEvent
from hub.audit.record import Identified

_PATIENT = "patients.Patient"
_CONVERSATION = "conversations.Conversation"


def events_of_patient(
    patient: Identified | int, *, also: Collection[int] = (), conversations: Collection[int] = ()
) -> QuerySet[AuditEvent]:
    """Every event that touched a patient, newest first; list pages that showed them included.

    Args:
        patient: the patient, or their id.
        also: ids of patients merged into this one.
        conversations: ids of their conversations: events of before they were identified carry
            the conversation only. (This room cannot look them up: it lies below theirs.)
    """
    ids = [patient if isinstance(patient, int) else int(patient.pk), *also]
    touched = Q(patient_id__in=ids) | Q(object_kind=_PATIENT, object_ids__overlap=ids)
    if conversations:
        touched |= Q(conversation_id__in=conversations) | Q(
            object_kind=_CONVERSATION, object_ids__overlap=list(conversations)
        )
    return _newest_first(AuditEvent.objects.filter(touched))


def events_of_user(user: Identified | int) -> QuerySet[AuditEvent]:
    """Every event of one person, newest first."""
    return _newest_first(
        AuditEvent.objects.filter(actor_id=user if isinstance(user, int) else int(user.pk))
    )


def between(
    events: QuerySet[AuditEvent], since: datetime | None, until: datetime | None
) -> QuerySet[AuditEvent]:
    """Those from `since` on and before `until`."""
    if since is not None:
        events = events.filter(at__gte=since)
    if until is not None:
        events = events.filter(at__lt=until)
    return events


def _newest_first(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    return events.order_by("-at", "-id").select_related("actor")
