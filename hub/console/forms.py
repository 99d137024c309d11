"""What people type into the console, checked before an action sees it."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.voice.desk import Outcome, Reason
from channels_app.voice.handover import GuestRole
from hub.conversations import privacy
from hub.conversations.actions.status import Resolution
from patients.models import ContactPoint, ContactPointLink, Patient, RelatedPerson

MOST_FILES = 10
"""Twilio carries at most ten files in one message."""


class _ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Several files at once; their contents are judged by channels_app.files, not here."""

    widget = _ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        """Return the files as a list, however many came."""
        given = data if isinstance(data, list | tuple) else [data] if data else []
        if len(given) > MOST_FILES:
            raise forms.ValidationError(_("At most ten files fit into one message."))
        return [super(ManyFilesField, self).clean(one, initial) for one in given]


class _Written(forms.Form):
    # Not stripped: what is sent is what was written.
    body = forms.CharField(required=False, strip=False, max_length=20_000)
    seen = forms.IntegerField(required=False, min_value=0)


class AnswerForm(_Written):
    """One press of "send"."""

    intent = forms.UUIDField()
    leg = forms.UUIDField(required=False)
    files = ManyFilesField(required=False)  # type: ignore[assignment]  # a field, as Form means it


class TemplateForm(forms.Form):
    """One press of "send" of a template."""

    template = forms.UUIDField(error_messages={"required": _("Choose a template.")})
    leg = forms.UUIDField(required=False)
    intent = forms.UUIDField()
    day = forms.DateField(required=False)
    clock = forms.TimeField(required=False)
    seen = forms.IntegerField(required=False, min_value=0)


class NoteForm(_Written):
    """One press of "add note"."""

    intent = forms.UUIDField()


class DraftForm(_Written):
    """What has been written so far."""

    is_note = forms.BooleanField(required=False)
    channel = forms.CharField(required=False, max_length=16)


class ResolveForm(forms.Form):
    """Why a conversation is over."""

    reason = forms.ChoiceField(
        label=_("Why"), choices=Resolution.choices, initial=Resolution.ANSWERED
    )


class SnoozeForm(forms.Form):
    """Until when a conversation is put aside."""

    until = forms.DateTimeField(label=_("Until"))

    def clean_until(self) -> Any:
        """A time without a zone is in the zone of the clinic."""
        until = self.cleaned_data["until"]
        return timezone.make_aware(until) if timezone.is_naive(until) else until


class CallbackForm(forms.Form):
    """Which phone is called back, when, and what it is about."""

    number = forms.UUIDField(label=_("Number"))
    start = forms.DateTimeField(label=_("When"), required=False)
    reason = forms.CharField(label=_("What it is about"), required=False, max_length=500)


class ProfileForm(forms.ModelForm):
    """A patient's profile. The birth date is left out until the person is confirmed."""

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
            "alerts",
        )
        widgets = {
            "birth_date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "language": forms.Select(),
            "accessibility_needs": forms.Textarea(attrs={"rows": 2}),
            "alerts": forms.Textarea(attrs={"rows": 2}),
        }
        labels = {
            "legal_name": _("Legal name"),
            "preferred_name": _("Preferred name"),
            "pronouns": _("Pronouns"),
            "birth_date": _("Birth date"),
            "language": _("Language"),
            "interpreter_needed": _("Interpreter needed"),
            "accessibility_needs": _("Needs"),
            "alerts": _("Alert, shown to whoever opens the patient"),
        }

    def __init__(self, *args: Any, with_birth_date: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known: dict[str, Any] = dict(LANGUAGES)
        here = getattr(self.instance, "language", "")
        if here and here not in known:
            known[here] = here
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"), choices=list(known.items()), required=False, initial="en"
        )
        self.fields["accessibility_needs"] = forms.CharField(
            label=_("Needs"), required=False, widget=forms.Textarea(attrs={"rows": 2})
        )
        self.fields["alerts"] = forms.CharField(
            label=_("Alert, shown to whoever opens the patient"),
            required=False,
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        if not with_birth_date:
            del self.fields["birth_date"]
        for name in ("accessibility_needs", "alerts"):
            if self.instance.pk:
                self.initial[name] = getattr(self.instance, name)

    def clean_birth_date(self) -> Any:
        """Nobody is born tomorrow."""
        born = self.cleaned_data["birth_date"]
        if born is not None and born > timezone.localdate():
            raise forms.ValidationError(_("This day is still to come."))
        return born

    def changes(self) -> dict[str, Any]:
        """Return what the person changed and nothing else: what others changed meanwhile stays."""
        return {name: self.cleaned_data[name] for name in self.changed_data}


LANGUAGES = (
    ("en", _("English")),
    ("es", _("Spanish")),
    ("zh-hans", _("Chinese")),
    ("vi", _("Vietnamese")),
    ("ar", _("Arabic")),
    ("fr", _("French")),
    ("ht", _("Haitian Creole")),
    ("ko", _("Korean")),
    ("pt", _("Portuguese")),
    ("ru", _("Russian")),
    ("tl", _("Tagalog")),
)
"""Languages that patients speak; an interpreter can be had for more than the hub is written in."""


class NewPatientForm(forms.Form):
    """The least that is needed to create a patient in the middle of a conversation."""

    legal_name = forms.CharField(label=_("Name"), max_length=200)
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, initial="en")


