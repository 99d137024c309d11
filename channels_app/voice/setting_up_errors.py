"""What is refused when a line or a menu is set up. `str(error)` is a sentence for the person."""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class SettingUpError(Exception):
    """A change to a phone line that would leave callers badly off; the subclasses say which.

    Attributes:
        sentence: what is said, with places for what differs.
        field: the field of the form that it is about; empty for the whole.
    """

    sentence: ClassVar[Promise | str] = ""

    def __init__(self, field: str, **said: object) -> None:
        self.field = field
        super().__init__(str(self.sentence) % said)


class NotANumber(SettingUpError):
    """It is no telephone number."""

    sentence = _("This is not a telephone number.")


class NumberTaken(SettingUpError):
    """There is such a line."""

    sentence = _("The hub has this number already.")


class FallbackIsOurs(SettingUpError):
    """It would lead back to where nobody answers."""

    sentence = _("Calls to this number come to the hub, too. Choose one that works without it.")


class LanguageMissing(SettingUpError):
    """A line speaks at least one language that we have a voice for."""

    sentence = _("Choose at least one language.")


class DigitMissing(SettingUpError):
    """A choice is a digit."""

    sentence = _("Choose a digit from 0 to 9.")


class DigitTaken(SettingUpError):
    """Another choice of that menu has the digit."""

    sentence = _("The digit %(digit)s is taken in this menu. Choose another one.")


class DepartmentMissing(SettingUpError):
    """Nobody would be asked."""

    sentence = _("Choose the department that this choice leads to.")


class LabelMissing(SettingUpError):
    """The menu could not be read out in a language that it is offered in."""

    sentence = _("Write what the menu says in this language: callers choose it.")


class TextMissing(SettingUpError):
    """There would be nothing to say or send."""

    sentence = _("Write the text in this language, too.")


class TextTooLong(SettingUpError):
    """No provider takes it."""

    sentence = _("At most %(most)d characters; these are %(length)d.")


class ChoicesBelow(SettingUpError):
    """A menu goes only when nothing stands below it any more."""

    sentence = _("There are choices below this menu. Move or remove them first.")


class NotAPlaceForIt(SettingUpError):
    """A menu cannot stand below itself, nor a choice below anything but a menu of its line."""

    sentence = _("It cannot stand there. Choose another menu.")


class NoState(SettingUpError):
    """It is no code of a state."""

    sentence = _("Write the state's two letters, such as CA.")


class KeptTooShort(SettingUpError):
    """Nothing could ever be listened to."""

    sentence = _("Keep recordings for at least one day.")
