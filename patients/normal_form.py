"""One spelling for each address, so that the same number is the same contact point."""

import re
import unicodedata

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumberFormat, ValidationResult

from patients.models import ContactPoint

System = ContactPoint.System

# What carriers put in the place of a number that the caller withholds ("ANONYMOUS" and its kin
# typed on a keypad). Whoever uses one is nobody we could know or reach.
_WITHHELD = frozenset({"+266696687", "+7378742883", "+2562533", "+8656696", "+86282452253"})

#: How the stand-in for the address of a caller begins who withholds their number; the call's id
#: follows, so that two such calls are never taken for one person.
WITHHELD_CALL = "withheld-"

_OPAQUE = re.compile(r"[\x21-\x7e]{1,254}")
_check_email = EmailValidator(allowlist=[])
_LONGEST = 254

#: "+" and at most 15 digits (ITU-T E.164); some countries' plans in the library allow more.
LONGEST_NUMBER = 16


class NotAnAddress(ValueError):
    """What was given cannot be an address of its kind. Carries no address: it may be logged."""

    def __init__(self, system: str) -> None:
        super().__init__(f"not a {system} address")
        self.system = system


def normalise(system: str, raw: str) -> str:
    """Return `raw` in the normal form of its `system` (ContactPoint.System).

    Raises:
        NotAnAddress: it cannot be one.
    """
    match system:
        case System.PHONE:
            return phone(raw)
        case System.EMAIL:
            return email(raw)
        case System.MESSENGER | System.VISITOR:
            # A provider's or our own opaque id; case matters.
            value = raw.strip()
            if _OPAQUE.fullmatch(value):
                return value
    raise NotAnAddress(system)


def phone(raw: str, region: str | None = None) -> str:
    """Return a phone number as E.164, "+15550100142".

    A number only has to be possible, not in use: numbering plans change faster than libraries, and
    the fictitious 555-01xx numbers are possible but never in use. A number with an extension is
    refused: without it, others in the house would get the message.

    Args:
        raw: as typed or as a provider sent it.
        region: where a number without "+" is dialled, ISO 3166-1; default settings.PHONE_REGION.

    Raises:
        NotAnAddress: no number, too short or long, an extension, or a withheld caller's stand-in.
    """
    value = _to_e164(raw, region or settings.PHONE_REGION)
    # Some plans drop a trunk prefix only on a second reading, or a third: until it stays as it is.
    while (again := _to_e164(value, None)) != value:
        value = again
    if value in _WITHHELD or len(value) > LONGEST_NUMBER:
        raise NotAnAddress(System.PHONE)
    return value


def _to_e164(raw: str, region: str | None) -> str:
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException as error:
        raise NotAnAddress(System.PHONE) from error
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != ValidationResult.IS_POSSIBLE or number.extension:
        raise NotAnAddress(System.PHONE)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def email(raw: str) -> str:
    """Return an e-mail address in lower case, its domain as it travels (IDNA 2008, "xn--…").

    Raises:
        NotAnAddress: it is none, or its part before the @ is not ASCII (few servers take those).
    """
    local, at, domain = unicodedata.normalize("NFKC", raw).strip().rpartition("@")
    if not at:
        raise NotAnAddress(System.EMAIL)
    try:
        travelling = idna.encode(domain, uts46=True).decode("ascii")
        value = f"{local.lower()}@{travelling}"
        _check_email(value)
    except (idna.IDNAError, ValidationError) as error:
        raise NotAnAddress(System.EMAIL) from error
    if len(value) > _LONGEST:
        raise NotAnAddress(System.EMAIL)
    return value


def display(contact_point: ContactPoint) -> str:
    """Return a contact point for people to read.

    "(555) 010-0142" within the home region's country code, "+44 20 7946 0123" elsewhere.
    """
    match contact_point.system:
        case System.PHONE:
            number = phonenumbers.parse(contact_point.value, None)
            home = phonenumbers.country_code_for_region(settings.PHONE_REGION)
            style = (
                PhoneNumberFormat.NATIONAL
                if number.country_code == home
                else PhoneNumberFormat.INTERNATIONAL
            )
            return phonenumbers.format_number(number, style)
        case System.EMAIL:
            local, _at, domain = contact_point.value.rpartition("@")
            try:
                return f"{local}@{idna.decode(domain)}"
            except idna.IDNAError:
                # A domain that took its place before the rules did; shown as it travels.
                return contact_point.value
        case System.VISITOR if contact_point.value.startswith(WITHHELD_CALL):
            return _("Withheld number")
        case System.VISITOR:
            return _("Chat visitor")
        case _:
            return _("Messenger")
