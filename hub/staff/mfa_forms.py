"""allauth's forms for passkeys, which say nothing of a failure; ours write it down."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.core.exceptions import ValidationError

from hub.audit.record import AuditAction, record


class _Audited:
    """Writes down a passkey that was not accepted."""

    user: Any

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc]
        except ValidationError:
            whose = [self.user] if self.user else []
            record(AuditAction.SIGN_IN_FAILED, actor=None, objects=whose, detail={"why": "passkey"})
            raise


class LoginByPasskeyForm(_Audited, LoginWebAuthnForm):
    """A passkey in place of the password."""


class SecondFactorPasskeyForm(_Audited, AuthenticateWebAuthnForm):
    """A passkey after the password."""


class ConfirmByPasskeyForm(_Audited, ReauthenticateWebAuthnForm):
    """A passkey of a person who is logged in: before changes, and to unlock the screen."""
