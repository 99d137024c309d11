"""The administrators' pages about departments: hours, holidays, and who is offered what."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from hub.conversations import privacy
from hub.conversations.models import Channel
from hub.routing import department_settings, hours, opening
from hub.routing.forms import ChannelForm, HolidaysForm, HoursForm, PrivacyForm, RulesForm
from hub.routing.models import ChannelRules, DepartmentRules, Holiday, OpeningHours
from hub.routing.rules import CAPACITY, OFFERED, PRECEDENCE
from hub.staff import setting_up
from hub.staff.access import StaffRequest, administrators_only
from hub.staff.models import Department, User

#: Channels in the order of the page.
CHANNELS = (
    Channel.VOICE,
    Channel.CHAT,
    Channel.SMS,
    Channel.WHATSAPP,
    Channel.MESSENGER,
    Channel.EMAIL,
)


@require_GET
@administrators_only
def departments(request: StaffRequest) -> HttpResponse:
    """All departments, and whether they are open now."""
    now = timezone.now()
    found = Department.objects.prefetch_related("opening_hours", "members")
    rows = [
        {
            "department": one,
            "hours": opening.written(one.opening_hours.all()),
            "is_open": hours.is_open(one, now),
            "people": len(one.members.all()),
        }
        for one in found
    ]
    return render(request, "routing/departments.html", {"departments": rows})


@require_http_methods(["GET", "POST"])
@administrators_only
def department(request: StaffRequest, uuid: UUID) -> HttpResponse:
    """One department: each part of its settings is a form of its own."""
    found = get_object_or_404(Department, uuid=uuid)
    parts = _parts(found, timezone.now())
    if request.method == "POST":
        part = parts.get(request.POST.get("part", ""))
        if part is None:
            return HttpResponseBadRequest()
        form = part.form(request.POST)
        if form.is_valid():
            part.save(form.cleaned_data, request.user)
            messages.success(request, _("Saved."))
            return redirect("routing:department", uuid=found.uuid)
        part.bound = form
    context = {
        "department": found,
        "parts": [
            {"name": name, "title": part.title, "note": part.note, "form": part.shown()}
            for name, part in parts.items()
        ],
    }
    return render(request, "routing/department.html", context)


class _Part:
    """One form of the page: how it is made, filled and saved."""

    def __init__(
        self,
        title: str,
        make: Callable[..., forms.BaseForm],
        save: Callable[[dict[str, Any], User], None],
        note: str = "",
    ) -> None:
        self.title = title
        self.note = note
        self.save = save
        self.bound: forms.BaseForm | None = None
        self._make = make

    def form(self, data: Any = None) -> forms.BaseForm:
        """Return the form, bound to `data` if there is any."""
        return self._make(data)

    def shown(self) -> forms.BaseForm:
        """Return the form with what was typed, or with what is set."""
        return self.bound or self.form()


def _parts(found: Department, now: datetime) -> dict[str, _Part]:
    today = now.astimezone(ZoneInfo(found.time_zone)).date()
    stretches = OpeningHours.objects.filter(department=found)
    days = Holiday.objects.filter(department=found, day__gte=today).order_by("day")
    initial = {
        "time_zone": found.time_zone,
        "hours": opening.written(stretches),
        "days": [day.isoformat() for day in days.values_list("day", flat=True)],
    }

    def save_hours(said: dict[str, Any], by: User) -> None:
        setting_up.set_time_zone(found, said["time_zone"], by=by)
        opening.set_hours(found, said["hours"], by=by)

    rules = DepartmentRules.objects.filter(department=found).first()
    parts = {
        "hours": _Part(
            _("Opening hours"), lambda data: HoursForm(data, initial=initial), save_hours
        ),
        "holidays": _Part(
            _("Holidays"),
            lambda data: HolidaysForm(data, initial=initial),
            lambda said, by: department_settings.set_holidays(
                found, said["days"], since=today, by=by
            ),
        ),
        "rules": _Part(
            _("Who is offered its contacts"),
            lambda data: RulesForm(data, instance=rules or DepartmentRules(department=found)),
            lambda said, by: department_settings.set_rules(found, said, by=by),
        ),
    }
    secure = privacy.secure_channels(found.pk)
    parts["privacy"] = _Part(
        _("How answers go out"),
        lambda data: PrivacyForm(data, secure=secure),
        lambda said, by: department_settings.set_privacy(found, said, by=by),
        _(
            "By secure link, what goes out says only that a message waits. The patient reads it on "
            "our page, after their date of birth. Who asked for plain words gets them, if that is "
            "written down under Reach."
        ),
    )
    set_already = {one.channel: one for one in ChannelRules.objects.filter(department=found)}
    for channel in CHANNELS:
        parts[channel.value] = _channel_part(found, channel, set_already.get(channel.value))
    return parts


def _channel_part(found: Department, channel: Channel, row: ChannelRules | None) -> _Part:
    name = channel.value
    row = row or ChannelRules(department=found, channel=name, offers=OFFERED[name])
    usual = _("Empty fields: as usual, %(capacity)d at once, precedence %(precedence)d.") % {
        "capacity": CAPACITY[name],
        "precedence": PRECEDENCE[name],
    }
    return _Part(
        str(channel.label),
        lambda data: ChannelForm(found, name, data, instance=row),
        lambda said, by: department_settings.set_channel(found, name, said, by=by),
        usual,
    )
