"""What happens when somebody logs in or out, or changes what they log in with."""

from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa import signals as mfa_signals
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from hub.audit.record import AuditAction, record
from hub.realtime.events import PresenceChanged
from hub.realtime.publish import publish_on_commit
from hub.staff import actions, lock
from hub.staff.adapter import has_second_factor
from hub.staff.models import Tab, User


@receiver(user_logged_in)
def on_log_in(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Start the limits of the log-in; allauth has asked for the second factor by now, if any."""
    lock.begin(request.session, second_factor=has_second_factor(user))
    if user.chosen_presence:
        User.objects.filter(pk=user.pk).update(chosen_presence="")
        publish_on_commit(PresenceChanged(user.pk))
    steps = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    record(
        AuditAction.SIGN_IN,
        actor=user,
        detail={"by": [step.get("type") or step.get("method", "") for step in steps]},
    )


@receiver(user_logged_out)
def on_log_out(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Close the tabs of the log-in, so that nobody is thought to be there."""
    if user is None:
        return
    record(AuditAction.SIGN_OUT, actor=user)
    if Tab.objects.filter(user=user, session_key=request.session.session_key or "").delete()[0]:
        publish_on_commit(PresenceChanged(user.pk))


@receiver([password_changed, password_set])
def on_password_change(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Whoever knew the old password is logged out; the person themself stays."""
    record(AuditAction.PASSWORD_CHANGED, actor=user, detail={"by": "change"})
    with transaction.atomic():
        actions.end_other_sessions(user, but=request.session.session_key)


@receiver(password_reset)
def on_password_reset(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """After a reset by mail everybody logs in anew, with the second factor as before."""
    record(AuditAction.PASSWORD_CHANGED, actor=user, detail={"by": "reset"})
    with transaction.atomic():
        actions.end_other_sessions(user, but=None)


@receiver(mfa_signals.authenticator_added)
def on_second_factor_added(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """The log-in that set it up has proved it; the others must log in with it."""
    _on_second_factor(request, user, "added", kwargs["authenticator"].type)
    with transaction.atomic():
        actions.end_other_sessions(user, but=request.session.session_key)


@receiver(mfa_signals.authenticator_removed)
def on_second_factor_removed(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """A person whose last second factor went must set up a new one where one is required."""
    _on_second_factor(request, user, "removed", kwargs["authenticator"].type)


@receiver(mfa_signals.authenticator_reset)
def on_recovery_codes_made(request: HttpRequest, user: User, **kwargs: Any) -> None:
    """New recovery codes replace the old."""
    _on_second_factor(request, user, "made_anew", kwargs["authenticator"].type)


@receiver(mfa_signals.authentication_failed)
def on_second_factor_failed(user: User, **kwargs: Any) -> None:
    """Write a wrong code down."""
    record(AuditAction.SIGN_IN_FAILED, actor=None, objects=[user], detail={"why": "second_factor"})


@receiver(post_save, sender=User)
def keep_address(
    instance: User, created: bool, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """Keep allauth's table of addresses in step; an invitation has proved the address."""
    if created or update_fields is None or "email" in update_fields:
        EmailAddress.objects.update_or_create(
            user=instance,
            primary=True,
            defaults={"email": instance.email, "verified": True},
        )


def _on_second_factor(request: HttpRequest, user: User, change: str, kind: str) -> None:
    lock.note_second_factor(request.session, proved=has_second_factor(user))
    record(
        AuditAction.SECOND_FACTOR_CHANGED,
        actor=user,
        objects=[user],
        detail={"change": change, "type": kind},
    )
