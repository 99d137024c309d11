"""Answers, notes and drafts; the link that moves a patient into web chat."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from channels_app.chat.links import send_link
from channels_app.files import FileRefused, accept_upload
from hub.audit.record import AuditAction, record
from hub.console.forms import AnswerForm, DraftForm, NoteForm
from hub.console.gate import for_staff, own, refused, user_of
from hub.console.routes import legs_of, routes_of
from hub.console.views.conversation import changed
from hub.conversations.actions import drafts
from hub.conversations.actions import send as sending
from hub.conversations.errors import ChannelClosed
from hub.conversations.models import Conversation, Leg
from patients import consent


@require_POST
@for_staff
def send(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Send an answer. One press of the button carries one `intent`, so twice is once."""
    found = own(request, uuid)
    form = AnswerForm(request.POST, request.FILES)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    try:
        files = [accept_upload(file) for file in said["files"]]
    except FileRefused as error:
        return refused(error)
    answer = sending.Answer(
        body=said["body"],
        leg_id=leg_of(found, said["leg"]).pk,
        intent=said["intent"],
        files=files,
        seen_number=said["seen"],
    )
    entry = sending.send(found, answer, by=user_of(request))
    return done(request, found, entry.number)


@require_POST
@for_staff
def note(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Write a note, which patients never see."""
    found = own(request, uuid)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    entry = sending.note(found, said["body"], intent=said["intent"], by=user_of(request))
    return done(request, found, entry.number)


@require_POST
@for_staff
def draft(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Keep what has been written so far; the browser's own storage never holds it."""
    found = own(request, uuid)
    form = DraftForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    drafts.save_draft(
        found,
        said["body"],
        is_note=said["is_note"],
        channel=said["channel"],
        seen_number=said["seen"] or 0,
        by=user_of(request),
    )
    return HttpResponse(status=204)


@require_GET
@for_staff
def routes(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The ways by which the patient is reached now, after one opened, ended or was stopped."""
    found = own(request, uuid)
    record(
        AuditAction.VIEW_PATIENT,
        actor=user_of(request),
        conversation=found,
        patient=found.patient_id,
        detail={"what": "addresses"},
    )
    legs = legs_of(found)
    ways = routes_of(found, legs, consent.standing([leg.contact_point for leg in legs]))
    chosen = next((way for way in ways if way.is_usable), None)
    context = {"routes": ways, "chosen_leg": chosen.leg if chosen else None}
    return render(request, "console/partials/routes.html", context)


@require_POST
@for_staff
def chat_link(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Text the patient a link by which they go on in web chat."""
    found = own(request, uuid)
    send_link(found, by=user_of(request))
    return JsonResponse({"toast": _("Link sent"), **changed(found, found.revision, request)})


def leg_of(found: Conversation, uuid: UUID | None) -> Leg:
    """Return the leg that the page named. Raises ChannelClosed."""
    leg = found.legs.filter(uuid=uuid).first() if uuid else None
    if leg is None:
        raise ChannelClosed
    return leg


def done(request: HttpRequest, found: Conversation, number: int) -> JsonResponse:
    """Answer with the number of the entry that was written, and what changed."""
    since = _revision(request)
    return JsonResponse({"number": number, **changed(found, since, request)})


def _revision(request: HttpRequest) -> int:
    """The revision that the page has; what is newer goes along with the answer."""
    text = request.POST.get("revision", "")
    return int(text) if text.isdecimal() else 0


def invalid(form: forms.Form) -> JsonResponse:
    """Say the first thing that is wrong."""
    words: Any = next(iter(form.errors.values()))[0]
    return JsonResponse({"error": str(words), "code": "Invalid"}, status=400)
