"""Twilio's error codes and what each means for a message (notes on Twilio, 1.2)."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Meaning:
    """What to do about a code, and what to tell the person at the screen."""

    sentence: str | Promise
    retry: bool = False  # worth one more try, later
    opted_out: bool = False  # the provider knows of an opt-out that we do not
    alarm: bool = False  # our own configuration: an administrator must look


_BAD_NUMBER = Meaning(_("This number cannot get texts."))
_UNSET = Meaning(_("Our own number is not set up for this."), alarm=True)

CODES: dict[str, Meaning] = {
    "20003": Meaning(_("The provider did not accept our password."), alarm=True),
    "20404": Meaning(_("The provider does not know this address."), alarm=True),
    "20429": Meaning(_("The provider is busy."), retry=True),
    "14107": Meaning(_("The provider is busy."), retry=True),
    "21211": Meaning(_("This is not a valid number.")),
    "21408": Meaning(_("Texts to this country are not switched on."), alarm=True),
    "21603": _UNSET,
    "21606": _UNSET,
    "21659": _UNSET,
    "21660": _UNSET,
    "21661": _UNSET,
    "21610": Meaning(_("The patient has opted out of texts."), opted_out=True),
    "21612": _BAD_NUMBER,
    "21614": _BAD_NUMBER,
    "21635": Meaning(_("This is a landline. Try calling.")),
    "21617": Meaning(_("The message is too long for a text.")),
    "21620": Meaning(_("The attached file could not be fetched."), alarm=True),
    "21655": Meaning(_("The provider does not know this template."), alarm=True),
    "21656": Meaning(_("The template's variables do not fit."), alarm=True),
    "21910": _UNSET,
    "63003": Meaning(_("This address cannot be reached on WhatsApp or Messenger.")),
    "63007": _UNSET,
    "63016": Meaning(
        _("The patient last wrote more than 24 hours ago. Send a template, or choose another way.")
    ),
    "63018": Meaning(_("The provider is busy."), retry=True),
    "63024": Meaning(_("This address cannot be reached on WhatsApp or Messenger.")),
    "63028": Meaning(_("The template's variables do not fit."), alarm=True),
    "30001": Meaning(_("The provider's queue is full."), retry=True),
    "30002": Meaning(_("Our account with the provider is suspended."), alarm=True),
    "30003": Meaning(_("The phone is switched off or out of reach.")),
    "30004": Meaning(_("The phone blocks our texts.")),
    "30005": Meaning(_("Nobody has this number.")),
    "30006": Meaning(_("This is a landline, or its network takes no texts. Try calling.")),
    "30007": Meaning(_("The network held the text back because of its content.")),
    "30008": Meaning(_("The network gave no reason.")),
    "30032": Meaning(_("Our number is not verified with the network."), alarm=True),
    "30034": Meaning(_("Our number is not registered with the network."), alarm=True),
}

#: The hub's own codes.
OURS: dict[str, Meaning] = {
    "opted_out": Meaning(_("The patient has opted out.")),
    "switched_off": Meaning(_("An administrator has switched this channel off.")),
    "too_late": Meaning(_("It could not be sent in time.")),
    "no_answer": Meaning(_("The provider never answered; we do not know whether it arrived.")),
    "provider_busy": Meaning(_("The provider is busy.")),
    "unreachable": Meaning(_("The provider cannot be reached.")),
}


def meaning_of(code: str) -> Meaning:
    """Return what `code` means; one that we do not know is permanent and says so."""
    return CODES.get(code) or OURS.get(code) or Meaning(_("It could not be delivered."))
