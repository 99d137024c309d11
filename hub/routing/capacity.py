"""Who is free for what: who is there, on no call, and has room for one more contact of a channel.

A call takes its person whole: while they are on one (or finish what it left to do, or are being
offered one) nothing else is offered. Other channels have room for as many as their rules say.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from hub.conversations.models import Channel
from hub.routing import nudges
from hub.routing.models import Readiness
from hub.routing.rules import FILLING, Rules
from hub.staff.models import Presence, Role, User
from hub.staff.presence import presence_of

# Written out: each offer asks it twice or more, and the ORM would need four queries. Who chats or
# speaks is held even while it is the patient's turn; who texts is then not.
_PEOPLE = """
    SELECT
        person.id,
        person.skills,
        person.languages,
        person.language,
        COALESCE(
            ready.occupied AND (ready.occupied_until IS NULL OR ready.occupied_until > %s), FALSE
        ),
        ready.idle_since,
        COALESCE(ready.lapses, 0),
        ARRAY(
            SELECT held.channel
            FROM (
                SELECT DISTINCT leg.conversation_id, leg.channel
                FROM conversations_conversation conversation
                JOIN conversations_leg leg ON leg.conversation_id = conversation.id
                WHERE conversation.holder_id = person.id
                    AND leg.ended_at IS NULL
                    AND (conversation.status = 'open'
                        OR (conversation.status = 'waiting' AND leg.channel IN ('chat', 'voice')))
            ) held
        ),
        ARRAY(
            SELECT offer.channel
            FROM routing_offer offer
            WHERE offer.agent_id = person.id AND offer.ended_at IS NULL
        )
    FROM staff_user person
    LEFT JOIN routing_readiness ready ON ready.user_id = person.id
"""
_ONE = "WHERE person.id = %s"
_OF_DEPARTMENT = """
    JOIN staff_membership member ON member.user_id = person.id
    WHERE member.department_id = %s AND person.is_active AND person.role = ANY(%s)
    ORDER BY person.id
"""


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

    def is_offered(self, channel: str) -> None:
        """Note that they are being offered one more of `channel`."""
        self.offered.add(channel)
        self.has[channel] = self.has.get(channel, 0) + 1


def people_of(department_id: int, rules: Rules, *, now: datetime) -> list[Person]:
    """Return the people of a department to whom its contacts are offered, present or not."""
    roles = [Role.AGENT.value]
    if rules.row.offer_to_supervisors:
        roles.append(Role.SUPERVISOR.value)
    return _people(_OF_DEPARTMENT, [department_id, roles], now)


def person(user_id: int, *, now: datetime) -> Person:
    """Return one person as they are now."""
    [found] = _people(_ONE, [user_id], now)
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
    rows = Readiness.objects.select_for_update().filter(pk=user_id)
    found = rows.first()
    if found is None:
        Readiness.objects.bulk_create([Readiness(user_id=user_id)], ignore_conflicts=True)
        found = rows.get()
    return found


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


def _people(which: str, parameters: list[Any], now: datetime) -> list[Person]:
    """Return the people that the condition `which` names, as they are now. Two queries."""
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE + which, [now, *parameters])
        rows = cursor.fetchall()
    presence = presence_of(row[0] for row in rows)
    return [
        _person(
            Person(
                user_id=user_id,
                skills=frozenset(skills),
                languages=frozenset(languages or [language]),
                present=presence[user_id] == Presence.AVAILABLE,
                on_a_call=occupied,
                idle_since=idle_since,
                lapses=lapses,
            ),
            held,
            offered,
        )
        for (
            user_id,
            skills,
            languages,
            language,
            occupied,
            idle_since,
            lapses,
            held,
            offered,
        ) in rows
    ]


def _person(one: Person, held: list[str], offered: list[str]) -> Person:
    """Add what somebody holds and is being offered: a channel for each contact."""
    # A call stays with its agent while it lasts, whatever the phone has told us.
    one.on_a_call = one.on_a_call or not FILLING.isdisjoint(held)
    one.offered.update(offered)
    one.has.update(Counter([*held, *offered]))
    return one
