"""The secure page: a birth date opens it, then it shows one conversation and takes an answer.

The pages ask for no CSRF token: a body with files must not be read before its size is known. They
hear their own origin alone (channels_app.chat.origins), and the session's cookie is SameSite.
"""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from channels_app.chat import limits, origins, reading, refusals
from channels_app.chat.api import LARGEST_UPLOAD, MOST_FILES
from channels_app.chat.limits import Limit
from channels_app.chat.sessions import LANGUAGES
from channels_app.downloads import download
from channels_app.secure import answers, links
from channels_app.secure import thread as threads
from channels_app.secure.links import Outcome, SessionOver
from channels_app.secure.models import SecureLink
from hub.audit.origin import current_origin
from hub.audit.record import AuditAction, record

COOKIE = "secure_page"
PATH = "/s/"
#: A household shares an address, and a clinic's own wireless network does.
OPENINGS = Limit("secure_open", 30, 600)
_OLDEST = 1890

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """Make a view a page: its language, nothing kept by a cache, refusals are said."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        too_large = int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_UPLOAD
        language = _browsers_language(request) if too_large else _language(request)
        with translation.override(language):
            try:
                if request.method == "POST":
                    # A GET may come from anywhere: whoever follows a link in webmail comes so.
                    origins.require_own(request)
                if too_large:
                    raise refusals.FilesTooLarge
                response = view(request, *args, **kwargs)
            except SessionOver:
                if request.COOKIES.get(COOKIE):
                    response = _strangers(request)
                else:
                    response = _show(request, "over", status=403)
            except refusals.ChatRefused as refusal:
                response = _refuse(request, refusal)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return answered


@require_safe
@page
def start(request: HttpRequest) -> HttpResponse:
    """GET /s/: where notices lead. It knows no token and uses up nothing."""
    return _show(request, "open")


@require_POST
@page
def open_by_link(request: HttpRequest) -> HttpResponse:
    """POST /s/open: the token that stood behind the "#", and a birth date."""
    limits.count(OPENINGS, current_origin().ip)
    token = request.POST.get("token", "")
    born = _birth_date(request)
    if born is None:
        error = _("Please give the month, the day and the year of birth.")
        return _show(request, "open", status=400, token=token, error=error)
    opening = links.open_page(token, born)
    if opening.outcome is Outcome.UNKNOWN_PATIENT:
        return _show(request, "call_us", status=409)
    if opening.outcome is Outcome.REFUSED:
        # The same words whatever was wrong: they tell nobody whether a date or a link was right.
        error = _(
            "This did not open. Please check the date of birth. A link works for 7 days, and no "
            "longer once it was tried too often: then please call us."
        )
        return _show(request, "open", status=403, token=token, error=error)
    response = HttpResponseRedirect(reverse("secure:thread"))
    response.set_cookie(
        COOKIE,
        opening.session,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


@require_safe
@page
def thread(request: HttpRequest) -> HttpResponse:
    """GET /s/thread: the messages of the conversation that the link led to."""
    link = _link(request)
    with _in_language_of(request, link):
        return _show_thread(request, link)


@require_POST
@page
def answer(request: HttpRequest) -> HttpResponse:
    """POST /s/answer: what the patient writes back, with or without files."""
    link = _link(request)
    text = reading.text_of(request.POST.dict(), "text")
    with _in_language_of(request, link):
        try:
            _write(request, link, text)
        except refusals.ChatRefused as refusal:
            return _show_thread(
                request, link, status=refusal.status, error=refusal.sentence(), typed=text
            )
    where = reverse("secure:thread")
    chosen = request.POST.get("language", "")
    return HttpResponseRedirect(f"{where}?language={chosen}" if chosen in LANGUAGES else where)


@require_POST
@page
def leave(request: HttpRequest) -> HttpResponse:
    """POST /s/leave: the patient is done; the next one at this device sees nothing."""
    links.close(_link(request))
    response = _show(request, "left")
    response.delete_cookie(COOKIE, path=PATH, samesite="Strict")
    return response


@require_safe
@page
def file(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """GET /s/files/<uuid>: a file of the conversation, as a download from a sandbox."""
    link = _link(request)
    attachment = threads.visible_file(link, uuid)
    if attachment is None:
        raise Http404
    record(
        AuditAction.DOWNLOAD_ATTACHMENT,
        actor=None,
        conversation=link.conversation,
        patient=link.session_patient,
        objects=[attachment],
        detail={"link": link.uuid},
    )
    return download(attachment)


def _write(request: HttpRequest, link: SecureLink, text: str) -> None:
    limits.count(limits.MESSAGES, "secure", link.pk)
    limits.count(limits.MESSAGES_OF_ADDRESS, current_origin().ip)
    sent = request.FILES.getlist("files")
    uploads = [one for one in sent if isinstance(one, UploadedFile)]
    if len(uploads) > MOST_FILES:
        raise refusals.TooManyFiles
    for _one in uploads:
        limits.count(limits.FILES, "secure", link.pk)
    intent = reading.intent_of(request.POST.dict())
    language = translation.get_language() or LANGUAGES[0]
    answers.write(link, text, intent=intent, language=language, uploads=uploads)


def _link(request: HttpRequest) -> SecureLink:
    return links.find(request.COOKIES.get(COOKIE, ""))


def _strangers(request: HttpRequest) -> HttpResponse:
    """Answer a cookie that opens nothing, and count it: guessing is limited."""
    try:
        limits.count(limits.STRANGERS, current_origin().ip)
    except refusals.TooOften as refusal:
        return _refuse(request, refusal)
    return _show(request, "over", status=403)


def _birth_date(request: HttpRequest) -> date | None:
    try:
        year, month, day = (int(request.POST.get(name, "")) for name in ("year", "month", "day"))
        born = date(year, month, day)
    except ValueError:
        return None
    return born if year >= _OLDEST and born <= timezone.localdate() else None


def _show_thread(
    request: HttpRequest, link: SecureLink, *, status: int = 200, error: str = "", typed: str = ""
) -> HttpResponse:
    record(
        AuditAction.VIEW_CONVERSATION,
        actor=None,
        conversation=link.conversation,
        patient=link.session_patient,
        objects=[link],
    )
    return _show(
        request,
        "thread",
        status=status,
        lines=threads.lines(link),
        zone=link.conversation.department.time_zone,
        most=answers.LONGEST,
        intent=uuid4(),
        error=error,
        typed=typed,
    )


def _refuse(request: HttpRequest, refusal: refusals.ChatRefused) -> HttpResponse:
    return _show(request, "stopped", status=refusal.status, error=refusal.sentence())


def _language(request: HttpRequest) -> str:
    """Return the language that was chosen on the page, else the browser's, if we speak it."""
    return _chosen(request) or _browsers_language(request)


def _chosen(request: HttpRequest) -> str:
    fields = request.POST if request.method == "POST" else request.GET
    chosen = fields.get("language", "")
    return chosen if chosen in LANGUAGES else ""


def _browsers_language(request: HttpRequest) -> str:
    spoken = translation.get_language_from_request(request)[:2]
    return spoken if spoken in LANGUAGES else LANGUAGES[0]


def _in_language_of(request: HttpRequest, link: SecureLink) -> translation.override:
    """Speak the patient's language, now that they are known, unless they chose another."""
    theirs = link.session_patient.language if link.session_patient else ""
    chosen = _chosen(request) or (theirs if theirs in LANGUAGES else "")
    return translation.override(chosen or translation.get_language())


def _show(request: HttpRequest, step: str, *, status: int = 200, **context: Any) -> HttpResponse:
    language = translation.get_language() or LANGUAGES[0]
    context |= {
        "name": settings.ORGANISATION_NAME,
        "language": language,
        "other": next(one for one in LANGUAGES if one != language),
    }
    return render(request, f"secure/{step}.html", context, status=status)
