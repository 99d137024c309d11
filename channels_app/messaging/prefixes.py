"""How one messaging API tells three channels apart: by a word before both addresses.

`+15550100142` is a text, `whatsapp:+15550100142` and `messenger:6217…` are not (notes on Twilio,
4).
"""

from hub.conversations.models import Channel
from patients.models import ContactPoint

#: What an address is on each of the channels: one number is one contact point, whatever it carries.
SYSTEMS: dict[str, str] = {
    Channel.SMS: ContactPoint.System.PHONE,
    Channel.WHATSAPP: ContactPoint.System.PHONE,
    Channel.MESSENGER: ContactPoint.System.MESSENGER,
}

_PREFIXES = {Channel.WHATSAPP.value: "whatsapp:", Channel.MESSENGER.value: "messenger:"}


def split(address: str) -> tuple[str, str]:
    """Return the channel of one of Twilio's addresses, and the address without its prefix."""
    for channel, prefix in _PREFIXES.items():
        if address.startswith(prefix):
            return channel, address.removeprefix(prefix)
    return Channel.SMS.value, address


def join(channel: str, address: str) -> str:
    """Return `address` as Twilio writes it on `channel`."""
    return _PREFIXES.get(channel, "") + address
