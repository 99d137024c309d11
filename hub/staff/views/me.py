"""A person's own account."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hub.staff.access import StaffRequest
from hub.staff.forms import MeForm
from hub.staff.people import get_person

THEME_COOKIE = "theme"
COOKIE_SECONDS = 365 * 24 * 3600


@require_http_methods(["GET", "POST"])
@login_required
def me(request: StaffRequest) -> HttpResponse:
    """Show and change what a person sets for themself."""
    user = request.user
    theme = request.COOKIES.get(THEME_COOKIE, "")
    form = MeForm(
        request.POST or None, initial={"name": user.name, "language": user.language, "theme": theme}
    )
    if request.method == "POST" and form.is_valid():
        user.name, user.language = form.cleaned_data["name"], form.cleaned_data["language"]
        user.save(update_fields=["name", "language"])
        messages.success(request, _("Saved."))
        response = redirect("staff:me")
        _remember(response, settings.LANGUAGE_COOKIE_NAME, user.language)
        _remember(response, THEME_COOKIE, form.cleaned_data["theme"])
        return response
    return render(request, "staff/me.html", {"form": form, "person": get_person(user)})


def _remember(response: HttpResponse, name: str, value: str) -> None:
    """Keep a taste in a cookie, so that the log-in page knows it too."""
    response.set_cookie(
        name, value, max_age=COOKIE_SECONDS, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
    )
