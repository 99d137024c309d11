"""The patient of a conversation: what is known, what they agreed to, and the check of who it is."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hub.audit.record import AuditAction, record
from hub.console import forms
from hub.console.addresses import shown
from hub.console.gate import for_staff, own, user_of, visible
from hub.console.head import head_of
from hub.console.panel import panel_of
from hub.console.views.conversation import is_own
from hub.console.views.status import answer, invalid
from hub.conversations.actions import identity
from hub.conversations.models import Conversation
from patients import actions as patients
from patients import contact_points
from patients.consent import PLAIN, is_stopped
from patients.models import Consent, ContactPoint, Patient, RelatedPerson
from patients.normal_form import NotAnAddress
from patients.survivors import record_ids


@require_GET
@for_staff
def panel(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The pane alone, after something in it changed."""
    found, user = visible(request, uuid), user_of(request)
    if found.patient_id is not None:
        record(AuditAction.VIEW_PATIENT, actor=user, conversation=found, patient=found.patient_id)
    pane, _standings = panel_of(found, user, may_edit=is_own(found))
    return render(request, "console/partials/patient_panel.html", {"panel": pane})


@require_http_methods(["GET", "POST"])
@for_staff
def profile(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Edit the profile; the birth date only once the person is confirmed."""
    found = own(request, uuid)
    patient = _patient(found)
    confirmed = found.identity == Conversation.Identity.CONFIRMED
    with_birth_date = confirmed or patient.birth_date is None
    form = forms.ProfileForm(
        request.POST or None, instance=patient, with_birth_date=with_birth_date
    )
    if request.method == "GET":
        user = user_of(request)
        record(AuditAction.VIEW_PATIENT, actor=user, conversation=found, patient=patient)
        return _dialog(request, found, "form", form, _("Profile"), "profile", _("Save"))
    if not form.is_valid():
        return invalid(form)
    patients.update_profile(patient, by=user_of(request), **form.changes())
    return _saved(request, found, _("Saved"))


@require_http_methods(["GET", "POST"])
@for_staff
def birth_date(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Compare what the person says with what we have, without showing what we have."""
    found = own(request, uuid)
    patient = _patient(found)
    form = forms.BirthDateForm(request.POST or None)
    if request.method == "GET":
        return _dialog(
            request, found, "form", form, _("Check birth date"), "birth-date", _("Check")
        )
    if not form.is_valid():
        return invalid(form)
    if form.cleaned_data["birth_date"] != patient.birth_date:
        record(
            AuditAction.DENIED,
            actor=user_of(request),
            conversation=found,
            patient=patient,
            detail={"check": "birth_date"},
        )
        words = _("This is not the birth date that we have. Nothing was changed.")
        return JsonResponse({"error": words, "code": "Differs"}, status=409)
    identity.identify_as(
        found,
        patient,
        by=user_of(request),
        confirmed_how="birth_date",
        remember=form.cleaned_data["remember"],
    )
    return _saved(request, found, _("Confirmed"))


@require_http_methods(["GET", "POST"])
@for_staff
def consent(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take down what somebody said about being contacted."""
    found = own(request, uuid)
    source = request.GET if request.method == "GET" else request.POST
    point = point_of(found, source.get("point", ""))
    channel = source.get("channel", "")
    shape: dict[str, Any] = {
        "stopped": is_stopped(point.pk, channel),
        "channel": channel,
        "is_known": found.patient_id is not None,
    }
    if request.method == "GET":
        form = forms.ConsentForm(initial={"point": point.uuid, "channel": channel}, **shape)
        title = _("What they said about %(address)s") % {"address": shown(point)}
        return _dialog(request, found, "form", form, title, "consent", _("Write down"))
    form = forms.ConsentForm(request.POST, **shape)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    common: dict[str, Any] = {
        "channel": channel,
        "source": Consent.Source.STAFF,
        "evidence": said["evidence"],
        "recorded_by": user_of(request),
    }
    if said["state"] == Consent.State.STOPPED:
        patients.stop(point, **common)
        return _saved(request, found, _("Written down: nothing more is sent there"))
    if said["state"] == "not_plain":
        patients.take_back_plain(
            point,
            channel=channel,
            evidence=said["evidence"],
            recorded_by=user_of(request),
        )
        return _saved(request, found, _("Written down: by secure link only"))
    if said["state"] == "plain":
        common["purpose"] = PLAIN
    patients.give_consent(
        point, patient=_patient(found), after_stop=said.get("after_stop", False), **common
    )
    return _saved(request, found, _("Written down"))


@require_http_methods(["GET", "POST"])
@for_staff
def contact_point(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Add an address to the patient."""
    found = own(request, uuid)
    patient = _patient(found)
    form = forms.ContactPointForm(request.POST or None)
    if request.method == "GET":
        return _dialog(
            request, found, "form", form, _("Another address"), "contact-point", _("Add")
        )
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    try:
        with transaction.atomic():
            point = contact_points.hold(said["system"], said["value"])
            patients.link(point, patient=patient, role=said["role"], by=user_of(request))
    except NotAnAddress:
        return JsonResponse(
            {"error": _("This is no number or address that can be reached."), "code": "Invalid"},
            status=400,
        )
    return _saved(request, found, _("Added"))


@require_http_methods(["GET", "POST"])
@for_staff
def related(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Add somebody who speaks for the patient."""
    found = own(request, uuid)
    patient = _patient(found)
    form = forms.RelatedPersonForm(request.POST or None)
    if request.method == "GET":
        return _dialog(
            request, found, "form", form, _("Somebody who speaks for them"), "related", _("Add")
        )
    if not form.is_valid():
        return invalid(form)
    patients.add_related_person(patient, by=user_of(request), **form.cleaned_data)
    return _saved(request, found, _("Added"))


@require_POST
@for_staff
def end_related(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """End somebody's speaking for the patient."""
    found = own(request, uuid)
    people = RelatedPerson.objects.filter(patient__in=record_ids(_patient(found).pk))
    person = get_object_or_404(people, uuid=_uuid(request.POST.get("person", "")))
    patients.end_related_person(person, by=user_of(request))
    return _saved(request, found, _("Ended"))


def _patient(found: Conversation) -> Patient:
    if found.patient is None:
        raise Http404
    return found.patient


def point_of(found: Conversation, key: str) -> ContactPoint:
    """Return one of the addresses that the pane shows: the conversation's, or the patient's own.

    Anything else is not there (404).
    """
    uuid = _uuid(key)
    if found.contact_point.uuid == uuid:
        return found.contact_point
    if found.patient_id is None:
        raise Http404
    mine = ContactPoint.objects.filter(
        links__patient__in=record_ids(found.patient_id), links__until=None
    )
    return get_object_or_404(mine.distinct(), uuid=uuid)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Http404 from error


def _dialog(
    request: HttpRequest,
    found: Conversation,
    template: str,
    form: Any,
    title: str,
    action: str,
    button: str,
) -> HttpResponse:
    context = {
        "head": head_of(found),
        "form": form,
        "title": title,
        "action": action,
        "button": button,
    }
    return render(request, f"console/dialogs/{template}.html", context)


def _saved(request: HttpRequest, found: Conversation, words: str) -> JsonResponse:
    return answer(request, found, words)
