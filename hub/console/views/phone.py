"""The softphone: what one's phone shows, the token by which the browser is one, and each deed."""

from typing import Any
from uuid import UUID, uuid4

from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_app.voice import desk, ending, handover, tokens
from channels_app.voice.models import Call, Party
from hub.audit.record import AuditAction, record
from hub.console.forms import AddToCallForm, WrapUpForm
from hub.console.gate import for_staff, own, user_of
from hub.console.hands import departments
from hub.console.on_call import my_call
from hub.console.templatetags.console import conversation_path
from hub.console.views.status import invalid
from hub.conversations import access
from hub.conversations.actions import send as sending
from hub.conversations.errors import NotAllowed
from hub.conversations.models import Conversation
from hub.staff.models import Department, User
from patients.normal_form import display

TOKENS = 30
"""Tokens that one session gets in `TOKENS_SECONDS`: a tab takes one, and another each half hour."""
TOKENS_SECONDS = 300


@require_GET
@for_staff
def phone(request: HttpRequest) -> HttpResponse:
    """What the person's phone shows now, as a fragment."""
    user = user_of(request)
    state = desk.state_of(user)
    context: dict[str, Any] = {"state": state, "now": timezone.now()}
    if state is not None:
        record(
            AuditAction.VIEW_CONVERSATION,
            actor=user,
            conversation=state.conversation_id,
            detail={"by": "phone"},
        )
        context |= _shown(state, user)
    return render(request, "console/partials/phone.html", context)


def _shown(state: desk.PhoneState, user: User) -> dict[str, Any]:
    """Return what the bar says besides the state itself."""
    level = access.viewers(Conversation.objects.get(pk=state.conversation_id), [user.pk]).level(
        user.pk
    )
    mine = next((one for one in state.parties if one.is_me), None)
    context = {
        "path": conversation_path(state.conversation) if level in ("own", "read") else "",
        "others": [one for one in state.parties if not one.is_me and one.kind != "patient"],
        "mode": mine.mode if mine else "",
        "is_watching": state.as_ == "supervisor",
    }
    if state.stage == "ringing":
        call = Call.objects.select_related("contact_point").get(uuid=state.call)
        context["number"] = display(call.contact_point)
    elif state.stage == "wrap_up":
        context |= {
            "reasons": desk.Reason.choices,
            "outcomes": desk.Outcome.choices,
            "may_note": level == "own",
            "intent": uuid4(),
        }
    return context


@require_POST
@for_staff
def token(request: HttpRequest) -> HttpResponse:
    """Give the browser what makes it a phone; nothing where no key for that is set."""
    if _too_often(request):
        words = _("Too many requests. Wait a few minutes.")
        return JsonResponse({"error": words, "code": "TooOften"}, status=429)
    try:
        made = tokens.phone_token(user_of(request))
    except tokens.NoPhone:
        return HttpResponse(status=204)
    return JsonResponse(
        {
            "token": made.token,
            "expires_at": made.expires_at.isoformat(),
            "transport": made.transport,
            "address": made.address,
        }
    )


def _too_often(request: HttpRequest) -> bool:
    session = salted_hmac("phone-token", request.session.session_key or "").hexdigest()[:24]
    key = f"phone-token:{session}"
    cache.add(key, 0, TOKENS_SECONDS)
    try:
        return cache.incr(key) > TOKENS
    except ValueError:  # it expired between the two
        return False


@require_POST
@for_staff
def ready(request: HttpRequest) -> HttpResponse:
    """The browser is registered: a call that lost it, by a reload, rings it once more."""
    return JsonResponse({"rings": desk.ready(user_of(request))})


@require_POST
@for_staff
def hang_up(request: HttpRequest, call: UUID) -> HttpResponse:
    """End the call for everybody, or leave it to those who stay."""
    desk.hang_up(my_call(request, call), by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def hold(request: HttpRequest, call: UUID) -> HttpResponse:
    """Have the patient hear music, or take them back."""
    desk.hold(my_call(request, call), request.POST.get("on") == "on", by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def recording(request: HttpRequest, call: UUID) -> HttpResponse:
    """Pause the recording, go on with it, or end it because the patient refuses."""
    mine, user = my_call(request, call), user_of(request)
    match request.POST.get("wish"):
        case "pause":
            desk.pause_recording(mine, True, by=user)
        case "resume":
            desk.pause_recording(mine, False, by=user)
        case "refuse":
            desk.refuse_recording(mine, by=user)
        case _:
            return HttpResponse(status=400)
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
@for_staff
def hand_over(request: HttpRequest, call: UUID) -> HttpResponse:
    """Offer colleagues and departments; then introduce the call, or give it away at once."""
    mine, user = my_call(request, call), user_of(request)
    if request.method == "GET":
        context = {
            "call": mine,
            "people": handover.people(user),
            "departments": departments(without=_department_of(mine)),
        }
        return render(request, "console/dialogs/hand_over.html", context)
    kind, _colon, key = request.POST.get("to", "").partition(":")
    if kind == "department":
        handover.to_department(mine, _one(Department, key), by=user)
    elif request.POST.get("how") == "cold":
        handover.to_person(mine, _one(User, key), by=user)
    else:
        handover.consult(mine, _one(User, key), by=user)
    return HttpResponse(status=204)


@require_POST
@for_staff
def complete(request: HttpRequest, call: UUID) -> HttpResponse:
    """The introduction is done: the colleague has the call."""
    handover.complete(my_call(request, call), by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def give_up(request: HttpRequest, call: UUID) -> HttpResponse:
    """The introduction came to nothing: back to the patient."""
    handover.give_up(my_call(request, call), by=user_of(request))
    return HttpResponse(status=204)


@require_http_methods(["GET", "POST"])
@for_staff
def add(request: HttpRequest, call: UUID) -> HttpResponse:
    """Ring an interpreter, or somebody of the family, into the call."""
    mine = my_call(request, call)
    form = AddToCallForm(request.POST or None)
    if request.method == "GET":
        context = {"call": mine, "form": form}
        return render(request, "console/dialogs/add_to_call.html", context)
    if not form.is_valid():
        return invalid(form)
    said = form.cleaned_data
    handover.add_guest(mine, said["number"], said["role"], by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def remove(request: HttpRequest, call: UUID) -> HttpResponse:
    """Take somebody off the call."""
    mine = my_call(request, call)
    try:
        party = Party.objects.get(call__uuid=mine, uuid=UUID(request.POST.get("party", "")))
    except (ValueError, Party.DoesNotExist) as error:
        raise Http404 from error
    handover.remove(party.uuid, by=user_of(request))
    return HttpResponse(status=204)


@require_POST
@for_staff
def wrap_up(request: HttpRequest) -> HttpResponse:
    """Keep what the call was about and how it ended, and the note; the person is free again."""
    form = WrapUpForm(request.POST)
    if not form.is_valid():
        return invalid(form)
    said, user = form.cleaned_data, user_of(request)
    if said["body"].strip():
        found = own(request, said["conversation"])
        sending.note(found, said["body"], intent=said["intent"], by=user)
    ending.finish_wrap_up(user, reason=said["reason"], outcome=said["outcome"])
    return HttpResponse(status=204)


def _department_of(call: UUID) -> int:
    return Call.objects.values_list("conversation__department_id", flat=True).get(uuid=call)


def _one(model: Any, key: str) -> Any:
    """Return the row that a choice names; anything else is refused as not allowed."""
    try:
        return model.objects.get(uuid=UUID(key))
    except (ValueError, model.DoesNotExist) as error:
        raise NotAllowed from error
