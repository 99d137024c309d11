"""Templates: a new one, a changed one, on and off."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hub.console.meta_channels.forms import TemplateForm
from hub.conversations.actions import templates as actions
from hub.conversations.models import MessageTemplate
from hub.staff.access import StaffRequest, administrators_only


@require_http_methods(["GET", "POST"])
@administrators_only
def add(request: StaffRequest) -> HttpResponse:
    """Add a template, which is off at first."""
    return _form(request, None)


@require_http_methods(["GET", "POST"])
@administrators_only
def change(request: StaffRequest, template: UUID) -> HttpResponse:
    """Change a template; what was sent stays as it was."""
    return _form(request, get_object_or_404(MessageTemplate, uuid=template))


@require_POST
@administrators_only
def switch(request: StaffRequest, template: UUID) -> HttpResponse:
    """Offer a template to those who answer, or no longer."""
    found = get_object_or_404(MessageTemplate, uuid=template)
    on = request.POST.get("on") == "on"
    actions.switch_template(found, on=on, by=request.user)
    messages.success(request, _("Switched on.") if on else _("Switched off."))
    return redirect("meta_channels:index")


def _form(request: StaffRequest, template: MessageTemplate | None) -> HttpResponse:
    form = TemplateForm(template, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            if template is None:
                actions.add_template(form.wanted(), by=request.user)
            else:
                actions.change_template(template, form.wanted(), by=request.user)
        except actions.TemplateError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("meta_channels:index")
    return render(request, "meta_channels/template.html", {"form": form, "template": template})
