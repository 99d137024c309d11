"""The only writers of people: each a verb, one transaction, one audit record.

Administrators alone may call them (`NotAnAdministrator` otherwise), except `accept_invitation`.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.mail import EmailMessage
from django.db import models, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from hub.audit.record import AuditAction, record
from hub.realtime.events import PresenceChanged
from hub.realtime.publish import publish_on_commit
from hub.staff.models import Department, Invitation, Membership, Role, StaffSession, Tab, User
from hub.staff.signals import person_regrouped, person_switched_off

INVITATION_LASTS = timedelta(hours=72)


class StaffError(Exception):
    """A change to people that is refused. The subclasses say why."""


class NotAnAdministrator(StaffError):
    """Only an administrator who is switched on may do this."""


class LastAdministrator(StaffError):
    """It would leave the hub without an administrator."""


class OwnAccount(StaffError):
    """Nobody switches themself off: another administrator must."""


class EmailTaken(StaffError):
    """Somebody with this e-mail address has an account already."""


class UnknownRole(StaffError):
    """There is no such role."""


class InvitationClosed(StaffError):
    """There is no such invitation, or it was used, withdrawn, or is too old.

    One exception for all of these, so that a stranger learns nothing from trying.
    """


@transaction.atomic
def invite(
    by: User, *, email: str, name: str, role: str, departments: Iterable[Department] = ()
) -> Invitation:
    """Invite a person and mail them the way in once the transaction is committed.

    An earlier invitation to the same address is withdrawn, so that one link is good at a time.

    Raises:
        NotAnAdministrator, UnknownRole.
        EmailTaken: somebody has an account with this address.
    """
    _need_administrator(by)
    _need_role(role)
    email = email.strip().lower()
    if User.objects.filter(email__iexact=email).exists():
        raise EmailTaken
    now = timezone.now()
    _open_invitations().filter(email=email).update(withdrawn_at=now)
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        email=email,
        name=name.strip(),
        role=role,
        token_hash=hash_token(token),
        invited_by=by,
        expires_at=now + INVITATION_LASTS,
    )
    invitation.departments.set(departments)
    record(AuditAction.INVITED, actor=by, objects=[invitation], detail={"role": role})
    transaction.on_commit(lambda: _mail_invitation(invitation, token), robust=True)
    return invitation


@transaction.atomic
def withdraw_invitation(by: User, invitation: Invitation) -> None:
    """Make an invitation's link worthless.

    Raises:
        NotAnAdministrator.
        InvitationClosed: it was used, withdrawn or has expired already.
    """
    _need_administrator(by)
    if not _open_invitations().filter(pk=invitation.pk).update(withdrawn_at=timezone.now()):
        raise InvitationClosed
    record(AuditAction.INVITATION_WITHDRAWN, actor=by, objects=[invitation])


def find_invitation(token: str) -> Invitation:
    """Return the open invitation of `token`; raise InvitationClosed for every other token."""
    invitation = _open_invitations().filter(token_hash=hash_token(token)).first()
    if invitation is None:
        raise InvitationClosed
    return invitation


@transaction.atomic
def accept_invitation(token: str, *, name: str, password: str) -> User:
    """Return the new account of the person who holds `token`. A token works once.

    Raises:
        InvitationClosed: there is no open invitation with this token.
        ValidationError: the password is too weak.
        EmailTaken: an account with this address was made meanwhile.
    """
    invitation = (
        _open_invitations().select_for_update().filter(token_hash=hash_token(token)).first()
    )
    if invitation is None:
        raise InvitationClosed
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise EmailTaken
    candidate = User(email=invitation.email, name=name.strip())
    validate_password(password, candidate)
    user = User.objects.create_user(
        invitation.email, password, name=name.strip(), role=invitation.role
    )
    Membership.objects.bulk_create(
        Membership(user=user, department=department) for department in invitation.departments.all()
    )
    invitation.accepted_at, invitation.accepted_by = timezone.now(), user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    record(AuditAction.INVITATION_ACCEPTED, actor=user, objects=[invitation])
    return user


@transaction.atomic
def change_role(by: User, user: User, role: str) -> None:
    """Give `user` another role; what they may see changes at once.

    Raises:
        NotAnAdministrator, UnknownRole.
        LastAdministrator: they are the only one left.
    """
    _need_role(role)
    before = _locked(by, user, leaves=lambda person: role != Role.ADMINISTRATOR)
    if before.role == role:
        return
    User.objects.filter(pk=user.pk).update(role=role)
    user.role = role
    record(
        AuditAction.ROLE_CHANGED,
        actor=by,
        objects=[user],
        detail={"before": before.role, "after": role},
    )
    _tell_regrouped(user, by)


@transaction.atomic
def set_departments(by: User, user: User, departments: Iterable[Department]) -> None:
    """Make `user` a member of exactly these departments.

    Raises:
        NotAnAdministrator.
    """
    _locked(by, user, leaves=lambda person: False)
    wanted = {department.pk for department in departments}
    current = set(user.memberships.values_list("department_id", flat=True))
    if wanted == current:
        return
    user.memberships.exclude(department_id__in=wanted).delete()
    Membership.objects.bulk_create(
        Membership(user=user, department_id=pk) for pk in sorted(wanted - current)
    )
    record(
        AuditAction.MEMBERSHIP_CHANGED,
        actor=by,
        objects=[user],
        detail={"before": sorted(current), "after": sorted(wanted)},
    )
    _tell_regrouped(user, by)


@transaction.atomic
def set_abilities(by: User, user: User, *, skills: Sequence[str], languages: Sequence[str]) -> None:
    """Say what `user` is trained for and which languages they speak with patients, by codes.

    Raises:
        NotAnAdministrator.
    """
    before = _locked(by, user, leaves=lambda person: False)
    if before.skills == list(skills) and before.languages == list(languages):
        return
    user.skills, user.languages = list(skills), list(languages)
    user.save(update_fields=["skills", "languages"])
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=by,
        objects=[user],
        detail={
            "before": {"skills": before.skills, "languages": before.languages},
            "after": {"skills": user.skills, "languages": user.languages},
        },
    )


@transaction.atomic
def switch_off(by: User, user: User) -> None:
    """Keep `user` from logging in, and end their log-ins, tabs and sockets at once.

    Raises:
        NotAnAdministrator.
        OwnAccount: they are `by` themself.
    """
    if by.pk == user.pk:
        _need_administrator(by)
        raise OwnAccount
    if not _locked(by, user, leaves=lambda person: True).is_active:
        return
    User.objects.filter(pk=user.pk).update(is_active=False, chosen_presence="")
    user.is_active, user.chosen_presence = False, ""
    record(AuditAction.SWITCHED_OFF, actor=by, objects=[user])
    _end_sessions(user)
    person_switched_off.send(sender=User, user=user, by=by)


@transaction.atomic
def switch_on(by: User, user: User) -> None:
    """Let `user` log in again.

    Raises:
        NotAnAdministrator.
    """
    _need_administrator(by)
    if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        return
    user.is_active = True
    record(AuditAction.SWITCHED_ON, actor=by, objects=[user])
    publish_on_commit(PresenceChanged(user.pk))


@transaction.atomic
def end_sessions(by: User, user: User) -> None:
    """Log `user` out everywhere.

    Raises:
        NotAnAdministrator: `by` is neither an administrator nor `user` themself.
    """
    if by.pk != user.pk:
        _need_administrator(by)
    record(AuditAction.SESSIONS_ENDED, actor=by, objects=[user])
    _end_sessions(user)


@transaction.atomic
def reset_second_factor(by: User, user: User) -> None:
    """Take away every second factor of a person who lost theirs, and log them out everywhere.

    Raises:
        NotAnAdministrator.
        OwnAccount: nobody takes their own away like this; that asks for the factor itself.
    """
    _need_administrator(by)
    if by.pk == user.pk:
        raise OwnAccount
    Authenticator.objects.filter(user=user).delete()
    record(AuditAction.SECOND_FACTOR_CHANGED, actor=by, objects=[user], detail={"change": "reset"})
    _end_sessions(user)


def end_other_sessions(user: User, but: str | None) -> None:
    """End the log-ins of `user` except the one with the session key `but`.

    Called when a password was changed or reset: whoever knew the old one is out.
    """
    _end_sessions(user, but=but)


def hash_token(token: str) -> str:
    """Return what the database keeps of an invitation's token (256 random bits need no salt)."""
    return hashlib.sha256(token.encode()).hexdigest()


