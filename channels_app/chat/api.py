"""The chat's API: JSON, a bearer token, no cookie, and therefore no CSRF token either."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from channels_app.chat import (
    calling,
    limits,
    links,
    origins,
    reading,
    receipts,
    refusals,
    sessions,
    timeline,
)
from channels_app.chat.models import ChatSession, ChatSite
from channels_app.downloads import download
from channels_app.files import FileRefused, accept_upload
from hub.audit.origin import current_origin
from hub.conversations.inbound import ReceivedFile
from hub.conversations.models import Delivery
from hub.encryption.files import storage

#: A body with files. Beyond this Django would spool it to a disk, unencrypted.
LARGEST_UPLOAD = 12 * 1024 * 1024
MOST_FILES = 10

View = Callable[..., HttpResponse]


def endpoint(*methods: str) -> Callable[[View], View]:
    """Make a view of the API: its own origin only, refusals as JSON, nothing stored by a cache."""

    def make(view: View) -> View:
        @csrf_exempt
        @require_http_methods(methods)
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            language = request.headers.get("Chat-Language", "")
            with translation.override(language if language in sessions.LANGUAGES else "en"):
                try:
                    origins.require_own(request)
                    response = view(request, *args, **kwargs)
                except refusals.ChatRefused as refusal:
                    response = _refuse(refusal)
            response.headers["Cache-Control"] = "no-store"
            return response

        return answer

    return make


def _refuse(refusal: refusals.ChatRefused) -> HttpResponse:
    response = JsonResponse(
        {"error": refusal.code, "message": refusal.sentence()}, status=refusal.status
    )
    if isinstance(refusal, refusals.TooOften):
        response.headers["Retry-After"] = str(refusal.seconds)
    return response


@endpoint("POST")
def start(request: HttpRequest) -> HttpResponse:
    """POST /chat/sessions: begin a chat at a site."""
    data = _json(request)
    site = ChatSite.objects.filter(key=reading.text_of(data, "site")).first()
    if site is None:
        raise refusals.NoSuchSite
    limits.count(limits.SESSIONS, current_origin().ip, site.pk)
    started = sessions.start(site, language=reading.language_of(data), said=reading.said_of(data))
    return JsonResponse({"token": started.token, "site": site.key}, status=201)


@endpoint("GET", "POST")
def messages(request: HttpRequest) -> HttpResponse:
    """GET /chat/messages?after=N: catch up. POST: write, where no socket is, or with files."""
    session = _session(request)
    if request.method == "POST":
        return _write(request, session)
    after = reading.place_of(request.GET.dict(), "after")
    if after:
        receipts.note(session, after, Delivery.State.DELIVERED)
    return JsonResponse(
        timeline.page(session, after, translation.get_language() or "en").to_message()
    )


def _write(request: HttpRequest, session: ChatSession) -> HttpResponse:
    limits.count(limits.MESSAGES, session.pk)
    limits.count(limits.MESSAGES_OF_ADDRESS, current_origin().ip)
    data, uploads = _body(request)
    intent = reading.intent_of(data)
    text = reading.text_of(data, "text")
    if sessions.repeated(session, intent) is None:
        _write_with_files(session, text, intent, uploads)
    return JsonResponse({"intent": str(intent)}, status=201)


def _write_with_files(
    session: ChatSession, text: str, intent: UUID, uploads: list[UploadedFile]
) -> None:
    files: list[ReceivedFile] = []
    try:
        for upload in uploads:
            limits.count(limits.FILES, session.pk)
            files.append(accept_upload(upload))
        entry = sessions.write(session, text, intent=intent, files=files)
        kept = set(entry.attachments.values_list("storage_name", flat=True)) if files else set()
    except FileRefused as refused:
        _forget(files)
        raise refusals.BadFile(str(refused)) from refused
    except BaseException:
        _forget(files)
        raise
    # Where the same press of "send" came twice at once, the other one's files stand.
    _forget([file for file in files if file.storage_name not in kept])


def _forget(files: list[ReceivedFile]) -> None:
    for file in files:
        storage.delete(file.storage_name)


@endpoint("POST")
def seen(request: HttpRequest) -> HttpResponse:
    """POST /chat/seen: how far the visitor has read, where no socket is."""
    session = _session(request)
    receipts.note(session, reading.place_of(_json(request), "place"), Delivery.State.READ)
    return HttpResponse(status=204)


@endpoint("POST")
def said(request: HttpRequest) -> HttpResponse:
    """POST /chat/said: name and birth date, if the visitor likes to give them, or the language."""
    session = _session(request)
    limits.count(limits.MESSAGES, session.pk)
    data = _json(request)
    given = reading.said_of(data)
    if given.to_json():
        sessions.tell(session, given)
    sessions.speak(session, reading.language_of(data, session.language))
    return HttpResponse(status=204)


@endpoint("GET", "POST")
def callback(request: HttpRequest) -> HttpResponse:
    """GET /chat/callback: when the visitor could be called. POST: "call me instead"."""
    session = _session(request)
    language = translation.get_language() or "en"
    if request.method == "GET":
        limits.count(limits.MESSAGES, session.pk)
        return JsonResponse(calling.times(session, language))
    data = _json(request)
    start = reading.moment_of(data, "start")
    calling.ask(session, reading.text_of(data, "number"), start, language)
    return JsonResponse({}, status=201)


@endpoint("POST")
def end(request: HttpRequest) -> HttpResponse:
    """POST /chat/end: the visitor is done; the token opens nothing any more."""
    sessions.end(_session(request))
    return HttpResponse(status=204)


@endpoint("GET")
def file(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """GET /chat/files/<uuid>: a file of the visitor's own legs, as a download from a sandbox."""
    attachment = timeline.visible_file(_session(request), uuid)
    if attachment is None:
        raise refusals.NoSuchLine
    return download(attachment)


