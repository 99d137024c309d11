"""The address that mail of ours is answered to: it names the conversation, and is signed.

``front-desk+r.abcde…@clinic.example`` (plus-addressing, RFC 5233). The part behind the dot is the
conversation's id and a signature of it with the mailbox, in base 32: letters and digits of one
case, since some servers change the case of what stands before the "@".
"""

import base64
import hmac
from binascii import Error as NotBase32

from django.utils.crypto import salted_hmac

_MARK = "+r."
_ID_BYTES = 6
_SIGNATURE_BYTES = 10


def reply_address(mailbox: str, conversation_id: int) -> str:
    """Return the address of `mailbox` at which a conversation is answered."""
    local, _at, domain = mailbox.partition("@")
    number = conversation_id.to_bytes(_ID_BYTES, "big")
    token = base64.b32encode(number + _signature(mailbox, number)).decode().rstrip("=").lower()
    return f"{local}{_MARK}{token}@{domain}"


def conversation_of(mailbox: str, address: str) -> int | None:
    """Return the id of the conversation that `address` of `mailbox` names; None: none, or forged.

    Args:
        mailbox: our address, in normal form.
        address: to whom the mail was sent, in any case.
    """
    local, _at, domain = address.lower().partition("@")
    own, _at, own_domain = mailbox.partition("@")
    if domain != own_domain or not local.startswith(own + _MARK):
        return None
    token = local.removeprefix(own + _MARK).upper()
    try:
        packed = base64.b32decode(token + "=" * (-len(token) % 8))
    except (NotBase32, ValueError):
        return None
    if reply_address(mailbox, int.from_bytes(packed[:_ID_BYTES], "big")) != address.lower():
        return None  # another spelling of the same bits, or another length
    number, signature = packed[:_ID_BYTES], packed[_ID_BYTES:]
    if not hmac.compare_digest(signature, _signature(mailbox, number)):
        return None
    return int.from_bytes(number, "big")


def own_address(address: str) -> str:
    """Return a plus-address without what stands behind its plus."""
    local, at, domain = address.lower().partition("@")
    return f"{local.partition('+')[0]}{at}{domain}"


def _signature(mailbox: str, number: bytes) -> bytes:
    signed = salted_hmac("email.reply", mailbox.encode() + b"\0" + number, algorithm="sha256")
    return signed.digest()[:_SIGNATURE_BYTES]
