"""Codes in words, for the people at the screen."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from patients import errors

PATIENT_ERRORS: dict[type[errors.PatientError], object] = {
    errors.PatientError: gettext_lazy("This could not be done. Load the page again."),
    errors.PatientIsMerged: gettext_lazy(
        "This record was merged into another one meanwhile. Load the page again."
    ),
    errors.IdentifierTaken: gettext_lazy(
        "This number belongs to another patient. The two records may be one person."
    ),
    errors.LinkEnded: gettext_lazy("This address is no longer theirs. Load the page again."),
    errors.ReasonMissing: gettext_lazy("Write down how you know."),
    errors.StillStopped: gettext_lazy(
        "This address said STOP. Tick that they know it and want to be contacted again."
    ),
}
"""What a refusal of the patients' room is called at the screen."""

_REASONS = {
    "opted_out": gettext_lazy("this address has opted out"),
    "expired": gettext_lazy("it came too late to be useful"),
    "21211": gettext_lazy("this is not a phone number"),
    "21610": gettext_lazy("this number has opted out"),
    "21612": gettext_lazy("this number cannot be reached from ours"),
    "21614": gettext_lazy("this number cannot receive texts"),
    "21408": gettext_lazy("texts to this country are not switched on"),
    "switched_off": gettext_lazy("an administrator has switched this channel off"),
    "21655": gettext_lazy("the provider does not know this template"),
    "21656": gettext_lazy("the template's variables do not fit"),
    "63003": gettext_lazy("this address is not reached on WhatsApp or Messenger"),
    "63007": gettext_lazy("our own address is not set up for this"),
    "63016": gettext_lazy("the patient last wrote more than 24 hours ago; a template may be sent"),
    "63018": gettext_lazy("the provider takes no more messages just now"),
    "63024": gettext_lazy("this address is not reached on WhatsApp or Messenger"),
    "63028": gettext_lazy("the template's variables do not fit"),
    "30001": gettext_lazy("too many messages were waiting at the provider"),
    "30002": gettext_lazy("our account with the provider is suspended"),
    "30003": gettext_lazy("the phone is off or out of reach"),
    "30004": gettext_lazy("the number blocks our messages"),
    "30005": gettext_lazy("this number is not in service"),
    "30006": gettext_lazy("this is a landline, which cannot receive texts"),
    "30007": gettext_lazy("the carrier's filter stopped it"),
    "30008": gettext_lazy("the carrier gave no reason"),
}


def delivery_reason(code: str) -> str:
    """Say why something was not delivered; an unknown code is shown as it is."""
    if not code:
        return _("the provider gave no reason")
    known = _REASONS.get(code)
    return str(known) if known else _("the provider said %(code)s") % {"code": code}
