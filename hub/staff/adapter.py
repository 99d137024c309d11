"""What allauth does our way: no sign-up, addresses from the settings, an audit of every attempt."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from hub.audit.origin import client_ip
from hub.audit.record import AuditAction, record
from hub.encryption.ring import ring
from hub.staff.models import User

SECOND_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
"""What counts as a second factor; recovery codes alone do not."""

_BOUND_TO = b"mfa.Authenticator.data"


class StaffAccountAdapter(DefaultAccountAdapter):
    """Log-in of staff by e-mail and password."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up: administrators invite."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return where a log-in leads: the console, and for administrators the people."""
        if request.user.is_authenticated and request.user.is_administrator:
            return reverse("staff:people")
        return super().get_login_redirect_url(request)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the client's address, believing no header that a proxy of ours did not write."""
        ip = client_ip(
            request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR", "")
        )
        if ip is None:
            raise PermissionDenied
        return ip

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link of a reset mail, on our own address whatever Host a client sent."""
        path = reverse(
            "account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"}
        ).replace("UID-KEY", key)
        return f"{settings.PUBLIC_URL}{path}"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return where a changed password leads: to the person's own page."""
        return reverse("staff:me")

    def format_email_subject(self, subject: str) -> str:
        """Begin a subject with the organisation's name, which the client cannot choose."""
        return f"[{settings.ORGANISATION_NAME}] {subject}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail; its texts name the organisation."""
        super().send_mail(
            template_prefix, email, {**context, "organisation": settings.ORGANISATION_NAME}
        )

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse when there were too many failures, and say so in the audit."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            _record_failure("too_many", credentials.get("email"))
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Write a wrong e-mail or password down."""
        _record_failure("wrong", credentials.get("email"))

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether `password` is that of `user`, who is logged in; limited like the log-in.

        Raises:
            ValidationError: there were too many failures.
        """
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """Answer a person who was switched off and knows their password."""
        _record_failure("switched_off", user.email)
        return super().respond_user_inactive(request, user)


class StaffMFAAdapter(DefaultMFAAdapter):
    """Second factors: names as people know them, and secrets that a database dump does not show."""

    def encrypt(self, text: str) -> str:
        """Return a secret as the database keeps it."""
        return base64.b64encode(ring().seal(text.encode(), _BOUND_TO)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret behind what `encrypt` returned."""
        return ring().open(base64.b64decode(encrypted_text), _BOUND_TO).decode()

    def get_totp_issuer(self) -> str:
        """Return the name that an authenticator app shows."""
        return settings.ORGANISATION_NAME

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return whom a passkey belongs to: the host asked for (one of ours), by our name."""
        entity = super().get_public_key_credential_rp_entity()
        return {**entity, "name": settings.ORGANISATION_NAME}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:  # noqa: A002
        """Return a name for a new passkey, which its owner may change."""
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether a second factor may go: where one is required, the last one stays."""
        if not settings.MFA_REQUIRED or authenticator.type not in SECOND_FACTORS:
            return True
        others = Authenticator.objects.filter(
            user_id=authenticator.user_id, type__in=SECOND_FACTORS
        ).exclude(pk=authenticator.pk)
        return others.exists()


def has_second_factor(user: AbstractBaseUser) -> bool:
    """Whether `user` has set up an authenticator app or a passkey."""
    return Authenticator.objects.filter(user_id=user.pk, type__in=SECOND_FACTORS).exists()


def _record_failure(why: str, email: str | None) -> None:
    """Write a failed log-in down: whose, if it is known, and never what was typed."""
    whose = User.objects.filter(email__iexact=(email or "").strip()).only("pk")
    record(AuditAction.SIGN_IN_FAILED, actor=None, objects=whose, detail={"why": why})
