"""The way in for an invited person."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from hub.staff import actions
from hub.staff.forms import WelcomeForm

TOKEN = "hub.invitation"  # noqa: S105  (the session key under which the token waits)


@require_GET
@never_cache
def welcome_link(request: HttpRequest, token: str) -> HttpResponse:
    """Take the token out of the address, where logs and the next page would see it.

    It uses nothing up: programs that look into mails follow links too. Every token, good or bad, is
    answered alike.
    """
    request.session[TOKEN] = token
    return redirect("staff:welcome")


@require_http_methods(["GET", "POST"])
@never_cache
@sensitive_post_parameters("password", "again")
def welcome(request: HttpRequest) -> HttpResponse:
    """Let the holder of an open invitation choose a name and a password."""
    token = request.session.get(TOKEN, "")
    if request.user.is_authenticated:
        return render(request, "staff/welcome_other.html", status=409)
    try:
        invitation = actions.find_invitation(token)
        form = WelcomeForm(request.POST or None, initial={"name": invitation.name})
        if request.method == "POST" and form.is_valid():
            try:
                actions.accept_invitation(
                    token, name=form.cleaned_data["name"], password=form.cleaned_data["password"]
                )
            except ValidationError as error:
                form.add_error("password", error)
            else:
                request.session.flush()
                messages.success(request, _("Your account is ready. Log in."))
                return redirect("account_login")
    except (actions.InvitationClosed, actions.EmailTaken):
        request.session.pop(TOKEN, None)
        return render(request, "staff/welcome_closed.html", status=404)
    context = {"form": form, "invitation": invitation}
    return render(request, "staff/welcome.html", context)