class BirthDateForm(forms.Form):
    """What the person says their birth date is."""

    birth_date = forms.DateField(
        label=_("Birth date, as they say it"), widget=forms.DateInput(attrs={"type": "date"})
    )
    remember = forms.BooleanField(
        label=_("Remember that this address is theirs, for the next time"), required=False
    )


_SAID = [
    ("given", _("Yes, contact me here")),
    ("plain", _("Write openly here, without the secure link: I know others may read it")),
    ("not_plain", _("By secure link only")),
    ("stopped", _("No more, please")),
]


class ConsentForm(forms.Form):
    """What somebody said about being contacted, taken down by staff."""

    point = forms.UUIDField(widget=forms.HiddenInput)
    channel = forms.CharField(max_length=16, widget=forms.HiddenInput)
    state = forms.ChoiceField(
        label=_("They said"),
        choices=_SAID,
        widget=forms.RadioSelect,
    )
    evidence = forms.CharField(
        label=_("How you know, in their words"), widget=forms.Textarea(attrs={"rows": 2})
    )
    after_stop = forms.BooleanField(
        label=_("They know that they said STOP, and want to be contacted again"), required=False
    )

    def __init__(
        self, *args: Any, stopped: bool, channel: str, is_known: bool, **kwargs: Any
    ) -> None:
        """Offer what can be said about `channel`, by a patient who `is_known` or not."""
        super().__init__(*args, **kwargs)
        ways = {"given", "stopped"}
        if channel in privacy.DEFAULTS and is_known:
            ways |= {"plain", "not_plain"}
        state = self.fields["state"]
        assert isinstance(state, forms.ChoiceField)
        state.choices = [one for one in _SAID if one[0] in ways]
        if not stopped:
            del self.fields["after_stop"]


class ContactPointForm(forms.Form):
    """An address to be added to a patient."""

    system = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (ContactPoint.System.PHONE, ContactPoint.System.PHONE.label),
            (ContactPoint.System.EMAIL, ContactPoint.System.EMAIL.label),
        ],
    )
    value = forms.CharField(label=_("Number or address"), max_length=254)
    role = forms.ChoiceField(label=_("Which"), choices=ContactPointLink.Role.choices)


class RelatedPersonForm(forms.ModelForm):
    """Somebody who speaks for a patient."""

    class Meta:
        model = RelatedPerson
        fields = ("name", "relationship", "may_hear", "may_decide", "until")
        widgets = {"until": forms.DateInput(attrs={"type": "date"})}
        labels = {
            "name": _("Name"),
            "relationship": _("Who they are to the patient"),
            "may_hear": _("May hear about the patient"),
            "may_decide": _("May decide for the patient"),
            "until": _("Until (empty: no end)"),
        }


class SearchForm(forms.Form):
    """Words to look for."""

    q = forms.CharField(label=_("Search"), required=False, max_length=200)


class AddToCallForm(forms.Form):
    """Somebody to be rung into a call."""

    number = forms.CharField(
        max_length=40,
        label=_("Phone number"),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "autofocus": True}),
    )
    role = forms.ChoiceField(
        choices=GuestRole.choices,
        initial=GuestRole.INTERPRETER,
        label=_("They are"),
        widget=forms.RadioSelect,
    )


class WrapUpForm(forms.Form):
    """The work after a call; everything may be left open."""

    reason = forms.ChoiceField(choices=[("", ""), *Reason.choices], required=False)
    outcome = forms.ChoiceField(choices=[("", ""), *Outcome.choices], required=False)
    body = forms.CharField(required=False, strip=False, max_length=20_000)
    conversation = forms.UUIDField(required=False)
    intent = forms.UUIDField(required=False)

    def clean(self) -> dict[str, Any]:
        """A note needs to know where it belongs."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if said.get("body", "").strip() and not (said.get("conversation") and said.get("intent")):
            raise forms.ValidationError(_("Load the page again: the note has lost its place."))
        return said
