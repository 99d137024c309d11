"""The pages that carry the chat app, and the loader that puts it on other sites."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from channels_app.chat import timeline
from channels_app.chat.models import ChatSite
from channels_app.chat.origins import framing_origins
from channels_app.chat.sessions import LANGUAGES
from patients import normal_form
from patients.models import ContactPoint

LOADER_SECONDS = 300


@require_safe
def widget(request: HttpRequest) -> HttpResponse:
    """GET /chat/widget.js: the loader, for the script tag of any site."""
    return HttpResponse(
        _loader(),
        content_type="text/javascript; charset=utf-8",
        headers={
            "Cache-Control": f"public, max-age={LOADER_SECONDS}",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


@cache
def _loader() -> bytes:
    return (settings.BASE_DIR / "static" / "chat" / "widget.js").read_bytes()


@require_safe
@xframe_options_exempt
def frame(request: HttpRequest, site: str) -> HttpResponse:
    """GET /chat/frame/<site>: the app in a frame, which only the site's own pages may show."""
    chat_site = _site(site)
    return _app(request, "frame", chat_site, parents=framing_origins(chat_site))


@require_safe
def page(request: HttpRequest, site: str) -> HttpResponse:
    """GET /chat/page/<site>: the same app as a page of its own."""
    return _app(request, "page", _site(site))


@require_safe
def link(request: HttpRequest) -> HttpResponse:
    """GET /c/: where links from texts lead. It knows no token and uses up nothing."""
    return _app(request, "link", None)


def _site(key: str) -> ChatSite:
    site = ChatSite.objects.select_related("hub_address__department").filter(key=key).first()
    if site is None:
        raise Http404
    return site


def _app(
    request: HttpRequest,
    mode: str,
    site: ChatSite | None,
    *,
    parents: tuple[str, ...] = (),
) -> HttpResponse:
    config = {
        "mode": mode,
        "site": site.key if site else "",
        "name": settings.ORGANISATION_NAME,
        "origins": parents,
        "text": _text(site),
        "presence": _presence(site),
        "maxBytes": settings.ATTACHMENT_MAX_BYTES,
    }
    response = render(
        request, "chat/app.html", {"config": config, "mode": mode, "name": config["name"]}
    )
    response.headers["Content-Security-Policy"] = _policy(request, parents)
    response.headers["Cache-Control"] = "no-store"
    # Nobody who follows a link from here learns which page it was.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _text(site: ChatSite | None) -> dict[str, str] | None:
    if site is None or not site.text_number:
        return None
    point = ContactPoint(system=ContactPoint.System.PHONE, value=site.text_number)
    return {"href": site.text_number, "shown": normal_form.display(point)}


def _presence(site: ChatSite | None) -> dict[str, Any]:
    if site is None:
        return {}
    department = site.hub_address.department
    return {language: timeline.presence(department, language) for language in LANGUAGES}


def _policy(request: HttpRequest, parents: tuple[str, ...]) -> str:
    """Scripts and styles of the chat's own folder only: no upload served from here can run."""
    own = request.build_absolute_uri(static("chat/"))
    socket = request.build_absolute_uri("/chat/socket").replace("http", "ws", 1)
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {own}",
            f"style-src {own}",
            f"connect-src 'self' {socket}",
            "img-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors " + (" ".join(parents) or "'none'"),
        )
    )
