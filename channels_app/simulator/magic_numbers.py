"""Numbers that behave in a known way, so that each failure can be called up at will.

The ``+1500555…`` ones are those of Twilio's own test credentials. The others are the
simulator's: any ``+1555…`` number with one of the endings below.
"""

from __future__ import annotations

import re

from .errors import TwilioError, too_many_requests

#: A sender that Twilio's test credentials accept although nobody owns it.
VALID_TEST_SENDER = "+15005550006"

#: Ending of a +1555 number → the error its carrier reports after "sent".
UNDELIVERED_ENDINGS = {"0003": 30003, "0005": 30005, "0006": 30006, "0007": 30007, "0008": 30008}
RATE_LIMITED_ENDING = "0429"

_ENDING = re.compile(r"\+1555\d{3}(\d{4})")


def refuse_recipient(to: str, sender: str) -> None:
    """Raise what Twilio answers for a magic ``To``; ordinary numbers pass.

    Raises:
        TwilioError: 21211, 21612, 21408, 21610 or 21614, or 429 for the ``…0429`` ending.
    """
    refusals = {
        "+15005550001": (21211, f"Invalid 'To' Phone Number: {to}"),
        "+15005550002": (
            21612,
            f"The 'To' phone number: {to}, is not currently reachable using the "
            f"'From' phone number: {sender} via SMS.",
        ),
        "+15005550003": (
            21408,
            "Permission to send an SMS or MMS has not been enabled for the region indicated "
            f"by the 'To' number: {to}",
        ),
        "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
        "+15005550009": (21614, f"'To' number: {to}, is not a valid mobile number"),
    }
    if to in refusals:
        raise TwilioError(*refusals[to])
    if ending(to) == RATE_LIMITED_ENDING:
        raise too_many_requests()


def refuse_called(to: str) -> None:
    """Raise what Twilio answers for a call to a magic ``To``; ordinary numbers pass.

    Raises:
        TwilioError: 21217, 21214, 21215 or 21216, or 429 for the ``…0429`` ending.
    """
    refusals = {
        "+15005550001": (21217, f"Phone number does not appear to be valid: {to}"),
        "+15005550002": (21214, f"'To' phone number cannot be reached: {to}"),
        "+15005550003": (21215, "Account not authorized to call the region of the 'To' number"),
        "+15005550004": (21216, "Account not allowed to call the 'To' number"),
    }
    if to in refusals:
        raise TwilioError(*refusals[to])
    if ending(to) == RATE_LIMITED_ENDING:
        raise too_many_requests()


def refuse_sender(sender: str) -> None:
    """Raise what Twilio answers for a magic ``From``; ordinary numbers pass.

    Raises:
        TwilioError: 21212 (invalid), 21606 (not yours), 21611 (its queue is full).
    """
    refusals = {
        "+15005550001": (21212, f"Invalid From Number (caller ID): {sender}"),
        "+15005550007": (
            21606,
            f"The 'From' phone number {sender} is not a valid, SMS-capable inbound phone "
            "number or short code for your account.",
        ),
        "+15005550008": (
            21611,
            f"This 'From' number {sender} has exceeded the maximum number of queued messages",
        ),
    }
    if sender in refusals:
        raise TwilioError(*refusals[sender])


def carrier_error(to: str) -> int | None:
    """The delivery error that this number's carrier always reports, if any."""
    return UNDELIVERED_ENDINGS.get(ending(to))


def ending(number: str) -> str:
    """The last four digits of a ``+1555`` number, empty for any other."""
    match = _ENDING.fullmatch(number)
    return match[1] if match else ""
