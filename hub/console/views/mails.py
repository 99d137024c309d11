"""The whole of a mail: its page, and in a frame of its own the mail's own look."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from channels_app.email.models import MailMessage
from hub.audit.record import AuditAction, record
from hub.console.gate import for_staff, user_of
from hub.console.mails import page_of, readable, whole


@require_GET
@for_staff
def mail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show a mail with what it quotes."""
    found = _readable(request, uuid)
    with_images = request.GET.get("images") == "1"
    return render(request, "console/mail.html", {"mail": whole(found), "with_images": with_images})


@require_GET
@xframe_options_sameorigin
@for_staff
def mail_frame(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Return the mail's own HTML, where nothing of it runs and nothing is fetched unasked."""
    found = _readable(request, uuid)
    with_images = request.GET.get("images") == "1"
    response = HttpResponse(page_of(found, with_remote_images=with_images))
    pictures = "data: https: http:" if with_images else "data:"
    response["Content-Security-Policy"] = (
        f"sandbox allow-popups; default-src 'none'; img-src {pictures}; "
        "style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response


def _readable(request: HttpRequest, uuid: UUID) -> MailMessage:
    user = user_of(request)
    found = readable(user, uuid)
    if found is None:
        record(AuditAction.DENIED, actor=user, detail={"mail": str(uuid)})
        raise Http404
    record(
        AuditAction.VIEW_CONVERSATION,
        actor=user,
        conversation=found.conversation_id,
        objects=[found],
    )
    return found
