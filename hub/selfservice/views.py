"""“Call me back”: one question a page, in English and Spanish, with or without JavaScript."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from channels_app.chat import limits
from channels_app.chat.limits import Limit
from channels_app.chat.refusals import TooOften
from channels_app.voice import slots
from channels_app.voice.models import Callback
from hub.audit.origin import current_origin
from hub.conversations.errors import ConversationError
from hub.routing.after_hours import moment_in_words
from hub.selfservice import wishes
from hub.selfservice.models import CallWish
from hub.selfservice.wishes import Proof, WishOver
from hub.staff.models import Department
from patients import normal_form

LANGUAGES = ("en", "es")
#: A household shares an address; a number is texted a few codes a day, whoever asks for them.
CODES_OF_ADDRESS = Limit("code_address", 10, 3600)
CODES_TO_NUMBER = Limit("code_number", 3, 3600)
CODES_TO_NUMBER_A_DAY = Limit("code_number_day", 6, 86_400)
GUESSES_OF_ADDRESS = Limit("guess", 30, 3600)
MOST_TIMES = 60

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """Make a view a patients' page: its language, nothing kept by a cache, too often is said."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        with translation.override(_language(request)):
            try:
                response = view(request)
            except TooOften:
                response = _show(request, "too_often", status=429)
            except WishOver:
                response = _show(request, "over", status=410)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return answer


@require_safe
@page
def start(request: HttpRequest) -> HttpResponse:
    """GET: what is it about (which department), or at once the number where there is but one."""
    offered = wishes.departments()
    if not offered:
        return _show(request, "none")
    chosen = _department(request.GET.get("about", ""), offered)
    if chosen is None:
        return _show(request, "about", departments=offered)
    return _show(request, "number", department=chosen)


@require_POST
@page
def number(request: HttpRequest) -> HttpResponse:
    """POST: a code goes to the number that was typed."""
    offered = wishes.departments()
    chosen = _department(request.POST.get("about", ""), offered)
    if chosen is None:
        return _show(request, "about", departments=offered)
    typed = request.POST.get("number", "")
    try:
        called = normal_form.phone(typed)
    except normal_form.NotAnAddress:
        error = _("Please check the number: area code first, ten digits.")
        return _show(request, "number", department=chosen, typed=typed[:24], error=error)
    limits.count(CODES_OF_ADDRESS, current_origin().ip)
    limits.count(CODES_TO_NUMBER, called)
    limits.count(CODES_TO_NUMBER_A_DAY, called)
    begun = wishes.begin(called, chosen, language=_language(request))
    return _show(request, "code", token=begun.token)


@require_POST
@page
def code(request: HttpRequest) -> HttpResponse:
    """POST: the code is compared; with the right one the time is asked."""
    limits.count(GUESSES_OF_ADDRESS, current_origin().ip)
    token = request.POST.get("token", "")
    if wishes.prove(token, request.POST.get("code", "")) is Proof.WRONG:
        error = _("That is not the code. Please look at our text once more.")
        return _show(request, "code", token=token, error=error)
    return _ask_time(request, token, wishes.proved(token))


@require_POST
@page
def time(request: HttpRequest) -> HttpResponse:
    """POST: the call is promised."""
    token = request.POST.get("token", "")
    wish = wishes.proved(token)
    reason = request.POST.get("reason", "")
    try:
        chosen = _moment(request.POST.get("start", ""))
        callback = wishes.promise(token, start=chosen, reason=reason)
    except (ConversationError, ValueError) as error:
        sentence = str(error) if isinstance(error, ConversationError) else ""
        sentence = sentence or _("Please choose a time from the list.")
        return _ask_time(request, token, wish, error=sentence, reason=reason)
    return _show(request, "done", when=_when(callback, wish))


def _ask_time(request: HttpRequest, token: str, wish: CallWish, **more: Any) -> HttpResponse:
    department, point = wish.department, wish.contact_point
    patient = wish.leg.conversation.patient if wish.leg else None
    now = timezone.now()
    zone = slots.zone_of(department, point, patient)
    language = _language(request)
    free = slots.slots_for(department, point, patient, now)[:MOST_TIMES]
    times = [
        (one.start.isoformat(), moment_in_words(one.start.astimezone(zone), now, language))
        for one in free
    ]
    zone_name = zone.key.rpartition("/")[2].replace("_", " ")
    return _show(request, "time", token=token, times=times, zone=zone_name, **more)


def _when(callback: Callback, wish: CallWish) -> str:
    if callback.slot_from is None:
        return ""
    zone = slots.zone_of(wish.department, callback.contact_point, callback.conversation.patient)
    moment = callback.slot_from.astimezone(zone)
    return moment_in_words(moment, timezone.now(), translation.get_language())


def _moment(typed: str) -> datetime | None:
    """Return the moment that a page offered, None for "in my turn". Raises ValueError."""
    if not typed:
        return None
    moment = datetime.fromisoformat(typed)
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone")
    return moment


def _department(slug: str, offered: list[Department]) -> Department | None:
    """Return the one that was chosen; where there is one alone it needs no choice."""
    if len(offered) == 1:
        return offered[0]
    return next((one for one in offered if one.slug == slug), None)


def _language(request: HttpRequest) -> str:
    """Return the language that was chosen on the page, else the browser's, if we speak it."""
    fields = request.POST if request.method == "POST" else request.GET
    chosen = fields.get("language") or translation.get_language_from_request(request)[:2]
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


def _show(request: HttpRequest, step: str, *, status: int = 200, **context: Any) -> HttpResponse:
    language = _language(request)
    context |= {
        "name": settings.ORGANISATION_NAME,
        "language": language,
        "other": next(one for one in LANGUAGES if one != language),
    }
    return render(request, f"selfservice/callback/{step}.html", context, status=status)
