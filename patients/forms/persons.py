"""A patient's record numbers, and who speaks for them."""

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients import actions
from patients.actions.changed import Staff
from patients.errors import IdentifierTaken
from patients.forms.lines import required_line
from patients.models import Patient, PatientIdentifier, RelatedPerson


class IdentifierForm(forms.Form):
    """Adds a record number to a patient."""

    system = forms.CharField(
        label=gettext_lazy("System"),
        max_length=80,
        help_text=gettext_lazy("Who gave the number: MRN, an insurer …"),
    )
    value = forms.CharField(label=gettext_lazy("Number"), max_length=80)

    def save(self, patient: Patient, *, by: Staff) -> PatientIdentifier | None:
        """Add the number; None, with an error on the form, if it is another patient's.

        Raises:
            PatientIsMerged: the record was merged into another.
        """
        try:
            return actions.add_identifier(patient, **self.cleaned_data, by=by)
        except IdentifierTaken:
            message = _("This number belongs to another patient. Are the two one person?")
            self.add_error("value", ValidationError(message, code="taken"))
            return None


class RelatedPersonForm(forms.ModelForm):
    """Says who speaks for a patient, and what they may hear and decide."""

    class Meta:
        model = RelatedPerson
        fields = ("name", "relationship", "may_hear", "may_decide", "until")
        labels = {
            "name": gettext_lazy("Name"),
            "relationship": gettext_lazy("Relationship to the patient"),
            "may_hear": gettext_lazy("May hear about the patient"),
            "may_decide": gettext_lazy("May decide for the patient"),
            "until": gettext_lazy("Until"),
        }
        help_texts = {"until": gettext_lazy("The last day; empty if there is no end in sight.")}
        widgets = {"until": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def clean_name(self) -> str:
        """One line; a name of blanks is none."""
        return required_line(self.cleaned_data["name"])

    def clean_until(self) -> date | None:
        """A day to come: who may no longer speak is not added."""
        until = self.cleaned_data["until"]
        if until is not None and until < timezone.localdate():
            raise ValidationError(_("This day is past."), code="past")
        return until

    def clean(self) -> dict[str, Any]:
        """Who decides must hear."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("may_decide") and not cleaned.get("may_hear"):
            self.add_error(
                "may_hear",
                ValidationError(
                    _("Whoever decides for the patient must hear about them."), code="must_hear"
                ),
            )
        return cleaned

    def save(self, patient: Patient, *, by: Staff) -> RelatedPerson:  # type: ignore[override]
        """Add the person.

        Raises:
            PatientIsMerged: the record was merged into another.
        """
        return actions.add_related_person(patient, by=by, **self.cleaned_data)
