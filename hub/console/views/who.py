"""Whom a conversation is about: look for patients, choose one, create one, take a choice back."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hub.audit.record import AuditAction, record
from hub.console import forms
from hub.console.gate import for_staff, own, user_of
from hub.console.head import head_of
from hub.console.views.status import answer, invalid
from hub.console.who import candidates_of, found_patients
from hub.conversations.actions import identity
from patients.models import Patient

SHORTEST = 2
"""Fewer letters than these are not looked for."""


@require_http_methods(["GET", "POST"])
@for_staff
def identify(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Offer the candidates and a search; then say that it is the chosen one."""
    found, user = own(request, uuid), user_of(request)
    if request.method == "GET":
        context = {
            "head": head_of(found),
            "candidates": candidates_of(found),
            "form": forms.NewPatientForm(),
        }
        return render(request, "console/dialogs/identify.html", context)
    try:
        key = UUID(request.POST.get("patient", ""))
    except ValueError:
        return HttpResponse(status=400)
    patient = get_object_or_404(Patient, uuid=key)
    identity.identify_as(found, patient, by=user, remember=request.POST.get("remember") == "on")
    return answer(request, found, _("Chosen"))


@require_GET
@for_staff
def banner(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The question above the thread, or nothing once it was answered."""
    found = own(request, uuid)
    context = {"head": head_of(found), "candidates": candidates_of(found)}
    return render(request, "console/partials/who_banner.html", context)


@require_GET
@for_staff
def patients(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Look for patients by name, birth date or number; what was found is on record."""
    found, user = own(request, uuid), user_of(request)
    typed = request.GET.get("q", "").strip()[:200]
    results = found_patients(typed) if len(typed) >= SHORTEST else []
    record(
        AuditAction.SEARCH,
        actor=user,
        conversation=found,
        objects=[one.id for one in results],
        kind="patients.Patient",
        detail={"for": "identify"},
    )
    context = {"head": head_of(found), "results": results, "typed": typed}
    return render(request, "console/dialogs/patients.html", context)


@require_POST
@for_staff
def create(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Create a patient and say that it is them."""
    found = own(request, uuid)
    form = forms.NewPatientForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    identity.create_and_identify(found, form.cleaned_data, by=user_of(request))
    return answer(request, found, _("Created"))


@require_POST
@for_staff
def forget(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take a choice back: it is about nobody known again."""
    found = own(request, uuid)
    identity.forget_identity(found, by=user_of(request))
    return answer(request, found, _("Taken back"))
