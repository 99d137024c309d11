"""The picker of templates, where the patient's last message is too old for free words."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from hub.audit.record import AuditAction, record
from hub.console.forms import TemplateForm
from hub.console.gate import for_staff, own, user_of
from hub.console.views.composer import done, invalid, leg_of
from hub.conversations import errors
from hub.conversations.actions.send_template import (
    Filled,
    Press,
    send_template,
    values_of,
    words_of,
)
from hub.conversations.models import Conversation, Leg, MessageTemplate

#: What stands in the picker for a date and a time that are still to be chosen.
_OPEN = {
    MessageTemplate.Variable.DATE.value: _("(date)"),
    MessageTemplate.Variable.TIME.value: _("(time)"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One template as the picker shows it."""

    uuid: UUID
    name: str
    language: str
    words: str
    why_not: str  # a sentence; empty: it may be sent


@require_http_methods(["GET", "POST"])
@for_staff
def template(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show which templates may be sent over a leg; send one."""
    found = own(request, uuid)
    if request.method == "GET":
        return _picker(request, found, leg_of(found, _uuid(request.GET.get("leg", ""))))
    form = TemplateForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    press = Press(
        template=said["template"],
        leg_id=leg_of(found, said["leg"]).pk,
        intent=said["intent"],
        filled=Filled(said["day"], said["clock"]),
        seen_number=said["seen"],
    )
    entry = send_template(found, press, by=user_of(request))
    return done(request, found, entry.number)


def _picker(request: HttpRequest, found: Conversation, leg: Leg) -> HttpResponse:
    record(
        AuditAction.VIEW_PATIENT,
        actor=user_of(request),
        conversation=found,
        patient=found.patient_id,
        detail={"what": "templates"},
    )
    templates = MessageTemplate.objects.filter(channel=leg.channel, is_on=True)
    language = found.patient.language if found.patient else "en"
    ordered = sorted(templates, key=lambda one: (one.language != language, one.name))
    asked = {kind for one in ordered for kind in one.variables}
    context = {
        "head": found,
        "leg": leg.uuid,
        "intent": uuid4(),
        "choices": [_choice(one, found) for one in ordered],
        "asks_day": MessageTemplate.Variable.DATE in asked,
        "asks_clock": MessageTemplate.Variable.TIME in asked,
        "today": timezone.localdate(),
        "last_day": timezone.localdate() + timedelta(days=366),
    }
    return render(request, "console/dialogs/template.html", context)


def _choice(one: MessageTemplate, found: Conversation) -> Choice:
    """Fill in what is known; what the person is to choose stands in brackets."""
    why_not = ""
    try:
        shown = _as_far_as_known(one, found)
    except errors.TemplateNeedsPatient as error:
        why_not, shown = str(error), one.preview
    return Choice(one.uuid, one.name, one.get_language_display(), shown, why_not)


def _as_far_as_known(one: MessageTemplate, found: Conversation) -> str:
    known = MessageTemplate(
        language=one.language,
        preview=one.preview,
        variables=["clinic_name" if kind in _OPEN else kind for kind in one.variables],
    )
    values = values_of(known, found, Filled())
    for number, kind in enumerate(one.variables, start=1):
        if kind in _OPEN:
            values[str(number)] = str(_OPEN[kind])
    return words_of(one, values)


def _uuid(text: str) -> UUID | None:
    try:
        return forms.UUIDField().clean(text)
    except forms.ValidationError:
        return None
