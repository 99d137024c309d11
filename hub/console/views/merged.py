"""All that was said with a patient, on every channel and in every department, as one timeline."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from hub.audit.record import AuditAction, record
from hub.console.drawn import entry_html
from hub.console.gate import for_staff, user_of, visible
from hub.console.head import head_of
from hub.console.templatetags.console import day_of, label_of_day
from hub.conversations.contacts import Contact
from hub.conversations.cursors import BadCursor
from hub.conversations.patient_timeline import of_patient


@dataclass(frozen=True, slots=True)
class Told:
    """A line, the day and the conversation that begin with it."""

    html: SafeString
    day: str
    contact: Contact | None


@require_GET
@for_staff
def merged(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The patient's timeline, read only; of what is restricted only that there was a contact."""
    found, user = visible(request, uuid), user_of(request)
    if found.patient_id is None:
        raise Http404
    try:
        page = of_patient(found.patient_id, user, request.GET.get("before") or None)
    except BadCursor as error:
        raise BadRequest from error
    record(
        AuditAction.VIEW_PATIENT,
        actor=user,
        conversation=found,
        patient=found.patient_id,
        objects=[one.id for one in page.contacts.values()],
        kind="conversations.Conversation",
        detail={"what": "timeline"},
    )
    head = head_of(found)
    told: list[Told] = []
    last_day: date | None = None
    last: Contact | None = None
    for line in reversed(page.lines):
        day, contact = day_of(line.at), page.contacts[line.conversation_uuid]
        told.append(
            Told(
                html=entry_html(line, viewer_id=user.pk, who=head.who),
                day=label_of_day(day) if day != last_day else "",
                contact=contact if contact != last else None,
            )
        )
        last_day, last = day, contact
    context = {
        "head": head,
        "lines": told,
        "older_before": page.older_before,
        "pane": "merged",
        "page": "inbox",
    }
    return render(request, "console/merged.html", context)
