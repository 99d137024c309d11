"""Only Twilio may call our webhooks: each carries a signature over the address and its fields.

The address is what we configured (settings.PUBLIC_URL), never the Host header. Two tokens are
valid while one is being exchanged (notes on Twilio, 1.3).
"""

from django.conf import settings
from django.http import HttpRequest
from twilio.request_validator import RequestValidator


def is_signed(request: HttpRequest) -> bool:
    """Whether the request carries a valid signature for this address and these fields."""
    signature = request.headers.get("X-Twilio-Signature", "")
    if not signature:
        return False
    address = settings.PUBLIC_URL + request.get_full_path()
    return any(
        RequestValidator(token).validate(address, request.POST, signature)
        for token in (settings.TWILIO_AUTH_TOKEN, settings.TWILIO_AUTH_TOKEN_PREVIOUS)
        if token
    )
