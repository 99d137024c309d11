"""Reads people for the administrators' page: a fixed number of queries, however many people."""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from hub.staff.adapter import SECOND_FACTORS
from hub.staff.models import Invitation, Presence, User
from hub.staff.presence import presence_of


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the list."""

    user: User
    presence: Presence
    second_factor: bool
    departments: list[str]


def list_people(search: str = "") -> list[Person]:
    """Return everybody who has an account, those switched off last; `search` narrows it."""
    users = with_second_factor(User.objects.all()).prefetch_related("departments")
    if search:
        users = users.filter(Q(name__icontains=search) | Q(email__icontains=search))
    found = list(users.order_by("-is_active", "name", "pk"))
    presences = presence_of(user.pk for user in found)
    return [_person(user, presences[user.pk]) for user in found]


def get_person(user: User) -> Person:
    """Return the row of one person."""
    fresh = with_second_factor(User.objects.filter(pk=user.pk)).get()
    return _person(fresh, presence_of([user.pk])[user.pk])


def with_second_factor(users: QuerySet[User]) -> QuerySet[User]:
    """Annotate `users` with `second_factor`: whether they set one up."""
    factors = Authenticator.objects.filter(user_id=OuterRef("pk"), type__in=SECOND_FACTORS)
    return users.annotate(second_factor=Exists(factors))


def pending_invitations() -> QuerySet[Invitation]:
    """Return the invitations that were neither accepted nor withdrawn, the newest first."""
    return (
        Invitation.objects.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
        .select_related("invited_by")
        .prefetch_related("departments")
        .order_by("-invited_at")
    )


def is_open(invitation: Invitation) -> bool:
    """Whether an invitation's link still works."""
    return (
        invitation.accepted_at is None
        and invitation.withdrawn_at is None
        and invitation.expires_at > timezone.now()
    )


def _person(user: User, presence: Presence) -> Person:
    return Person(
        user=user,
        presence=presence,
        second_factor=user.second_factor,  # type: ignore[attr-defined]
        departments=[department.name for department in user.departments.all()],
    )
