"""Calls of a supervisor's departments that run now, and listening in; a call to a patient."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_app.voice import outbound, supervise
from channels_app.voice.models import Party
from hub.audit.record import AuditAction, record
from hub.console.gate import for_staff, is_fragment, own, user_of
from hub.console.head import head_of
from hub.console.on_call import my_call, supervised_call
from hub.console.panel import panel_of
from hub.console.views.patient import point_of
from hub.console.views.status import answer
from hub.conversations.errors import NotAllowed


@require_GET
@for_staff
def calls(request: HttpRequest) -> HttpResponse:
    """The page of live calls; for a script, its table alone."""
    user = user_of(request)
    if not user.is_supervisor:
        raise NotAllowed
    running = supervise.running(user)
    record(
        AuditAction.VIEW_LIST,
        actor=user,
        objects=[one.conversation_id for one in running],
        kind="conversations.Conversation",
        detail={"list": "calls"},
    )
    context = {"calls": running, "now": timezone.now()}
    if is_fragment(request):
        return render(request, "console/partials/running_calls.html", context)
    return render(
        request,
        "console/calls.html",
        context | {"pane": "search", "page": "calls", "chosen": "calls"},
    )


@require_POST
@for_staff
def supervise_call(request: HttpRequest, call: UUID) -> HttpResponse:
    """Listen, whisper or join; or change between them."""
    supervised, mode = supervised_call(request, call), request.POST.get("mode", "")
    if mode not in Party.Mode.values:
        return HttpResponse(status=400)
    supervise.begin(supervised, mode, by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def leave(request: HttpRequest, call: UUID) -> HttpResponse:
    """Leave a call that one listened to."""
    supervise.leave(my_call(request, call), by=user_of(request))
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
@for_staff
def call(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Offer the patient's numbers; then ring one's own phone, and theirs."""
    found, user = own(request, uuid), user_of(request)
    if request.method == "GET":
        record(
            AuditAction.VIEW_PATIENT,
            actor=user,
            conversation=found,
            patient=found.patient_id,
            detail={"what": "addresses"},
        )
        pane, _standings = panel_of(found, user, may_edit=True)
        numbers = [one for one in pane.reach if one.channel == "voice"]
        context = {"head": head_of(found), "numbers": numbers}
        return render(request, "console/dialogs/call.html", context)
    point = point_of(found, request.POST.get("point", ""))
    outbound.dial(found, point, by=user)
    return answer(request, found, _("Your phone is connected, then theirs rings"))
