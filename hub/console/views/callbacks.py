"""Promise the patient of a conversation a call, at a time or as soon as possible; take it back."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from channels_app.voice import callbacks, promising, slots
from channels_app.voice.errors import NobodyToCall
from channels_app.voice.models import Callback
from channels_app.voice.slots import Slot
from hub.console.addresses import shown
from hub.console.forms import CallbackForm
from hub.console.gate import for_staff, own, user_of
from hub.console.head import head_of
from hub.console.templatetags.console import until as until_words
from hub.console.views.status import answer, invalid
from hub.conversations.models import Conversation
from patients.models import ContactPoint


@require_http_methods(["GET", "POST"])
@for_staff
def callback(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show what is promised and what can be; promise it, or take it back."""
    found = own(request, uuid)
    if request.method == "GET":
        return _dialog(request, found)
    if request.POST.get("do") == "take_back":
        promising.take_back(found, by=user_of(request))
        return answer(request, found, _("No call is promised any more"))
    form = CallbackForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    promised = promising.by_staff(
        found,
        _number(found, form.cleaned_data["number"]),
        start=form.cleaned_data["start"],
        reason=form.cleaned_data["reason"],
        by=user_of(request),
    )
    return answer(request, found, _promised_words(promised), leaves=True)


def _dialog(request: HttpRequest, found: Conversation) -> HttpResponse:
    numbers = promising.numbers_of(found)
    now = timezone.now()
    free: Sequence[Slot] = []
    if numbers:
        free = slots.slots_for(found.department, numbers[0], found.patient, now)
    return render(
        request,
        "console/dialogs/callback.html",
        {
            "head": head_of(found),
            "promised": callbacks.open_of(found),
            "numbers": [(point.uuid, shown(point)) for point in numbers],
            "days": [(day, list(times)) for day, times in groupby(free, key=_day)],
            "longest": callbacks.LONGEST_REASON,
        },
    )


def _day(slot: Slot) -> date:
    return timezone.localtime(slot.start).date()


def _number(found: Conversation, uuid: UUID) -> ContactPoint:
    """Return the number that was chosen, of those by which this patient can be called."""
    for point in promising.numbers_of(found):
        if point.uuid == uuid:
            return point
    raise NobodyToCall


def _promised_words(promised: Callback) -> str:
    if promised.slot_from is None:
        return _("A call is promised, as soon as possible")
    return _("A call is promised: %(when)s") % {"when": until_words(promised.slot_from)}
