"""Who is free for what: who is there, on no call, and has room for one more contact of a channel.

A call takes its person whole: while they are on one (or finish what it left to do, or are being
offered one) nothing else is offered. Other channels have room for as many as their rules say.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q
from django.utils import timezone

from hub.conversations.models import Channel, Conversation
from hub.routing import nudges
from hub.routing.models import Offer, Readiness
from hub.routing.rules import FILLING, Rules
from hub.staff.models import Presence, Role, User
from hub.staff.presence import presence_of


@dataclass(slots=True)
class Person:
    """Somebody who might be offered a contact, and what they have in hand.

    Attributes:
        on_a_call: the phone has them, or they finish what a call left to do.
        has: how many contacts of each channel they hold or are being offered.
        offered: the channels of the offers that wait for their answer.
    """

    user_id: int
    skills: frozenset[str]
    languages: frozenset[str]
    present: bool
    on_a_call: bool = False
    idle_since: datetime | None = None
    lapses: int = 0
    has: dict[str, int] = field(default_factory=dict)
    offered: set[str] = field(default_factory=set)

    def is_free_for(self, channel: str, room: int) -> bool:
        """Whether they can be offered one more of `channel`, of which they have room for `room`."""
        if not self.present or self.on_a_call or self.offered & FILLING:
            return False
        # One question at a time; but a call rings beside it, and takes its person if answered.
        if self.offered and channel not in FILLING:
            return False
        return self.has.get(channel, 0) < room


def people_of(department_id: int, rules: Rules, *, now: datetime) -> list[Person]:
    """Return the people of a department to whom its contacts are offered, present or not."""
    roles = [Role.AGENT]
    if rules.row.offer_to_supervisors:
        roles.append(Role.SUPERVISOR)
    return _people(
        User.objects.filter(
            memberships__department_id=department_id, is_active=True, role__in=roles
        ).values_list("pk", flat=True),
        now,
    )


def person(user_id: int, *, now: datetime) -> Person:
    """Return one person as they are now."""
    [found] = _people([user_id], now)
    return found


def is_free(
    user: User, *, channel: str = Channel.VOICE.value, room: int = 1, now: datetime | None = None
) -> bool:
    """Whether `user` is there, on no call, being offered none, and has room for `channel`."""
    return person(user.pk, now=now or timezone.now()).is_free_for(channel, room)


def is_on_a_call(user_id: int, *, now: datetime | None = None) -> bool:
    """Whether the phone has them, or they finish what a call left to do."""
    return person(user_id, now=now or timezone.now()).on_a_call


def lock_person(user_id: int) -> Readiness:
    """Return a person's row, locked: whoever gives them something holds it, one at a time."""
    Readiness.objects.bulk_create([Readiness(user_id=user_id)], ignore_conflicts=True)
    return Readiness.objects.select_for_update().get(pk=user_id)


def occupy(user_id: int, until: datetime | None = None) -> None:
    """Offer nothing to this person: a leg of their phone begins, or they finish a call's work.

    Args:
        user_id: who.
        until: when that ends by itself; None = not before `release`. The last word counts.
    """
    Readiness.objects.update_or_create(
        user_id=user_id, defaults={"occupied": True, "occupied_until": until}
    )


def release(user_id: int, at: datetime) -> bool:
    """Let this person be offered contacts again; returns whether they were occupied."""
    released = Readiness.objects.filter(pk=user_id, occupied=True).update(
        occupied=False, occupied_until=None, idle_since=at
    )
    if released:
        nudges.look_for_work_on_commit(user_id)
    return bool(released)


def release_due(now: datetime) -> int:
    """Release those whose time is over; returns how many. For the sweep."""
    due = Readiness.objects.filter(occupied=True, occupied_until__lte=now)
    return sum(
        release(user_id, until)
        for user_id, until in list(due.values_list("pk", "occupied_until"))
        if until is not None
    )


def _people(ids: "Collection[int]", now: datetime) -> list[Person]:
    """Return these people as they are now. Five queries, however many."""
    users = list(User.objects.filter(pk__in=ids).order_by("pk"))
    ids = [user.pk for user in users]
    presence = presence_of(ids)
    found = {
        user.pk: Person(
            user_id=user.pk,
            skills=frozenset(user.skills),
            languages=frozenset(user.spoken),
            present=presence[user.pk] == Presence.AVAILABLE,
        )
        for user in users
    }
    for row in Readiness.objects.filter(pk__in=ids):
        one = found[row.pk]
        one.idle_since, one.lapses = row.idle_since, row.lapses
        one.on_a_call = row.occupied and (row.occupied_until is None or row.occupied_until > now)
    held = (
        Conversation.objects.filter(
            Q(status=Conversation.Status.OPEN)
            # Who chats or speaks is there even while it is the patient's turn.
            | Q(
                status=Conversation.Status.WAITING,
                legs__channel__in=[Channel.CHAT, *FILLING],
            ),
            holder_id__in=ids,
            legs__ended_at__isnull=True,
        )
        .values_list("holder_id", "legs__channel")
        .annotate(n=Count("pk", distinct=True))
    )
    for user_id, channel, n in held:
        one = found[user_id]
        one.has[channel] = n
        # A call stays with its agent while it lasts, whatever the phone has told us.
        one.on_a_call = one.on_a_call or channel in FILLING
    for user_id, channel in Offer.objects.filter(
        agent_id__in=ids, ended_at__isnull=True
    ).values_list("agent_id", "channel"):
        one = found[user_id]
        one.offered.add(channel)
        one.has[channel] = one.has.get(channel, 0) + 1
    return list(found.values())
