"""Creating and changing a patient's profile."""

import zoneinfo
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients import actions, wording
from patients.actions.changed import Staff
from patients.forms.lines import one_line, required_line
from patients.models import Patient

EARLIEST_BIRTH_YEAR = 1890
"""Nobody alive is older (the oldest age ever proved is 122)."""


def _check_birth_date(born: date | None) -> date | None:
    if born is None:
        return None
    if born > timezone.localdate():
        raise ValidationError(_("The birth date lies in the future."), code="future")
    if born.year < EARLIEST_BIRTH_YEAR:
        raise ValidationError(
            _("The birth date is too long ago. Check the year."), code="too_long_ago"
        )
    return born


class _PersonForm(forms.ModelForm):
    """What the forms about a patient's profile share."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=list(wording.LANGUAGES.items()), initial="en"
    )
    preferred_channel = forms.ChoiceField(
        label=gettext_lazy("Preferred channel"),
        choices=[
            ("", gettext_lazy("Not said")),
            *(
                (code, wording.CHANNELS[code])
                for code in ("sms", "whatsapp", "voice", "email", "chat", "messenger")
            ),
        ],
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offer_what_stands("language")
        self._offer_what_stands("preferred_channel")

    def _offer_what_stands(self, name: str) -> None:
        """An imported record may hold a code that is not offered; editing must not lose it."""
        stands = getattr(self.instance, name, "")
        choices = self.fields[name].choices  # type: ignore[attr-defined]
        if stands and stands not in dict(choices):
            name_of = wording.language if name == "language" else wording.channel
            self.fields[name].choices = [*choices, (stands, name_of(stands))]  # type: ignore[attr-defined]

    def clean_legal_name(self) -> str:
        """One line; a name of blanks is none."""
        return required_line(self.cleaned_data["legal_name"])

    def clean_preferred_name(self) -> str:
        """One line."""
        return one_line(self.cleaned_data["preferred_name"])

    def clean_birth_date(self) -> date | None:
        """A day on which somebody alive can be born."""
        return _check_birth_date(self.cleaned_data["birth_date"])


_BIRTH_DATE_WIDGET = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_PROFILE_LABELS = {
    "legal_name": gettext_lazy("Legal name"),
    "preferred_name": gettext_lazy("Preferred name"),
    "pronouns": gettext_lazy("Pronouns"),
    "birth_date": gettext_lazy("Birth date"),
    "interpreter_needed": gettext_lazy("Needs an interpreter"),
    "accessibility_needs": gettext_lazy("Accessibility needs"),
    "time_zone": gettext_lazy("Time zone"),
    "alerts": gettext_lazy("Alerts"),
}


class NewPatientForm(_PersonForm):
    """Creates a patient from the little that is known at a first contact."""

    class Meta:
        model = Patient
        fields = ("legal_name", "preferred_name", "birth_date", "language", "interpreter_needed")
        labels = _PROFILE_LABELS
        widgets = {"birth_date": _BIRTH_DATE_WIDGET}

    def save(self, *, by: Staff) -> Patient:  # type: ignore[override]
        """Create the patient."""
        return actions.create_patient(by=by, **self.cleaned_data)


class ProfileForm(_PersonForm):
    """Changes a patient's profile."""

    # What the person saw when the form was opened, so that nobody writes over another's change.
    seen = forms.DateTimeField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Patient
        fields = (
            "legal_name",
            "preferred_name",
            "pronouns",
            "birth_date",
            "language",
            "interpreter_needed",
            "accessibility_needs",
            "time_zone",
            "preferred_channel",
            "alerts",
        )
        labels = _PROFILE_LABELS
        help_texts = {
            "alerts": gettext_lazy("Shown to whoever opens the patient."),
            "time_zone": gettext_lazy("Such as America/Chicago; empty for the clinic's own."),
        }
        widgets = {
            "birth_date": _BIRTH_DATE_WIDGET,
            "accessibility_needs": forms.Textarea(attrs={"rows": 2}),
            "alerts": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # To the microsecond and with its zone: it is compared, not read.
        self.initial["seen"] = self.instance.updated_at.isoformat()

    def clean_time_zone(self) -> str:
        """A name that the time zone database knows."""
        name = self.cleaned_data["time_zone"].strip()
        if name and name not in zoneinfo.available_timezones():
            raise ValidationError(
                _("There is no time zone of that name. Try one like America/New_York."),
                code="unknown",
            )
        return name

    def clean(self) -> dict[str, Any]:
        """Refuse when somebody else changed the profile meanwhile."""
        cleaned = super().clean() or self.cleaned_data
        seen: datetime | None = cleaned.get("seen")
        if seen is not None and seen != self.instance.updated_at:
            raise ValidationError(
                _(
                    "Somebody changed this profile meanwhile. Look at what it says now, and make "
                    "your change again."
                ),
                code="changed_meanwhile",
            )
        return cleaned

    def save(self, *, by: Staff) -> list[str]:  # type: ignore[override]
        """Write what the person changed; return the names of the fields.

        Raises:
            ChangedMeanwhile: somebody was quicker by a blink.
            PatientIsMerged: the record was merged into another.
        """
        changes = {name: self.cleaned_data[name] for name in self.changed_data if name != "seen"}
        seen = self.cleaned_data.get("seen")
        return actions.update_profile(self.instance, by=by, seen=seen, **changes)
