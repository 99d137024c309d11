"""What an agent's browser shows the provider to take calls: short-lived, for one person alone."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant

from hub.staff.models import User

#: The browser asks for a new one before this is over.
LIFETIME = timedelta(minutes=30)
_IDENTITY = re.compile(r"agent_([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class PhoneToken:
    """What a browser needs to be a phone.

    Attributes:
        token: the provider's access token (a JWT).
        transport: "twilio" for its own library, "simulator" for the demo's.
        address: where the simulator's device connects; empty for Twilio's.
    """

    token: str
    expires_at: datetime
    transport: str
    address: str


class NoPhone(Exception):
    """No key is configured by which browsers could take calls."""


def identity_of(user_id: int | None) -> str:
    """Return the name by which the provider knows a person's browsers: an id, no name."""
    return f"agent_{user_id}"


def user_id_of(identity: str) -> int | None:
    """Return whose browsers `identity` names, or None."""
    found = _IDENTITY.fullmatch(identity.removeprefix("client:"))
    return int(found[1]) if found else None


def phone_token(user: User) -> PhoneToken:
    """Return a token with which `user`'s browser takes calls, and makes none. Raises NoPhone."""
    if not (settings.TWILIO_API_KEY_SID and settings.TWILIO_API_KEY_SECRET):
        raise NoPhone
    token = AccessToken(
        settings.TWILIO_ACCOUNT_SID,
        settings.TWILIO_API_KEY_SID,
        settings.TWILIO_API_KEY_SECRET,
        identity=identity_of(user.pk),
        ttl=int(LIFETIME.total_seconds()),
    )
    token.add_grant(VoiceGrant(incoming_allow=True))
    return PhoneToken(
        token=token.to_jwt(),
        expires_at=timezone.now() + LIFETIME,
        transport="simulator" if settings.TWILIO_API_BASE else "twilio",
        address=_device_address(),
    )


def _device_address() -> str:
    if not settings.TWILIO_API_BASE:
        return ""
    base = urlsplit(settings.TWILIO_API_BASE)
    scheme = "wss" if base.scheme == "https" else "ws"
    return f"{scheme}://{base.netloc}/simulator/device"
