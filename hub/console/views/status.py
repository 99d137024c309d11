"""Take, resolve, snooze, wake, reopen: each at once, with the way back for eight seconds."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.console.forms import ResolveForm, SnoozeForm
from hub.console.gate import for_staff, own, user_of
from hub.console.head import head_of
from hub.console.snooze_times import snooze_times
from hub.console.templatetags.console import until as until_words
from hub.console.views.conversation import changed
from hub.conversations.actions import holder, status
from hub.conversations.models import Conversation
from hub.staff.models import User


@require_POST
@for_staff
def claim(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take the conversation. Whoever is second is told who was first."""
    found = own(request, uuid)
    holder.claim(found, user_of(request))
    return answer(request, found, _("It is yours"))


@require_http_methods(["GET", "POST"])
@for_staff
def resolve(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask why, then end the conversation."""
    found = own(request, uuid)
    if request.method == "GET":
        return render(
            request, "console/dialogs/resolve.html", {"head": head_of(found), "form": ResolveForm()}
        )
    form = ResolveForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    before = found.holder_id
    status.resolve(found, form.cleaned_data["reason"], by=user_of(request))
    undo = {"do": "undo-resolve", "holder": before}
    return answer(request, found, _("Resolved"), undo=undo, leaves=True)


@require_http_methods(["GET", "POST"])
@for_staff
def snooze(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask until when, then put the conversation aside."""
    found = own(request, uuid)
    if request.method == "GET":
        times = snooze_times(timezone.localtime())
        return render(
            request, "console/dialogs/snooze.html", {"head": head_of(found), "times": times}
        )
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    until = form.cleaned_data["until"]
    status.snooze(found, until, by=user_of(request))
    words = _("Snoozed until %(until)s") % {"until": until_words(until)}
    return answer(request, found, words, undo={"do": "wake"}, leaves=True)


@require_POST
@for_staff
def wake(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Bring a snoozed conversation back now."""
    found = own(request, uuid)
    status.wake(found.pk, by=user_of(request))
    return answer(request, found, _("Back in the list"))


@require_POST
@for_staff
def reopen(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take a resolved conversation up again."""
    found = own(request, uuid)
    status.reopen(found, by=user_of(request))
    return answer(request, found, _("Reopened; it is yours"))


@require_POST
@for_staff
def undo_resolve(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take back a resolve: it is open again, and with whoever held it before."""
    found = own(request, uuid)
    user = user_of(request)
    found = status.reopen(found, by=user)
    before = _holder_before(request, user)
    if found.holder_id == user.pk and before != user.pk:
        to = User.objects.filter(pk=before, is_active=True).first() if before else None
        holder.assign(found, to, by=user, expected_holder_id=user.pk, reason="undo")
    return answer(request, found, _("As it was"))


def answer(
    request: HttpRequest,
    found: Conversation,
    toast: str,
    *,
    undo: dict[str, Any] | None = None,
    leaves: bool = False,
) -> JsonResponse:
    """Answer a script: the words for the corner, the way back, and what changed in the thread.

    `leaves` says that the row leaves the list it stands in.
    """
    since = request.POST.get("revision", "")
    body = {
        "toast": toast,
        "undo": undo,
        "leaves": leaves,
        **changed(found, int(since) if since.isdecimal() else found.revision, request),
    }
    return JsonResponse(body)


def invalid(form: Any) -> JsonResponse:
    """Answer with the first thing that is wrong with a form."""
    words = next(iter(form.errors.values()))[0]
    return JsonResponse({"error": str(words), "code": "Invalid"}, status=400)


def _holder_before(request: HttpRequest, user: User) -> int | None:
    text = request.POST.get("holder", "")
    return int(text) if text.isdecimal() else None
