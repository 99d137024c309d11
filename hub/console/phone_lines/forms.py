"""Forms about the phone. They read what was typed; the rules are those of voice.setting_up."""

from itertools import permutations
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.voice import lines, words
from channels_app.voice.models import MenuItem, PhoneLine
from channels_app.voice.setting_up import LONGEST_TEXT, Choice
from channels_app.voice.setting_up_errors import SettingUpError
from hub.staff.models import Department


class DepartmentField(forms.ModelChoiceField):
    """One department."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Department.objects.all(), label=gettext_lazy("Department"), **kwargs
        )


class _Worded(forms.Form):
    """A form with one field a language for some of its words."""

    def add_words(
        self, name: str, label: str, languages: list[str], *, rows: int = 0, help_text: str = ""
    ) -> None:
        """Put the fields `name`_en, `name`_es … at the end."""
        for code in languages:
            titled = _("%(what)s, %(language)s") % {
                "what": label,
                "language": lines.language_name(code),
            }
            attrs = {"lang": code, "autocomplete": "off"}
            self.fields[f"{name}_{code}"] = forms.CharField(
                label=titled,
                required=False,
                help_text=help_text,
                widget=forms.Textarea(attrs=attrs | {"rows": rows})
                if rows
                else forms.TextInput(attrs=attrs),
            )

    def words_of(self, name: str) -> dict[str, str]:
        """Return what was written for `name`, by language."""
        return {
            code: self.cleaned_data[f"{name}_{code}"]
            for code in words.VOICES
            if f"{name}_{code}" in self.cleaned_data
        }

    def refuse(self, error: SettingUpError) -> None:
        """Show why it was refused, at the field that it is about."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class NewLineForm(_Worded):
    """A number that is to ring here."""

    number = forms.CharField(
        label=gettext_lazy("Number"),
        max_length=32,
        help_text=gettext_lazy("As it is dialled, with the country: +15550100100"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )
    department = DepartmentField(
        help_text=gettext_lazy("Callers who choose nothing come to this one.")
    )
    label = forms.CharField(
        label=gettext_lazy("Name for staff"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class LineForm(_Worded):
    """How a line sounds."""

    label = forms.CharField(
        label=gettext_lazy("Name for staff"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    department = DepartmentField(
        help_text=gettext_lazy("Callers who choose nothing come to this one.")
    )
    languages = forms.ChoiceField(
        label=gettext_lazy("Languages"),
        help_text=gettext_lazy("In the order in which callers are offered them."),
    )
    asks_birth_date = forms.BooleanField(
        label=gettext_lazy("Ask known callers for their birth date by keypad"), required=False
    )
    fallback_number = forms.CharField(
        label=gettext_lazy("Number for when the hub fails"),
        max_length=32,
        required=False,
        help_text=gettext_lazy("A phone that rings without the hub, such as the front desk's."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "tel"}),
    )

    def __init__(self, line: PhoneLine, data: Any = None) -> None:
        initial = {
            "label": line.hub_address.label,
            "department": line.hub_address.department,
            "languages": ",".join(line.languages),
            "asks_birth_date": line.asks_birth_date,
            "fallback_number": line.fallback_number,
        }
        for code in words.VOICES:
            initial[f"greeting_{code}"] = line.greeting.get(code, "")
            initial[f"closed_greeting_{code}"] = line.closed_greeting.get(code, "")
        super().__init__(data, initial=initial)
        orders = [o for n in range(1, len(words.VOICES) + 1) for o in permutations(words.VOICES, n)]
        self.fields["languages"].choices = [  # type: ignore[attr-defined]
            (",".join(order), ", ".join(map(lines.language_name, order))) for order in orders
        ]
        every = list(words.VOICES)
        self.add_words(
            "greeting",
            _("Greeting"),
            every,
            rows=2,
            help_text=_("After the emergency notice, which is always spoken first."),
        )
        self.add_words(
            "closed_greeting", _("Greeting while closed"), every, rows=2, help_text=_("Said too.")
        )


class ChoiceForm(_Worded):
    """One choice of a menu."""

    parent = forms.ModelChoiceField(
        label=gettext_lazy("In which menu"),
        queryset=MenuItem.objects.none(),
        required=False,
        empty_label=gettext_lazy("The first menu"),
    )
    digit = forms.ChoiceField(label=gettext_lazy("Digit"), choices=[(d, d) for d in "1234567890"])
    action = forms.ChoiceField(
        label=gettext_lazy("What happens"), choices=MenuItem.Action.choices, initial="department"
    )
    department = DepartmentField(
        required=False,
        help_text=gettext_lazy("For waiting, for a message, and for a call back."),
    )
    skills = forms.CharField(
        label=gettext_lazy("Skills that are asked of whoever answers"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Separated by commas; for waiting alone."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(
        self, line: PhoneLine, item: MenuItem | None = None, data: Any = None, **initial: Any
    ) -> None:
        if item is not None:
            initial = _initial(item)
        super().__init__(data, initial=initial)
        menus = line.menu_items.filter(action=MenuItem.Action.MENU)
        parent = self.fields["parent"]
        parent.queryset = menus.exclude(pk=item.pk) if item else menus  # type: ignore[attr-defined]
        parent.label_from_instance = lambda one: (  # type: ignore[attr-defined]
            f"{one.digit} · {words.in_language(one.label, line.languages[0])}"
        )
        self.add_words(
            "label",
            _("What the menu says"),
            line.languages,
            help_text=_("“For …, press 1.”"),
        )
        self.add_words(
            "spoken",
            _("Words that choose it"),
            line.languages,
            help_text=_("Separated by commas. Callers may say one of them instead."),
        )
        self.add_words(
            "text",
            _("Text"),
            line.languages,
            rows=3,
            help_text=_(
                "The announcement, the text message, or what is said before a message is left. "
                "At most %(most)d characters."
            )
            % {"most": LONGEST_TEXT},
        )

    def choice(self) -> Choice:
        """Return what was asked for."""
        given = self.cleaned_data
        return Choice(
            digit=given["digit"],
            action=given["action"],
            label=self.words_of("label"),
            spoken={code: said.split(",") for code, said in self.words_of("spoken").items()},
            text=self.words_of("text"),
            department=given["department"],
            skills=[skill.strip() for skill in given["skills"].split(",") if skill.strip()],
            parent=given["parent"],
        )


def _initial(item: MenuItem) -> dict[str, Any]:
    initial: dict[str, Any] = {
        "parent": item.parent_id,
        "digit": item.digit,
        "action": item.action,
        "department": item.department_id,
        "skills": ", ".join(item.skills),
    }
    for code in words.VOICES:
        initial[f"label_{code}"] = item.label.get(code, "")
        initial[f"spoken_{code}"] = ", ".join(item.spoken.get(code, []))
        initial[f"text_{code}"] = item.text.get(code, "")
    return initial


class RuleForm(_Worded):
    """Whether the calls of a department are recorded, and how long sound is kept."""

    records = forms.BooleanField(
        label=gettext_lazy("Record calls"),
        required=False,
        help_text=gettext_lazy("Callers are told so before anything is recorded, in every state."),
    )
    jurisdiction = forms.CharField(
        label=gettext_lazy("State whose law applies"),
        max_length=2,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("Two letters, such as CA."),
    )
    transcribes = forms.BooleanField(
        label=gettext_lazy("Write down what was said"),
        required=False,
        help_text=gettext_lazy(
            "Recordings and voicemail, by the service that the installation names; none by default."
        ),
    )
    keep_days = forms.IntegerField(
        label=gettext_lazy("Keep sound for so many days"),
        max_value=36500,
        help_text=gettext_lazy(
            "Recordings and voicemail are deleted afterwards. Six years are 2190."
        ),
    )

    def clean_jurisdiction(self) -> str:
        """States are written in capitals."""
        return str(self.cleaned_data["jurisdiction"]).strip().upper()
