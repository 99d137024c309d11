"""Holds every staff page to the limits of a log-in (lock.py) and to its second factor."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from hub.staff.lock import SessionState, limits_of, needs_second_factor

# Not for staff: patients' pages, providers, probes. A colleague who tries the chat in the browser
# in which they are logged in must not be locked out of it.
PUBLIC_PREFIXES = ("/chat/", "/c/", "/twilio/", "/healthz", "/readyz", "/static/")

# What a locked screen may still do.
WHILE_LOCKED = ("staff:session", "staff:unlock", "staff:unlock_by_passkey", "account_logout")

# What a person without a second factor may do: set one up, or leave.
ENTRANCE = "account_login"
SECOND_FACTOR = "mfa_index"
WITHOUT_SECOND_FACTOR = (*WHILE_LOCKED, "staff:activity", "staff:lock", "account_reauthenticate")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


class SessionLimitsMiddleware:
    """Answers for the views when a log-in is locked, has ended, or lacks its second factor.

    A page is redirected to where the person can do something about it; a request of a script gets
    423 (locked), 401 (log in again) or 403 (second factor), so that no page of ours ends up inside
    a fragment. It reads the session's data and asks the database nothing more.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer `request`, or let the view do it."""
        if self.is_async:
            return self._answer_async(request)
        if _is_public(request):
            return self.get_response(request)
        data = dict(request.session.items())
        refusal = _refusal(request, data)
        if refusal is None:
            return self.get_response(request)
        if _has_ended(data):
            request.session.flush()
        return refusal

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_public(request):
            data = dict(await request.session.aitems())
            refusal = _refusal(request, data)
            if refusal is not None:
                if _has_ended(data):
                    await request.session.aflush()
                return refusal
        return await self.get_response(request)  # type: ignore[misc]


def _is_public(request: HttpRequest) -> bool:
    return request.path_info.startswith(PUBLIC_PREFIXES)


def _has_ended(data: dict[str, Any]) -> bool:
    return SESSION_KEY in data and limits_of(data).state is SessionState.GONE


def _refusal(request: HttpRequest, data: dict[str, Any]) -> HttpResponse | None:
    """Return what to answer instead of the view, or None where the view may answer."""
    if SESSION_KEY not in data:
        # The view sends a page to the log-in; a script must not be given that page.
        if is_script(request) and not _is_one_of(request, (ENTRANCE, "staff:session")):
            return None if _is_entrance(request) else _tell(401, "login")
        return None
    state = limits_of(data).state
    if state is SessionState.GONE:
        return _tell(401, "login") if is_script(request) else _lead(request, ENTRANCE)
    if state is SessionState.LOCKED and not _is_one_of(request, WHILE_LOCKED):
        return _tell(423, "locked") if is_script(request) else _lead(request, "staff:unlock")
    if needs_second_factor(data) and not _may_go_without_second_factor(request):
        return _tell(403, "second_factor") if is_script(request) else _lead(request, SECOND_FACTOR)
    return None


def is_script(request: HttpRequest) -> bool:
    """Whether a script asks, not the person's own going from page to page."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode:
        return mode != "navigate"
    return bool(
        request.headers.get("HX-Request")
        or request.headers.get("X-Requested-With")
        or request.headers.get("Accept", "").startswith("application/json")
    )


def _is_one_of(request: HttpRequest, names: tuple[str, ...]) -> bool:
    return any(request.path_info == reverse(name) for name in names)


def _is_entrance(request: HttpRequest) -> bool:
    """Whether the path belongs to logging in; its passkey part is asked for by a script."""
    return request.path_info.startswith(_folder_of(ENTRANCE))


def _may_go_without_second_factor(request: HttpRequest) -> bool:
    return request.path_info.startswith(reverse(SECOND_FACTOR)) or _is_one_of(
        request, WITHOUT_SECOND_FACTOR
    )


def _folder_of(name: str) -> str:
    return reverse(name).rstrip("/").rpartition("/")[0] + "/"


def _tell(status: int, state: str) -> JsonResponse:
    return JsonResponse({"state": state}, status=status, headers={"Cache-Control": "no-store"})


def _lead(request: HttpRequest, name: str) -> HttpResponseRedirect:
    """Redirect to the page `name`, and from there back to where the person was going."""
    here = request.get_full_path() if request.method in ("GET", "HEAD") else "/"
    return HttpResponseRedirect(f"{reverse(name)}?{urlencode({'next': here})}")
