"""What production refuses to start with. Each refusal says what is wrong and what to do."""

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

SECRET_KEY_LENGTH = 50
# What a random key of that length has for certain, and a row of one letter has not.
SECRET_KEY_CHARACTERS = 10
DEFAULT_KEYS = ("django-insecure", "demo", "not-a-secret", "change")


def refuse_unsafe(
    *,
    debug: bool,
    secret_key: str,
    public_url: str,
    twilio_backend: str,
    twilio_api_base: str,
    twilio_account_sid: str,
    twilio_auth_token: str,
) -> None:
    """Raise ImproperlyConfigured, naming every fault at once, if these are not fit for patients."""
    faults = []
    if debug:
        faults.append("HUB_DEBUG is on: it shows settings and data to anybody who causes an error.")
    if (
        len(secret_key) < SECRET_KEY_LENGTH
        or len(set(secret_key)) < SECRET_KEY_CHARACTERS
        or secret_key.startswith(DEFAULT_KEYS)
    ):
        faults.append(
            f"HUB_SECRET_KEY is a default or shorter than {SECRET_KEY_LENGTH} characters: "
            "make one with `python -c 'import secrets; print(secrets.token_urlsafe(64))'`."
        )
    public = urlsplit(public_url)
    if public.scheme != "https":
        faults.append("HUB_PUBLIC_URL must begin with https://: patients' words pass over it.")
    if public.hostname in ("localhost", "127.0.0.1", "::1"):
        faults.append("HUB_PUBLIC_URL names this machine: providers and patients cannot reach it.")
    if twilio_backend != "live" or twilio_api_base:
        faults.append("TWILIO_BACKEND must be live, TWILIO_API_BASE unset: the simulator is a toy.")
    elif not (twilio_account_sid and twilio_auth_token):
        faults.append("TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are needed to send and to verify.")
    if faults:
        raise ImproperlyConfigured("The hub will not start:\n - " + "\n - ".join(faults))
