"""The channels beside SMS: how addresses are written there, and what holds of them.

``whatsapp:+15550100142`` and ``messenger:6000…`` come and go by the same Messages resource as
``+15550100142``. Somebody's id at Messenger is made of their phone's number here, so that one phone
on the desk has all three.
"""

from __future__ import annotations

import re
from datetime import timedelta

from .settings import E164

PREFIXES = {"whatsapp": "whatsapp:", "messenger": "messenger:"}
NAMES = ("sms", *PREFIXES)

#: Free words go out for so long after the patient's last ones to that sender.
WINDOW = timedelta(hours=24)

_PSID = re.compile(r"6(\d{15})")


def split(address: str) -> tuple[str, str]:
    """The channel of an address, and the address without its prefix."""
    for channel, prefix in PREFIXES.items():
        if address.startswith(prefix):
            return channel, address.removeprefix(prefix)
    return "sms", address


def written(channel: str, address: str) -> str:
    """An address of the account as the API writes it on this channel."""
    return PREFIXES.get(channel, "") + address


def of_phone(channel: str, e164: str) -> str:
    """A phone's address as the API writes it on this channel."""
    theirs = f"6{e164.removeprefix('+'):0>15}" if channel == "messenger" else e164
    return written(channel, theirs)


def phone_of(channel: str, address: str) -> str | None:
    """The phone behind an address without its prefix; None where there can be none."""
    if channel == "messenger":
        match = _PSID.fullmatch(address)
        address = f"+{match[1].lstrip('0')}" if match else ""
    return address if E164.fullmatch(address) else None
