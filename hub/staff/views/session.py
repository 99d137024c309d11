"""The idle lock, as the page sees it: where the log-in stands, activity, lock, unlock."""

from datetime import datetime

from allauth.account.adapter import get_adapter
from allauth.mfa.webauthn.internal import auth as webauthn
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hub.audit.record import AuditAction, record
from hub.staff import lock, presence
from hub.staff.access import StaffRequest
from hub.staff.forms import UnlockForm
from hub.staff.mfa_forms import ConfirmByPasskeyForm
from hub.staff.middleware import is_script


@require_GET
@never_cache
def session_state(request: HttpRequest) -> JsonResponse:
    """Say where the log-in stands. It is no activity, however often a page asks."""
    return _state(request)


@require_POST
@login_required
@never_cache
def activity(request: StaffRequest) -> HttpResponse:
    """Note that the person did something. The middleware answers 423 when it comes too late."""
    lock.report_activity(request.session)
    return _state(request)


@require_POST
@login_required
@never_cache
def lock_now(request: StaffRequest) -> HttpResponse:
    """Lock the screen at the person's wish."""
    lock.lock(request.session)
    presence.note_lock(request.user.pk, _key(request), locked=True)
    return _state(request) if is_script(request) else HttpResponseRedirect(reverse("staff:unlock"))


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
@sensitive_post_parameters("password")
def unlock(request: StaffRequest) -> HttpResponse:
    """Open the screen by the password: asked by the page's lock, or by the page of its own."""
    form = UnlockForm(request.POST or None)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            if get_adapter(request).reauthenticate(request.user, form.cleaned_data["password"]):
                _open_screen(request, "password")
                return _state(request) if is_script(request) else _onward(request)
            form.add_error("password", _("That is not your password."))
        except ValidationError as error:
            form.add_error("password", error)
        status = 403
    if is_script(request):
        return JsonResponse({"state": "locked", "error": _first_error(form)}, status=403)
    context = {"form": form, "next": _next(request)}
    return render(request, "staff/unlock.html", context, status=status)


@require_http_methods(["GET", "POST"])
@login_required
@never_cache
def unlock_by_passkey(request: StaffRequest) -> HttpResponse:
    """Open the screen by a passkey: GET gives the challenge, POST takes the answer."""
    if request.method == "GET":
        return JsonResponse({"request_options": webauthn.begin_authentication(request.user)})
    form = ConfirmByPasskeyForm(request.POST, user=request.user)
    if form.is_valid():
        form.save()
        _open_screen(request, "webauthn")
        return _state(request) if is_script(request) else _onward(request)
    return JsonResponse({"state": "locked", "error": _first_error(form)}, status=403)


def _open_screen(request: StaffRequest, by: str) -> None:
    lock.unlock(request.session)
    presence.note_lock(request.user.pk, _key(request), locked=False)
    record(AuditAction.SIGN_IN, actor=request.user, detail={"by": [by], "unlock": True})


def _state(request: HttpRequest) -> JsonResponse:
    limits = lock.limits_of(dict(request.session.items()))
    user = request.user
    if limits.state is lock.SessionState.GONE or not user.is_authenticated:
        return JsonResponse({"state": "gone"})
    left = _seconds_until(limits.locks_at)
    return JsonResponse(
        {
            "state": str(limits.state),
            "user": str(user.uuid),
            "locks_in": left,
            "idle": int(settings.IDLE_LOCK.total_seconds()) - left,
            "ends_in": _seconds_until(limits.ends_at),
            # A new log-in in another tab makes the forms of this one stale; this mends them.
            "csrf": get_token(request),
        }
    )


def _seconds_until(moment: datetime | None) -> int:
    return max(0, int((moment - timezone.now()).total_seconds())) if moment else 0


def _key(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _first_error(form: Form) -> str:
    return next((str(error) for errors in form.errors.values() for error in errors), "")


def _next(request: HttpRequest) -> str:
    """Return where the person was going, if that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return settings.LOGIN_REDIRECT_URL


def _onward(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(_next(request))
