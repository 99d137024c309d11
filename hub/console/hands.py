"""Into whose hands a conversation may be given: people and departments, with load and presence."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q

from hub.conversations.models import Conversation
from hub.staff.models import Department, Membership, Presence, Role, User
from hub.staff.presence import MOST_REACHABLE_FIRST, presence_of

_OPEN = (Conversation.Status.OPEN, Conversation.Status.WAITING)


@dataclass(frozen=True, slots=True)
class Person:
    """A colleague, how much they hold, and whether they are there."""

    uuid: UUID
    name: str
    initials: str
    presence: str
    presence_label: str
    load: int  # conversations that are open and theirs
    is_me: bool


@dataclass(frozen=True, slots=True)
class Team:
    """A department, and how many wait there."""

    uuid: UUID
    name: str
    waiting: int
    is_restricted: bool


def people_of(department_ids: Collection[int], *, me: User) -> list[Person]:
    """Return who belongs to all of these departments: who is there first, then who has least."""
    wanted = set(department_ids)
    belonging = Membership.objects.filter(department_id__in=wanted).values("user_id")
    users = (
        User.objects.filter(is_active=True, role__in=(Role.AGENT, Role.SUPERVISOR))
        .filter(
            pk__in=belonging.annotate(count=Count("department_id", distinct=True))
            .filter(count=len(wanted))
            .values("user_id")
        )
        .annotate(load=Count("held_conversations", filter=Q(held_conversations__status__in=_OPEN)))
    )
    found = list(users)
    where = presence_of(user.pk for user in found)
    people = [
        Person(
            uuid=user.uuid,
            name=user.name,
            initials=user.initials,
            presence=where[user.pk].value,
            presence_label=str(where[user.pk].label),
            load=user.load,
            is_me=user.pk == me.pk,
        )
        for user in found
    ]
    return sorted(people, key=_order)


def departments(*, without: int) -> list[Team]:
    """Return the other departments."""
    rows = Department.objects.exclude(pk=without).annotate(
        waiting=Count(
            "conversations",
            filter=Q(conversations__holder=None, conversations__status__in=_OPEN),
        )
    )
    return [Team(one.uuid, one.name, one.waiting, one.restricted) for one in rows]


def _order(person: Person) -> tuple[bool, int, int, str]:
    reach = MOST_REACHABLE_FIRST.index(Presence(person.presence))
    return (not person.is_me, reach, person.load, person.name)
