"""The choices of a line's menu."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from channels_app.voice import setting_up
from channels_app.voice.models import MenuItem, PhoneLine
from channels_app.voice.setting_up_errors import SettingUpError
from hub.console.phone_lines.forms import ChoiceForm
from hub.console.phone_lines.lines import find
from hub.staff.access import StaffRequest, administrators_only


@require_http_methods(["GET", "POST"])
@administrators_only
def add(request: StaffRequest, line: UUID) -> HttpResponse:
    """Add a choice to a menu: to the one that `below` names, as the page suggests it."""
    found = find(line)
    below = found.menu_items.filter(uuid__in=_uuids(request.GET.get("below", ""))).first()
    form = ChoiceForm(
        found, None, request.POST or None, parent=below, digit=_free_digit(found, below)
    )
    if request.method == "POST" and form.is_valid():
        try:
            setting_up.add_choice(found, form.choice(), by=request.user)
        except SettingUpError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("phone_lines:line", line=line)
    return render(request, "phone_lines/choice.html", {"line": found, "form": form})


@require_http_methods(["GET", "POST"])
@administrators_only
def change(request: StaffRequest, line: UUID, choice: UUID) -> HttpResponse:
    """Change a choice, or move it."""
    found = find(line)
    item = _item(found, choice)
    form = ChoiceForm(found, item, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            setting_up.change_choice(item, form.choice(), by=request.user)
        except SettingUpError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("phone_lines:line", line=line)
    return render(request, "phone_lines/choice.html", {"line": found, "item": item, "form": form})


@require_POST
@administrators_only
def remove(request: StaffRequest, line: UUID, choice: UUID) -> HttpResponse:
    """Take a choice off its menu."""
    item = _item(find(line), choice)
    try:
        setting_up.remove_choice(item, by=request.user)
        messages.success(request, _("The choice was removed."))
    except SettingUpError as error:
        messages.error(request, str(error))
    return redirect("phone_lines:line", line=line)


def _item(line: PhoneLine, uuid: UUID) -> MenuItem:
    return get_object_or_404(line.menu_items.select_related("line", "parent"), uuid=uuid)


def _uuids(given: str) -> list[UUID]:
    try:
        return [UUID(given)]
    except ValueError:
        return []


def _free_digit(line: PhoneLine, below: MenuItem | None) -> str:
    taken = set(line.menu_items.filter(parent=below).values_list("digit", flat=True))
    return next((digit for digit in "1234567890" if digit not in taken), "")
