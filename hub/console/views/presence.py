"""Where a person says they are, in all their tabs."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from hub.console.gate import for_staff, user_of
from hub.staff.presence import UnknownPresence, set_presence


@require_POST
@for_staff
def presence(request: HttpRequest) -> HttpResponse:
    """Set what the person chose: available, busy or away."""
    try:
        set_presence(user_of(request), request.POST.get("presence", ""))
    except UnknownPresence:
        return HttpResponse(status=400)
    return HttpResponse(status=204)
