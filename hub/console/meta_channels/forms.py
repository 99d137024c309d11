"""Forms about WhatsApp and Messenger. The rules are those of hub.conversations.actions."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hub.conversations.actions.templates import TemplateError, Wanted
from hub.conversations.models import META, MessageTemplate
from hub.staff.models import Department

_CHANNELS = [(channel.value, channel.label) for channel in META]
_MOST_VARIABLES = 6


class AddressForm(forms.Form):
    """A new address of ours."""

    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=_CHANNELS)
    value = forms.CharField(
        label=gettext_lazy("Number, or the page's id"),
        max_length=254,
        help_text=gettext_lazy(
            "WhatsApp: the number of your sender at Twilio, +15550100100. "
            "Messenger: the id of your page at Facebook."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    department = forms.ModelChoiceField(
        label=gettext_lazy("Department"),
        queryset=Department.objects.all(),
        help_text=gettext_lazy("It gets what patients write there."),
    )
    label = forms.CharField(
        label=gettext_lazy("Name for staff"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class TemplateForm(forms.Form):
    """A template, as it stands at Twilio."""

    name = forms.CharField(
        label=gettext_lazy("Name for staff"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), choices=_CHANNELS)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=MessageTemplate.Language.choices
    )
    content_sid = forms.CharField(
        label=gettext_lazy("ContentSid"),
        max_length=34,
        help_text=gettext_lazy("Twilio's id of it: HX and 32 digits or letters from a to f."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    preview = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=1024,
        help_text=gettext_lazy(
            "To the letter as it was approved, with {{1}}, {{2}} … for its variables. "
            "No health information: nothing about a diagnosis, a treatment, a result, a medicine "
            "or a specialty. WhatsApp and Messenger are not covered by an agreement on health data."
        ),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, template: MessageTemplate | None, data: Any = None) -> None:
        initial: dict[str, Any] = {}
        if template is not None:
            initial = {name: getattr(template, name) for name in self.base_fields}
            kinds = enumerate(template.variables, start=1)
            initial |= {f"variable_{number}": kind for number, kind in kinds}
        super().__init__(data, initial=initial)
        for number in range(1, _MOST_VARIABLES + 1):
            self.fields[f"variable_{number}"] = forms.ChoiceField(
                label=_("What {{%(number)d}} stands for") % {"number": number},
                choices=[("", _("Not used")), *MessageTemplate.Variable.choices],
                required=False,
                help_text=_(
                    "The hub fills it in by itself. Nothing else can be put in, so no "
                    "health information."
                )
                if number == 1
                else "",
            )

    def clean(self) -> dict[str, Any]:
        """Variables are numbered without a gap."""
        given = super().clean() or {}
        kinds = [given.get(f"variable_{number}", "") for number in range(1, _MOST_VARIABLES + 1)]
        used = [kind for kind in kinds if kind]
        if kinds[: len(used)] != used:
            raise forms.ValidationError(_("Use the variables in their order, without a gap."))
        given["variables"] = used
        return given

    def wanted(self) -> Wanted:
        """Return what was asked for."""
        names = ("name", "channel", "language", "content_sid", "preview", "variables")
        return Wanted(**{name: self.cleaned_data[name] for name in names})

    def refuse(self, error: TemplateError) -> None:
        """Show why it was refused, at the field that it is about."""
        self.add_error(error.field, str(error))
