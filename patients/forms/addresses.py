"""Addresses of a patient, and what was agreed to or stopped there."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients import actions, consent, contact_points, normal_form, wording
from patients.actions.changed import Staff
from patients.models import Consent, ContactPoint, ContactPointLink, Patient, RelatedPerson
from patients.survivors import survivor_of

# What staff may give as the way they know; the others are the machine's own.
_STAFF_SOURCES = [
    (source.value, source.label)
    for source in (Consent.Source.STAFF, Consent.Source.FORM, Consent.Source.CHAT)
]


class ContactPointForm(forms.Form):
    """Links an address to a patient, or to somebody who speaks for them."""

    system = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            (ContactPoint.System.PHONE.value, gettext_lazy("Phone number")),
            (ContactPoint.System.EMAIL.value, gettext_lazy("E-mail address")),
        ],
    )
    value = forms.CharField(label=gettext_lazy("Number or address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Use"), choices=ContactPointLink.Role.choices)
    whose = forms.ModelChoiceField(
        label=gettext_lazy("Whose"),
        queryset=RelatedPerson.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=gettext_lazy("The patient's own"),
    )

    def __init__(self, patient: Patient, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        whose: Any = self.fields["whose"]
        whose.queryset = RelatedPerson.objects.filter(patient=patient).exclude(
            until__lt=timezone.localdate()
        )
        whose.label_from_instance = lambda person: f"{person.name} ({person.relationship})"

    def clean(self) -> dict[str, Any]:
        """Bring the address into its normal form."""
        cleaned = super().clean() or self.cleaned_data
        if "system" not in cleaned or "value" not in cleaned:
            return cleaned
        try:
            cleaned["value"] = normal_form.normalise(cleaned["system"], cleaned["value"])
        except normal_form.NotAnAddress:
            if cleaned["system"] == ContactPoint.System.PHONE:
                message = _(
                    "This is not a whole phone number. Enter it with its area code and without an "
                    "extension, or with + and the country code."
                )
            else:
                message = _("This is not an e-mail address. It looks like name@example.org.")
            self.add_error("value", ValidationError(message, code="not_an_address"))
        return cleaned

    def save(self, *, by: Staff) -> ContactPointLink:
        """Link the address.

        Raises:
            PatientIsMerged: the record was merged into another.
        """
        whose = self.cleaned_data["whose"]
        with transaction.atomic():
            point = contact_points.hold(self.cleaned_data["system"], self.cleaned_data["value"])
            return actions.link(
                point,
                patient=None if whose else self.patient,
                related_person=whose,
                role=self.cleaned_data["role"],
                by=by,
            )


class ConsentForm(forms.Form):
    """Takes down that somebody agreed to be contacted, or asked to be left alone."""

    state = forms.ChoiceField(
        label=gettext_lazy("What they said"),
        choices=[
            (Consent.State.STOPPED.value, gettext_lazy("Do not contact this address")),
            (Consent.State.GIVEN.value, gettext_lazy("May be contacted here")),
        ],
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    source = forms.ChoiceField(label=gettext_lazy("How we know"), choices=_STAFF_SOURCES)
    evidence = forms.CharField(
        label=gettext_lazy("In their words"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        required=False,
    )
    after_stop = forms.BooleanField(
        label=gettext_lazy("They know that this address said STOP and want to be contacted again"),
        required=False,
    )

    def __init__(self, link: ContactPointLink, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.link = link
        channels = consent.CHANNELS[link.contact_point.system]
        self.fields["channel"].choices = [  # type: ignore[attr-defined]
            ("", gettext_lazy("All channels")),
            *((channel, wording.channel(channel)) for channel in channels),
        ]

    @property
    def channels(self) -> list[str]:
        """The channels that were chosen; all of the address's where none was."""
        chosen = self.cleaned_data.get("channel")
        return [chosen] if chosen else list(consent.CHANNELS[self.link.contact_point.system])

    def clean(self) -> dict[str, Any]:
        """A STOP needs nothing more (any reasonable way must do); a yes needs its proof."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("state") != Consent.State.GIVEN:
            return cleaned
        if not cleaned.get("evidence", "").strip():
            self.add_error(
                "evidence",
                ValidationError(
                    _("Write down what they said, or which form they signed."), code="required"
                ),
            )
        point = self.link.contact_point_id
        if not cleaned.get("after_stop") and any(
            consent.is_stopped(point, channel) for channel in self.channels
        ):
            self.add_error(
                "after_stop",
                ValidationError(
                    _(
                        "This address said STOP. Ask whether they want to be contacted again, and "
                        "tick this if they do."
                    ),
                    code="stopped",
                ),
            )
        return cleaned

    def save(self, *, by: Staff) -> list[Consent]:
        """Add to the ledger; a STOP of all channels is one row, a yes is one for each channel.

        Raises:
            StillStopped: the address said STOP a moment ago.
            PatientIsMerged: the record was merged into another.
        """
        cleaned = self.cleaned_data
        said = {"source": cleaned["source"], "evidence": cleaned["evidence"], "recorded_by": by}
        point = self.link.contact_point
        if cleaned["state"] == Consent.State.STOPPED:
            return [actions.stop(point, channel=cleaned["channel"] or None, **said)]
        patient = self.link.patient and survivor_of(self.link.patient)
        with transaction.atomic():
            return [
                actions.give_consent(
                    point,
                    channel=channel,
                    patient=patient,
                    related_person=self.link.related_person,
                    after_stop=cleaned["after_stop"],
                    **said,
                )
                for channel in self.channels
            ]
