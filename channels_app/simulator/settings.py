"""What the simulator needs to know, read once from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Where the simulator refuses to run, because its texts reach nobody.
FORBIDDEN_ENVIRONMENTS = frozenset({"", "production"})

DEFAULT_ACCOUNT_SID = "AC" + "5" * 32
DEFAULT_AUTH_TOKEN = "simulated-auth-token-for-demo-and-tests-only"
DEFAULT_SERVICE_SID = "MG" + "5" * 32
DEFAULT_API_KEY_SID = "SK" + "5" * 32
DEFAULT_API_KEY_SECRET = "simulated-api-key-secret-for-demo-and-tests-only"
#: The sample clinic's: the main desk and cardiology.
DEFAULT_NUMBERS = "+15550100100,+15550100200"
#: The id of its page at Facebook, which patients write to by Messenger.
PAGE = "100055501001000"

#: Where the hub takes inbound texts, and the connection overrides an operator is advised to add
#: in Twilio's console: three retries on errors of the hub and of the network.
INBOUND_PATH = "/twilio/messaging/inbound#rc=3&rp=5xx,ct,rt"
#: Where the hub answers calls, is asked when that fails, and hears what became of a call.
VOICE_PATH = "/twilio/voice/incoming#rc=2&rp=5xx,ct,rt"
VOICE_FALLBACK_PATH = "/twilio/voice/fallback"
VOICE_STATUS_PATH = "/twilio/voice/status#rc=3&rp=all"

E164 = re.compile(r"\+[1-9]\d{6,14}")


class UnsafeEnvironment(RuntimeError):
    """The simulator was started where real patients might be waiting for real texts."""


class InvalidSetting(RuntimeError):
    """An environment variable holds something the simulator cannot use."""


@dataclass(frozen=True)
class OwnedNumber:
    """A number that the simulated account owns, as configured in Twilio's console.

    ``sms_path`` is relative to the hub's public URL; it may carry Twilio's connection overrides
    after a ``#``.
    """

    e164: str
    sms_path: str = INBOUND_PATH


@dataclass(frozen=True)
class Settings:
    """The simulator's configuration; see :func:`from_environment` for the variables."""

    account_sid: str
    auth_token: str
    messaging_service_sid: str
    hub_url: str
    numbers: tuple[OwnedNumber, ...]
    specification: str
    api_key_sid: str = DEFAULT_API_KEY_SID
    api_key_secret: str = DEFAULT_API_KEY_SECRET


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    ``HUB_ENV`` must be ``demo`` or ``test``. ``TWILIO_ACCOUNT_SID``, ``TWILIO_AUTH_TOKEN`` and
    ``TWILIO_MESSAGING_SERVICE_SID`` are the simulated account's, and with the secret of
    ``TWILIO_API_KEY_SID``, ``TWILIO_API_KEY_SECRET``, agents' devices show that they belong to it.
    ``HUB_PUBLIC_URL`` is the base
    that webhooks are signed for and the only place they are ever sent to.
    ``SIMULATOR_NUMBERS`` lists the account's numbers, comma-separated, each alone or as
    ``+15550100200=/path/of/its/webhook``. ``SIMULATOR_SPECIFICATION`` is ``auto`` (check against
    Twilio's OpenAPI document where it is installed), ``required`` or ``off``.

    Raises:
        UnsafeEnvironment: in production, or where nobody said which environment this is.
        InvalidSetting: when a variable cannot be understood.
    """
    if environment.get("HUB_ENV", "") in FORBIDDEN_ENVIRONMENTS:
        raise UnsafeEnvironment(
            "The simulated Twilio does not start in production, nor where HUB_ENV is unset: "
            "texts given to it reach nobody. Set HUB_ENV=demo to try the hub on this computer."
        )
    specification = environment.get("SIMULATOR_SPECIFICATION", "auto")
    if specification not in {"auto", "required", "off"}:
        raise InvalidSetting("SIMULATOR_SPECIFICATION is one of auto, required, off.")
    return Settings(
        account_sid=_sid(environment, "TWILIO_ACCOUNT_SID", "AC", DEFAULT_ACCOUNT_SID),
        auth_token=environment.get("TWILIO_AUTH_TOKEN") or DEFAULT_AUTH_TOKEN,
        messaging_service_sid=_sid(
            environment, "TWILIO_MESSAGING_SERVICE_SID", "MG", DEFAULT_SERVICE_SID
        ),
        hub_url=environment.get("HUB_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/"),
        numbers=parse_numbers(environment.get("SIMULATOR_NUMBERS") or DEFAULT_NUMBERS),
        specification=specification,
        api_key_sid=_sid(environment, "TWILIO_API_KEY_SID", "SK", DEFAULT_API_KEY_SID),
        api_key_secret=environment.get("TWILIO_API_KEY_SECRET") or DEFAULT_API_KEY_SECRET,
    )


def parse_numbers(text: str) -> tuple[OwnedNumber, ...]:
    """Read ``+15550100100,+15550100200=/other/path`` into owned numbers.

    Raises:
        InvalidSetting: when an item is not a number in E.164 form.
    """
    numbers = []
    for item in text.split(","):
        e164, _, path = item.strip().partition("=")
        if not E164.fullmatch(e164):
            raise InvalidSetting("SIMULATOR_NUMBERS wants numbers in E.164 form, comma-separated.")
        numbers.append(OwnedNumber(e164, path or INBOUND_PATH))
    return tuple(numbers)


def _sid(environment: Mapping[str, str], name: str, prefix: str, default: str) -> str:
    sid = environment.get(name) or default
    if not re.fullmatch(prefix + "[0-9a-fA-F]{32}", sid):
        raise InvalidSetting(f"{name} must be {prefix} and 32 hexadecimal digits.")
    return sid