@endpoint("POST")
def start_by_link(request: HttpRequest) -> HttpResponse:
    """POST /c/start: the chat begins, by the token that stood behind the "#"."""
    limits.count(limits.LINKS, current_origin().ip)
    data = _json(request)
    started = links.start(
        reading.text_of(data, "link"),
        browser=reading.text_of(data, "browser"),
        language=reading.language_of(data, ""),
    )
    return JsonResponse(
        {
            "token": started.token,
            "site": started.session.site.key,
            "language": started.session.language,
        },
        status=201,
    )


@endpoint("POST")
def renew_link(request: HttpRequest) -> HttpResponse:
    """POST /c/renew: a new link is texted to the number that the old one went to."""
    limits.count(limits.LINKS, current_origin().ip)
    links.renew(reading.text_of(_json(request), "link"))
    return HttpResponse(status=204)


def _session(request: HttpRequest) -> ChatSession:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise refusals.SessionOver
    try:
        return sessions.find(token.strip(), request.headers.get("Chat-Site", ""))
    except refusals.SessionOver:
        limits.count(limits.STRANGERS, current_origin().ip)
        raise


def _json(request: HttpRequest) -> dict[str, Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > reading.LARGEST:
        raise refusals.Malformed
    body = request.body
    if len(body) > reading.LARGEST:
        raise refusals.Malformed
    return reading.parse(body)


def _body(request: HttpRequest) -> tuple[dict[str, Any], list[UploadedFile]]:
    """Return the fields and the files of a message, sent as JSON or as a form."""
    if request.content_type == "application/json":
        return _json(request), []
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_UPLOAD:
        raise refusals.FilesTooLarge
    uploads = request.FILES.getlist("files")
    if len(uploads) > MOST_FILES:
        raise refusals.TooManyFiles
    return request.POST.dict(), [one for one in uploads if isinstance(one, UploadedFile)]
