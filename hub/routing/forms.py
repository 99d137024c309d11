"""Forms of the department's pages. They check what was typed; the writers are settings.py's."""

from collections.abc import Collection
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from hub.conversations import privacy
from hub.conversations.models import Channel
from hub.routing import opening
from hub.routing.models import ChannelRules, DepartmentRules
from hub.staff.forms import CodesField
from hub.staff.models import Department

#: Names that people know; the hours of a clinic are not those of a fixed distance from UTC.
ZONES = sorted(name for name in available_timezones() if not name.startswith("Etc/"))

#: Ways on for whoever waits too long that need somebody on a line.
FOR_CALLERS = (ChannelRules.Overflow.CALLBACK.value, ChannelRules.Overflow.VOICEMAIL.value)


class Lines(forms.CharField):
    """A text of which each line counts."""

    widget = forms.Textarea

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        attrs = {"rows": rows, "autocomplete": "off", "spellcheck": "false"}
        super().__init__(required=False, widget=forms.Textarea(attrs=attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        """Return the lines that say something."""
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        """Show the lines."""
        return "\n".join(value) if isinstance(value, list) else value


class HoursForm(forms.Form):
    """When the department is open, in its own time zone."""

    time_zone = forms.ChoiceField(label=_("Time zone"), choices=[(name, name) for name in ZONES])
    hours = Lines(
        label=_("Opening hours"),
        rows=4,
        help_text=_("One stretch a line, such as mon-fri 08:00-18:00. None: always open."),
    )

    def clean_hours(self) -> list[opening.Stretch]:
        """Return the stretches."""
        found: list[opening.Stretch] = []
        for line in self.cleaned_data["hours"]:
            try:
                found += opening.read(line)
            except opening.NotHours as error:
                raise forms.ValidationError(
                    _("“%(line)s” is not like mon-fri 08:00-18:00."), params={"line": line}
                ) from error
        return found


class HolidaysForm(forms.Form):
    """On which days to come it stays closed."""

    days = Lines(label=_("Closed on"), rows=5, help_text=_("One day a line, such as 2026-12-25."))

    def clean_days(self) -> list[date]:
        """Return the days."""
        found = set()
        for line in self.cleaned_data["days"]:
            try:
                found.add(date.fromisoformat(line))
            except ValueError as error:
                raise forms.ValidationError(
                    _("“%(line)s” is not a day like 2026-12-25."), params={"line": line}
                ) from error
        return sorted(found)


class PrivacyForm(forms.Form):
    """Whether answers go out in plain words where others may read them, or by secure link."""

    WAYS = [("plain", _("In plain words")), ("secure", _("By secure link"))]

    def __init__(self, data: Any = None, *, secure: Collection[str]) -> None:
        super().__init__(data)
        for channel in privacy.CHANNELS:
            self.fields[channel.value] = forms.ChoiceField(
                label=channel.label,
                choices=self.WAYS,
                initial="secure" if channel.value in secure else "plain",
            )

    def clean(self) -> dict[str, Any]:
        """Return for each channel whether it is by secure link."""
        said = super().clean() or {}
        return {channel: way == "secure" for channel, way in said.items()}


class RulesForm(forms.ModelForm):
    """Who is offered the department's contacts, and for how long."""

    skills = CodesField(
        label=_("Skills that are needed"),
        help_text=_("Short codes with commas between, such as triage, billing."),
    )
    languages = CodesField(
        label=_("Languages that are looked for"),
        help_text=_("Such as en, es. None: the patient's own, whichever it is."),
    )

    class Meta:
        model = DepartmentRules
        fields = (
            "offer_seconds",
            "offer_again_seconds",
            "prefer_last_seconds",
            "skills",
            "relax_skills_seconds",
            "languages",
            "relax_languages_seconds",
            "ageing_seconds",
            "offer_to_supervisors",
        )
        labels = {
            "offer_seconds": _("Seconds to answer an offer"),
            "offer_again_seconds": _("Seconds until it is offered to the same person again"),
            "prefer_last_seconds": _("Seconds to wait for who spoke with the patient last"),
            "relax_skills_seconds": _("Seconds until somebody without the skills will do"),
            "relax_languages_seconds": _("Seconds until somebody without the language will do"),
            "ageing_seconds": _("Seconds of waiting that raise the priority by one"),
            "offer_to_supervisors": _("Offer contacts to supervisors too"),
        }

    def clean_offer_seconds(self) -> int:
        """Refuse what the database would refuse."""
        seconds: int = self.cleaned_data["offer_seconds"]
        if not 5 <= seconds <= 600:
            raise forms.ValidationError(_("From 5 to 600 seconds."))
        return seconds

    def clean_ageing_seconds(self) -> int:
        """Refuse to divide by nothing."""
        seconds: int = self.cleaned_data["ageing_seconds"]
        if seconds < 1:
            raise forms.ValidationError(_("At least 1 second."))
        return seconds


class ChannelForm(forms.ModelForm):
    """What holds for one channel of the department."""

    class Meta:
        model = ChannelRules
        fields = (
            "offers",
            "capacity",
            "precedence",
            "overflow",
            "overflow_seconds",
            "overflow_to",
            "callbacks",
            "voicemail",
            "most_waiting",
        )
        labels = {
            "offers": _("Offer one by one (otherwise people take them from the list)"),
            "capacity": _("How many one person has at once"),
            "precedence": _("Precedence before other channels, 0 to 9"),
            "overflow": _("Who has waited too long"),
            "overflow_seconds": _("Too long is, in seconds"),
            "overflow_to": _("The other department"),
            "callbacks": _("Callers may ask to be called back"),
            "voicemail": _("Callers may leave a message"),
            "most_waiting": _("How many may wait at once"),
        }

    def __init__(
        self, department: Department, channel: str, data: Any = None, *, instance: ChannelRules
    ) -> None:
        super().__init__(data, prefix=channel, instance=instance)
        others = Department.objects.exclude(pk=department.pk)
        self.fields["overflow_to"] = forms.ModelChoiceField(
            queryset=others, required=False, label=self.Meta.labels["overflow_to"]
        )
        if channel != Channel.VOICE:
            choices = [one for one in ChannelRules.Overflow.choices if one[0] not in FOR_CALLERS]
            self.fields["overflow"] = forms.ChoiceField(
                choices=choices, required=False, label=self.Meta.labels["overflow"]
            )
            for name in ("callbacks", "voicemail", "most_waiting"):
                del self.fields[name]
        else:
            # A call takes its person whole (capacity.py).
            del self.fields["capacity"]

    def clean_precedence(self) -> int | None:
        """Refuse what would reach the urgent ones."""
        precedence: int | None = self.cleaned_data["precedence"]
        if precedence is not None and precedence > 9:
            raise forms.ValidationError(_("From 0 to 9."))
        return precedence

    def clean(self) -> dict[str, Any]:
        """Ask for what an overflow needs, and drop what it does not."""
        said = super().clean() or {}
        overflow = said.get("overflow") or ""
        if overflow and not said.get("overflow_seconds"):
            self.add_error("overflow_seconds", _("After how long?"))
        if overflow == ChannelRules.Overflow.DEPARTMENT:
            if not said.get("overflow_to"):
                self.add_error("overflow_to", _("Which one?"))
        else:
            said["overflow_to"] = None
        if not overflow:
            said["overflow_seconds"] = None
        return said