def _end_sessions(user: User, but: str | None = None) -> None:
    for rows in (
        StaffSession.objects.filter(user=user),
        UserSession.objects.filter(user=user),
        Tab.objects.filter(user=user),
    ):
        rows.exclude(session_key=but or "").delete()
    publish_on_commit(PresenceChanged(user.pk))


def _open_invitations() -> models.QuerySet[Invitation]:
    return Invitation.objects.filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=timezone.now()
    )


def _need_administrator(by: User) -> None:
    if not User.objects.filter(pk=by.pk, is_active=True, role=Role.ADMINISTRATOR).exists():
        raise NotAnAdministrator


def _need_role(role: str) -> None:
    if role not in Role.values:
        raise UnknownRole(role)


def _locked(by: User, user: User, *, leaves: Callable[[User], bool]) -> User:
    """Return `user` as the database has them, locked together with all administrators.

    All rows are locked in one order, so that of two administrators who switch each other off at the
    same moment one waits, and is then told that they may not any more.

    Args:
        by: who wants the change.
        user: whom it is about.
        leaves: whether `user` would stop being an administrator by it.

    Raises:
        NotAnAdministrator, LastAdministrator.
    """
    administrators = Q(role=Role.ADMINISTRATOR, is_active=True)
    people = {
        person.pk: person
        for person in User.objects.select_for_update()
        .filter(administrators | Q(pk=user.pk))
        .order_by("pk")
    }
    remaining = {pk for pk, each in people.items() if each.is_administrator and each.is_active}
    if by.pk not in remaining:
        raise NotAnAdministrator
    current = people[user.pk]
    if leaves(current) and not remaining - {user.pk}:
        raise LastAdministrator
    return current


def _tell_regrouped(user: User, by: User) -> None:
    person_regrouped.send(sender=User, user=user, by=by)
    publish_on_commit(PresenceChanged(user.pk))


def _mail_invitation(invitation: Invitation, token: str) -> None:
    link = settings.PUBLIC_URL + reverse("staff:welcome_link", args=[token])
    with translation.override(settings.LANGUAGE_CODE):
        EmailMessage(
            subject=_("Your account at %(organisation)s")
            % {"organisation": settings.ORGANISATION_NAME},
            body=render_to_string(
                "staff/email/invitation.txt",
                {
                    "name": invitation.name,
                    "inviter": invitation.invited_by.name,
                    "organisation": settings.ORGANISATION_NAME,
                    "link": link,
                    "hours": int(INVITATION_LASTS.total_seconds() // 3600),
                },
            ),
            to=[invitation.email],
        ).send()
