"""Phone lines: the list, a new one, one with its menu, and how it sounds."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from channels_app.voice import lines as readers
from channels_app.voice import preview, setting_up
from channels_app.voice.models import PhoneLine
from channels_app.voice.setting_up_errors import SettingUpError
from hub.console.phone_lines.forms import LineForm, NewLineForm
from hub.staff.access import StaffRequest, administrators_only


def find(uuid: UUID) -> PhoneLine:
    """Return the line of this address; raise Http404."""
    return get_object_or_404(readers.all_lines(), hub_address__uuid=uuid)


@require_GET
@administrators_only
def index(request: StaffRequest) -> HttpResponse:
    """All lines."""
    rows = [(line, readers.problems(line)) for line in readers.all_lines()]
    return render(request, "phone_lines/index.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@administrators_only
def add(request: StaffRequest) -> HttpResponse:
    """Add a line."""
    form = NewLineForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            line = setting_up.add_line(by=request.user, **form.cleaned_data)
        except SettingUpError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Added. Now tell Twilio the addresses below."))
            return redirect("phone_lines:line", line=line.hub_address.uuid)
    return render(request, "phone_lines/add.html", {"form": form})


@require_GET
@administrators_only
def line(request: StaffRequest, line: UUID) -> HttpResponse:
    """One line: what is wrong with it, its menu, what callers hear, what Twilio is told."""
    found = find(line)
    context = {
        "line": found,
        "languages": [readers.language_name(code) for code in found.languages],
        "problems": readers.problems(found),
        "rows": readers.tree(found, found.languages[0]),
        "previews": [
            (code, readers.language_name(code), preview.heard(found, code))
            for code in found.languages
        ],
        "webhooks": readers.webhooks(),
    }
    return render(request, "phone_lines/line.html", context)


@require_http_methods(["GET", "POST"])
@administrators_only
def change(request: StaffRequest, line: UUID) -> HttpResponse:
    """How a line sounds."""
    found = find(line)
    form = LineForm(found, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            setting_up.change_line(
                found,
                label=given["label"],
                department=given["department"],
                languages=given["languages"].split(","),
                greeting=form.words_of("greeting"),
                closed_greeting=form.words_of("closed_greeting"),
                asks_birth_date=given["asks_birth_date"],
                fallback_number=given["fallback_number"],
                by=request.user,
            )
        except SettingUpError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("phone_lines:line", line=line)
    return render(request, "phone_lines/change.html", {"line": found, "form": form})
