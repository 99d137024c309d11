"""Offers what waits to whoever is best for it: longest waiting first, one offer a wait.

Many workers may do so at once: under the locks of the conversation and of the person all is looked
at again, and two constraints stand behind them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from hub.conversations.append import Happened, log_events
from hub.conversations.models import ContactEvent, Conversation
from hub.realtime.events import OfferChanged
from hub.realtime.publish import publish_on_commit
from hub.routing import capacity, signals
from hub.routing.capacity import Person
from hub.routing.last_agent import last_agent
from hub.routing.locks import lock_conversation, lock_wait
from hub.routing.models import Offer, QueueEntry
from hub.routing.order import relaxed, to_be_offered
from hub.routing.rules import FILLING, Rules, offered_as, rules_of

#: So many waits are looked at in one go; the next go is a second later.
AT_ONCE = 200

# Asked at each nudge, most of which find nothing: answered from the index of open waits.
_ANYTHING = """
    SELECT EXISTS (
        SELECT 1
        FROM routing_queueentry wait
        WHERE wait.department_id = %s
            AND wait.ended_at IS NULL
            AND (wait.not_before IS NULL OR wait.not_before <= %s)
            AND NOT EXISTS (
                SELECT 1
                FROM routing_offer offer
                WHERE offer.queue_entry_id = wait.id AND offer.ended_at IS NULL
            )
    )
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a wait is offered to, and why."""

    person: Person
    why: str


def offer_next(department_id: int, now: datetime | None = None) -> int:
    """Offer a department's waits to those who are free; return how many offers were made.

    Safe to call at any time, from many workers at once.
    """
    now = now or timezone.now()
    if not _anything_waits(department_id, now):
        return 0
    rules = rules_of(department_id)
    found = to_be_offered(department_id, rules, now).select_related("conversation__patient")
    waits = list(found[:AT_ONCE])
    people = capacity.people_of(department_id, rules, now=now) if waits else []
    made = 0
    for wait in waits:
        if not any(_has_room(one, rules) for one in people):
            break
        choice = choose(wait, people, rules, now)
        if choice is None:
            continue
        offer = _offer(wait, choice, rules, now)
        if offer is not None:
            made += 1
            choice.person.is_offered(offer.channel)
        else:  # Not as it was: as the person is now.
            at = people.index(choice.person)
            people[at] = capacity.person(choice.person.user_id, now=now)
    return made


def _anything_waits(department_id: int, now: datetime) -> bool:
    """Whether a wait may have to be offered; its channel's rules are not asked yet."""
    with connection.cursor() as cursor:
        cursor.execute(_ANYTHING, [department_id, now])
        return bool(cursor.fetchone()[0])


def choose(wait: QueueEntry, people: list[Person], rules: Rules, now: datetime) -> Choice | None:
    """Return whom a wait is to be offered to now; None: it waits on.

    Whoever it is meant for first is waited for a while, if they are there. Then who knows what is
    asked and speaks the patient's language; the one who has least in hand, and among those the one
    who was given nothing for longest. With time, and at once where nobody could, whoever is free
    will do.
    """
    channel = offered_as(wait.kind, wait.channel)
    room = rules.of(channel).capacity
    left_alone = _left_alone(wait, rules, now)
    asked = [one for one in people if one.user_id not in left_alone]
    free = [one for one in asked if one.is_free_for(channel, room)]
    if not free:
        return None
    wanted_id = wait.prefer_id or last_agent(wait, now)
    wanted = next((one for one in asked if one.user_id == wanted_id), None)
    if wanted is not None and wanted.present:
        if wanted in free:
            why = Offer.Why.ASKED_FOR if wait.prefer_id else Offer.Why.LAST_AGENT
            return Choice(wanted, why)
        if not relaxed(wait, rules.row.prefer_last_seconds, now):
            return None
    skills = frozenset(rules.row.skills) | frozenset(wait.skills)
    language = _language(wait, rules)
    # What nobody who is there could do is not held out for.
    there = [one for one in people if one.present]
    suited = free
    if any(_knows(one, skills) for one in there) and not relaxed(
        wait, rules.row.relax_skills_seconds, now
    ):
        suited = [one for one in suited if _knows(one, skills)]
    if any(_speaks(one, language) for one in there) and not relaxed(
        wait, rules.row.relax_languages_seconds, now
    ):
        suited = [one for one in suited if _speaks(one, language)]
    if not suited:
        return None
    best = min(suited, key=lambda one: _worth(one, skills, language, channel))
    urgent = wait.priority >= Conversation.Priority.URGENT
    return Choice(best, Offer.Why.URGENT if urgent else Offer.Why.IN_TURN)


def _offer(wait: QueueEntry, choice: Choice, rules: Rules, now: datetime) -> Offer | None:
    """Write the offer, if all still is as it was when the person was chosen."""
    channel = offered_as(wait.kind, wait.channel)
    with transaction.atomic():
        conversation = lock_conversation(wait.conversation_id)
        current = lock_wait(wait.conversation_id)
        if conversation is None or current is None or current.pk != wait.pk:
            return None
        if conversation.holder_id is not None:
            return None
        if Offer.objects.filter(queue_entry=current, ended_at__isnull=True).exists():
            return None
        capacity.lock_person(choice.person.user_id)
        person = capacity.person(choice.person.user_id, now=now)
        if not person.is_free_for(channel, rules.of(channel).capacity):
            return None
        current.conversation = conversation
        offer = Offer.objects.create(
            queue_entry=current,
            agent_id=person.user_id,
            channel=channel,
            fills=channel in FILLING,
            why=choice.why,
            made_at=now,
            until=now + rules.offer_lasts,
        )
        log_events(
            conversation,
            Happened(
                ContactEvent.Kind.OFFER_MADE,
                now,
                agent_id=person.user_id,
                queue_entry_id=current.pk,
                department_id=current.department_id,
                channel=current.channel,
            ),
        )
        signals.offer_made.send(sender=Offer, offer=offer)
        publish_on_commit(OfferChanged(person.user_id, offer.pk))
    return offer


def _has_room(person: Person, rules: Rules) -> bool:
    return any(person.is_free_for(name, one.capacity) for name, one in rules.channels.items())


def _left_alone(wait: QueueEntry, rules: Rules, now: datetime) -> frozenset[int]:
    """Return who refused or missed this wait, or the ones before it, a short while ago."""
    since = now - timedelta(seconds=rules.row.offer_again_seconds)
    return frozenset(
        Offer.objects.filter(
            queue_entry__conversation_id=wait.conversation_id,
            outcome__in=[Offer.Outcome.REFUSED, Offer.Outcome.EXPIRED],
            ended_at__gt=since,
        ).values_list("agent_id", flat=True)
    )


def _language(wait: QueueEntry, rules: Rules) -> str:
    """Return the language in which somebody is looked for, or nothing."""
    patient = wait.conversation.patient
    language = wait.language or (patient.language if patient else "")
    looked_for = rules.row.languages
    return language if language and (not looked_for or language in looked_for) else ""


def _knows(person: Person, skills: frozenset[str]) -> bool:
    return skills <= person.skills


def _speaks(person: Person, language: str) -> bool:
    return not language or language in person.languages


def _worth(
    person: Person, skills: frozenset[str], language: str, channel: str
) -> tuple[bool, bool, int, float, int]:
    """Return what sorts the best person first."""
    return (
        not _speaks(person, language),
        not _knows(person, skills),
        person.has.get(channel, 0),
        person.idle_since.timestamp() if person.idle_since else 0.0,
        person.user_id,
    )
