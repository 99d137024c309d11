"""Forms of this room. They check what was typed; the rules are the actions'."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from hub.staff.models import Department, Role

_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class DepartmentsField(forms.ModelMultipleChoiceField):
    """Ticks for departments."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Department.objects.all(), required=False, label=_("Departments"), **kwargs
        )


class CodesField(forms.CharField):
    """Short codes with commas between: skills, languages."""

    widget = forms.TextInput

    def __init__(self, *, longest: int = 40, **kwargs: Any) -> None:
        self.longest = longest
        super().__init__(required=False, max_length=400, **kwargs)
        self.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def prepare_value(self, value: Any) -> Any:
        """Show the codes."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the codes, each once, as they are compared: in lower case.

        Raises:
            ValidationError: one is no short code.
        """
        text = super().clean(value)
        codes = dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip())
        for code in codes:
            if not _CODE.fullmatch(code) or len(code) > self.longest:
                raise forms.ValidationError(
                    _("“%(code)s” is no short code: letters, digits and hyphens."),
                    params={"code": code},
                )
        return list(codes)


class InvitationForm(forms.Form):
    """Whom to invite."""

    name = forms.CharField(
        label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.AGENT)
    departments = DepartmentsField()


class PersonForm(forms.Form):
    """What an administrator changes of a person."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    departments = DepartmentsField()
    skills = CodesField(
        label=_("Skills"),
        help_text=_("Short codes with commas between, such as triage, billing."),
    )
    languages = CodesField(
        label=_("Languages they speak with patients"),
        longest=8,
        help_text=_("Such as en, es. None: the one of their screens."),
    )


class WelcomeForm(forms.Form):
    """What an invited person says of themself."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=_("Choose a password"),
        strip=False,
        help_text=_("At least 12 characters. A few unusual words are good."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("The password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Refuse two different passwords."""
        cleaned = super().clean() or {}
        if cleaned.get("password") and cleaned.get("password") != cleaned.get("again"):
            self.add_error("again", _("The two passwords differ."))
        return cleaned


class UnlockForm(forms.Form):
    """The password of the person whose screen is locked."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class MeForm(forms.Form):
    """What a person sets for themself."""

    THEMES = [("", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]

    name = forms.CharField(
        label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    theme = forms.ChoiceField(label=_("Appearance"), choices=THEMES, required=False)
