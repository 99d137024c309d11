"""Which department's calls are recorded, and how long sound is kept."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from channels_app.voice import setting_up
from channels_app.voice.models import RecordingRule
from channels_app.voice.setting_up_errors import SettingUpError
from hub.console.phone_lines.forms import RuleForm
from hub.staff.access import StaffRequest, administrators_only
from hub.staff.models import Department


@require_GET
@administrators_only
def index(request: StaffRequest) -> HttpResponse:
    """All departments."""
    departments = Department.objects.select_related("recording_rule")
    rows = [(each, rule_of(each)) for each in departments]
    return render(request, "phone_lines/recording.html", {"rows": rows})


@require_http_methods(["GET", "POST"])
@administrators_only
def rule(request: StaffRequest, department: UUID) -> HttpResponse:
    """One department's rule."""
    found = get_object_or_404(Department.objects.select_related("recording_rule"), uuid=department)
    now = rule_of(found)
    initial = {
        name: getattr(now, name) for name in ("records", "jurisdiction", "transcribes", "keep_days")
    }
    form = RuleForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            setting_up.set_recording_rule(found, by=request.user, **form.cleaned_data)
        except SettingUpError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Saved."))
            return redirect("phone_lines:recording")
    return render(request, "phone_lines/rule.html", {"department": found, "form": form})


def rule_of(department: Department) -> RecordingRule:
    """Return the department's rule, or the one that holds where none was made (unsaved)."""
    found = getattr(department, "recording_rule", None)
    return found or RecordingRule(department=department)
