"""Ready replies behind "/"."""

from uuid import UUID

from django.db.models import Case, IntegerField, Q, Value, When
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from hub.console.gate import for_staff, own
from hub.console.models import CannedReply
from hub.conversations.models import Conversation

MOST = 8


@require_GET
@for_staff
def canned(request: HttpRequest, uuid: UUID) -> JsonResponse:
    """Return what fits the letters typed so far, the patient's language first."""
    found = own(request, uuid)
    typed = request.GET.get("q", "").strip()[:40]
    replies = CannedReply.objects.filter(
        Q(department=None) | Q(department_id=found.department_id)
    ).filter(Q(shortcut__istartswith=typed) | Q(title__icontains=typed))
    ordered = replies.annotate(
        far=Case(
            When(language=_language(found), then=Value(0)),
            When(language="en", then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
    ).order_by("far", "shortcut")[:MOST]
    return JsonResponse(
        {
            "replies": [
                {
                    "shortcut": one.shortcut,
                    "title": one.title,
                    "body": one.body,
                    "language": one.language,
                }
                for one in ordered
            ]
        }
    )


def _language(found: Conversation) -> str:
    return found.patient.language if found.patient else "en"
