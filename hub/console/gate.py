"""Who comes in, and how a view says no. Every view of the console goes through here."""

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn, TypeAlias
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from hub.audit.record import AuditAction, record
from hub.console.wording import PATIENT_ERRORS
from hub.conversations import access
from hub.conversations.errors import ConversationError, NotAllowed
from hub.conversations.models import Conversation
from hub.staff.models import User
from patients.errors import PatientError

View: TypeAlias = Callable[..., HttpResponseBase]


def for_staff(view: View) -> View:
    """Let agents and supervisors in; administrators are told that they see no content.

    A refusal by the rules (ConversationError) becomes its sentence with 409, or 403 where it is
    about permission; the screen puts it beside the control and keeps what was typed.
    """

    @wraps(view)
    @login_required
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        assert isinstance(request.user, User)
        if request.user.is_administrator:
            return _no_content(request)
        try:
            response = view(request, *args, **kwargs)
        except NotAllowed as error:
            record(AuditAction.DENIED, actor=request.user, detail={"view": view.__name__})
            return refused(error, status=403)
        except ConversationError as error:
            return refused(error)
        except PatientError as error:
            return refused(error, sentence=words_of(error))
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return guarded


def is_fragment(request: HttpRequest) -> bool:
    """Whether a script of ours asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def visible(request: HttpRequest, uuid: UUID) -> Conversation:
    """Return the conversation if the person may read it, with `level` (own or read); else 404.

    The rule is asked of this one conversation: the ORM takes three times as long to write it down
    as a filter over all of them, which was a seventh of what a page cost.
    """
    user_id = user_of(request).pk
    found = _find(Conversation.objects.all(), uuid)
    level = access.viewers(found, [user_id]).level(user_id) if found else ""
    if found is None or level not in ("own", "read"):
        _refuse(request, uuid)
    found.level = level  # type: ignore[attr-defined]  # as known_to annotates it
    return found


def own(request: HttpRequest, uuid: UUID) -> Conversation:
    """Return the conversation if the person may answer in it; else 404."""
    found = _find(access.own(user_of(request)), uuid)
    if found is None:
        _refuse(request, uuid)
    return found


def refused(error: Exception, *, status: int = 409, sentence: str = "") -> JsonResponse:
    """Answer with the sentence of `error` and its name, which a script may ask about."""
    return JsonResponse(
        {"error": sentence or str(error), "code": type(error).__name__},
        status=status,
        headers={"Cache-Control": "no-store"},
    )


def words_of(error: PatientError) -> str:
    """Say an error of the patients' room, whose own text is for the log, to the person."""
    return str(PATIENT_ERRORS.get(type(error), PATIENT_ERRORS[PatientError]))


def user_of(request: HttpRequest) -> User:
    """Return the person who asks; the views are only reached by somebody logged in."""
    assert isinstance(request.user, User)
    return request.user


def _find(among: QuerySet[Conversation], uuid: UUID) -> Conversation | None:
    return (
        among.select_related("patient", "department", "holder", "contact_point")
        .filter(uuid=uuid)
        .first()
    )


def _refuse(request: HttpRequest, uuid: UUID) -> NoReturn:
    """Say that it is not there, and write down who asked for it."""
    record(AuditAction.DENIED, actor=user_of(request), detail={"conversation": str(uuid)})
    raise Http404


def _no_content(request: HttpRequest) -> HttpResponse:
    """Tell an administrator that there is nothing here for them.

    The console's front page is where everybody lands; whoever asks for more is written down.
    """
    match = request.resolver_match
    if match is not None and (match.view_name != "console:inbox" or request.method != "GET"):
        named = {key: str(value) for key, value in match.kwargs.items()}
        record(
            AuditAction.DENIED, actor=user_of(request), detail={"view": match.view_name, **named}
        )
    if is_fragment(request) or request.method != "GET":
        return refused(NotAllowed(), status=403)
    return render(request, "console/no_content.html", status=403)
