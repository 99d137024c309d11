"""Whatever callers, visitors and agents do, in any order: nobody is stuck, nothing is twofold."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from hub.conversations.actions import calls, holder, status
from hub.conversations.actions.receive import receive
from hub.conversations.errors import ConversationError
from hub.conversations.models import ContactEvent, Conversation, Leg
from hub.routing import capacity, dispatcher, offers, queue, sweep
from hub.routing.models import ChannelRules, DepartmentRules, Offer, QueueEntry
from hub.staff import presence
from hub.staff.models import Tab, User
from tests.factories import (
    ContactPointFactory,
    DepartmentFactory,
    HubAddressFactory,
    UserFactory,
    inbound,
)

PEOPLE = 4
who = st.integers(0, PEOPLE - 1)
picks = st.integers(0, 5)
numbers = st.integers(0, 2)
mostly_whoever_was_asked = st.sampled_from([None, None, None, *range(PEOPLE)])
SKILLS = ([], ["triage"])
SEEN: Counter[str] = Counter()
"""How offers and waits ended, over all runs: a run in which nothing happens proves nothing."""


class Floor(RuleBasedStateMachine):
    """Two departments; the first overflows into the second after a while."""

    @initialize()
    def open_the_clinic(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        # In the past: what asks the clock itself is later than all that happens here.
        self.now = timezone.now() - timedelta(hours=4)
        self.departments = [DepartmentFactory(), DepartmentFactory()]
        first, second = self.departments
        self.site = HubAddressFactory(channel="chat", value="site", department=first)
        self.number = HubAddressFactory(channel="voice", department=first)
        self.points = [ContactPointFactory() for _ in range(3)]
        self.people = [
            UserFactory(departments=[first], skills=["triage"]),
            UserFactory(departments=[first, second]),
            UserFactory(departments=[second], languages=["es"]),
            UserFactory(departments=[first, second], supervisor=True),
        ]
        for user in self.people:
            presence.open_tab(user, f"s{user.pk}")
        DepartmentRules.objects.create(department=second, skills=["triage"], offer_seconds=5)
        ChannelRules.objects.create(
            department=first,
            channel="voice",
            offers=True,
            overflow="department",
            overflow_seconds=50,
            overflow_to=second,
        )

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            try:
                if hasattr(self, "people"):
                    self._note_what_was_seen()
                    self._nobody_is_stuck()
            finally:
                transaction.set_rollback(True)
                self.atomic.__exit__(None, None, None)
                connection.run_on_commit.clear()

    # --- What may be done ---

    @rule(number=numbers)
    def visitor_writes(self, number: int) -> None:
        receive(inbound(self.site, "hello", f"visitor-{number}", contact_system="visitor"))
        self._workers_offer()

    @rule(number=numbers, skills=st.sampled_from(SKILLS), first=st.one_of(st.none(), who))
    def somebody_calls(self, number: int, skills: list[str], first: int | None) -> None:
        point = self.points[number]
        if Leg.objects.filter(contact_point=point, channel="voice", ended_at=None).exists():
            return
        joined = calls.arrive(point, self.number.pk, at=self.now, what="arrived")
        department = Conversation.objects.get(pk=joined.conversation.pk).department
        calls.needs_person(joined.conversation, department, joined.leg, at=self.now)
        queue.enter(
            joined.conversation,
            at=self.now,
            channel="voice",
            skills=skills,
            prefer=None if first is None else self.people[first].pk,
        )
        self._workers_offer()

    @rule(pick=picks, wait=st.integers(0, 100))
    def caller_wants_to_be_called_back(self, pick: int, wait: int) -> None:
        if leg := self._waiting_caller(pick):
            later = self.now + timedelta(seconds=wait)
            queue.call_back(leg.conversation, at=self.now, not_before=later)
            calls.end(leg, at=self.now)

    @rule(pick=picks)
    def caller_gives_up(self, pick: int) -> None:
        if leg := self._waiting_caller(pick):
            queue.abandon(leg.conversation, at=self.now)
            calls.end(leg, at=self.now)

    @rule(pick=picks)
    def call_ends(self, pick: int) -> None:
        leg = self._pick(Leg.objects.filter(channel="voice", ended_at=None), pick)
        if leg is not None and not _is_live(leg.conversation):
            calls.end(leg, at=self.now)

    def _waiting_caller(self, pick: int) -> Leg | None:
        legs = Leg.objects.filter(channel="voice", ended_at=None)
        return self._pick(
            legs.filter(
                conversation__queue_entries__ended_at=None,
                conversation__queue_entries__kind="live",
                conversation__queue_entries__channel="voice",
            ),
            pick,
        )

    @rule(seconds=st.sampled_from([1, 6, 21, 61, 200]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self._workers_offer()

    def _workers_offer(self) -> None:
        before = set(Offer.objects.values_list("pk", flat=True))
        dispatcher.dispatch(self.now)
        for offer in Offer.objects.filter(ended_at=None).exclude(pk__in=before):
            one = capacity.person(offer.agent_id, now=self.now)
            assert one.present and not one.on_a_call, "offered to somebody who is not free"
            assert one.has.get("chat", 0) <= 4

    @rule(pick=picks, by=mostly_whoever_was_asked)
    def accept(self, pick: int, by: int | None) -> None:
        offer = self._pick(_open_ones_first(), pick)
        if offer is None:
            return
        user = offer.agent if by is None else self.people[by]
        if offer.fills and offer.queue_entry.kind == "live":
            leg = Leg.objects.filter(
                conversation=offer.queue_entry.conversation_id, channel="voice", ended_at=None
            ).first()
            if offer.ended_at is None and leg is not None and user == offer.agent:
                self._try(offers.accept, offer, user, at=self.now)
                assert calls.answered(offer.queue_entry.conversation, user, leg, at=self.now)
        else:
            self._try(offers.accept, offer, user, at=self.now)

    @rule(pick=picks, by=mostly_whoever_was_asked)
    def refuse(self, pick: int, by: int | None) -> None:
        offer = self._pick(_open_ones_first(), pick)
        if offer is not None:
            user = offer.agent if by is None else self.people[by]
            self._try(offers.refuse, offer, user, at=self.now)

    @rule(pick=picks, by=who)
    def take_from_the_list(self, pick: int, by: int) -> None:
        if (one := self._pick(Conversation.objects.all(), pick)) is not None:
            self._try(holder.claim, one, self.people[by])

    @rule(pick=picks, by=who)
    def give_back(self, pick: int, by: int) -> None:
        if (one := self._pick(Conversation.objects.all(), pick)) is not None:
            user = self.people[by]
            self._try(holder.assign, one, None, by=user, expected_holder_id=one.holder_id)

    @rule(pick=picks, by=who)
    def resolve(self, pick: int, by: int) -> None:
        if (one := self._pick(Conversation.objects.all(), pick)) is not None:
            self._try(status.resolve, one, "answered", by=self.people[by])

    @rule(pick=picks, by=who, to=st.integers(0, 1))
    def move(self, pick: int, by: int, to: int) -> None:
        if (one := self._pick(Conversation.objects.all(), pick)) is not None:
            self._try(
                holder.move_to_department,
                one,
                self.departments[to],
                by=self.people[by],
                reason="moved",
            )

    @rule(by=who, what=st.sampled_from(["comes", "goes", "busy", "available", "on", "off"]))
    def somebody_moves(self, by: int, what: str) -> None:
        user = self.people[by]
        if what == "comes":
            presence.open_tab(user, f"s{by}")
        elif what == "goes":
            Tab.objects.filter(user=user).delete()
        elif what == "on":
            capacity.occupy(user.pk, self.now + timedelta(seconds=90))
        elif what == "off":
            capacity.release(user.pk, self.now)
        else:
            presence.set_presence(user, what)

    @rule()
    def the_net_finds_nothing_to_mend(self) -> None:
        assert sweep.sweep(timezone.now() + timedelta(minutes=5)) == 0

    def _pick(self, among: Any, pick: int) -> Any:
        found = list(among if among.query.order_by else among.order_by("pk"))
        return found[pick % len(found)] if found else None

    def _try(self, action: Any, *arguments: Any, **named: Any) -> None:
        before = self._state()
        try:
            with transaction.atomic():
                action(*arguments, **named)
        except ConversationError:
            assert self._state() == before, "a refusal changes nothing"

    def _state(self) -> list[Any]:
        return [
            *Conversation.objects.order_by("pk").values_list("pk", "holder", "status"),
            *QueueEntry.objects.order_by("pk").values_list(),
            *Offer.objects.order_by("pk").values_list(),
            ContactEvent.objects.count(),
        ]

    # --- What must hold ---

    @invariant()
    def an_open_offer_is_of_an_open_wait_that_nobody_has(self) -> None:
        for offer in Offer.objects.filter(ended_at=None):
            wait = offer.queue_entry
            assert wait.ended_at is None and wait.conversation.holder_id is None
        for key in ("queue_entry", "agent"):
            kinds = Counter(
                Offer.objects.filter(ended_at=None).values_list(key, "fills").order_by()
            )
            assert all(count == 1 for count in kinds.values()), kinds

    @invariant()
    def a_wait_ends_once_and_says_how(self) -> None:
        """KPIs are computed from the log: each wait has one beginning and at most one end."""
        logged = Counter(
            ContactEvent.objects.filter(
                kind__startswith="queue_", queue_entry_id__isnull=False
            ).values_list("queue_entry_id", "kind", "department_id")
        )
        for wait in QueueEntry.objects.all():
            assert logged.pop((wait.pk, "queue_entered", wait.department_id)) == 1
            if wait.ended_at is not None:
                assert logged.pop((wait.pk, f"queue_{wait.outcome}", wait.department_id)) == 1
            assert wait.parent is None or wait.place_since >= wait.parent.place_since
        assert not logged
        made = ContactEvent.objects.filter(kind="offer_made").count()
        assert made == Offer.objects.count()

    @invariant()
    def who_accepted_has_it(self) -> None:
        for offer in Offer.objects.filter(outcome="accepted"):
            assert offer.queue_entry.outcome == "accepted"
            assert offer.queue_entry.accepted_by_id == offer.agent_id
        for wait in QueueEntry.objects.exclude(ended_at=None):
            assert not wait.offers.filter(ended_at=None).exists()

    def _note_what_was_seen(self) -> None:
        SEEN.update(Offer.objects.values_list("outcome", flat=True))
        SEEN.update(QueueEntry.objects.values_list("outcome", flat=True))

    def _nobody_is_stuck(self) -> None:
        """With somebody there who does what they are asked, everybody's turn comes."""
        Tab.objects.all().delete()
        User.objects.update(chosen_presence="")
        helper = UserFactory(departments=self.departments)
        presence.open_tab(helper, "helper")
        for _ in range(60):
            left = QueueEntry.objects.filter(ended_at=None).exclude(kind="follow_up")
            if not left.exists():
                return
            self.now += timedelta(seconds=60)
            dispatcher.dispatch(self.now)
            for offer in Offer.objects.filter(ended_at=None, agent=helper):
                leg = Leg.objects.filter(
                    conversation=offer.queue_entry.conversation_id,
                    channel="voice",
                    ended_at=None,
                ).first()
                if offer.fills and leg is not None:
                    calls.answered(offer.queue_entry.conversation, helper, leg, at=self.now)
                    calls.end(leg, at=self.now)
                else:
                    offers.accept(offer, helper, at=self.now)
                conversation = Conversation.objects.get(pk=offer.queue_entry.conversation_id)
                status.resolve(conversation, "answered", by=helper)
        raise AssertionError(f"stuck: {list(left.values())}")


def _open_ones_first() -> Any:
    return Offer.objects.order_by(F("ended_at").desc(nulls_first=True), "pk")


def _is_live(conversation: Conversation) -> bool:
    return QueueEntry.objects.filter(
        conversation=conversation, ended_at=None, kind="live", channel="voice"
    ).exists()


@pytest.mark.django_db
def test_any_order_of_calls_chats_and_people_keeps_the_rules() -> None:
    every = set(Offer.Outcome.values) | set(QueueEntry.Outcome.values)
    # What one round comes by depends on the clock; longer ones follow until all was seen.
    for steps in (40, 50, 60):
        _run(steps)
        if every <= set(SEEN):
            break
    assert every <= set(SEEN)


def _run(steps: int) -> None:
    run_state_machine_as_test(
        Floor,
        settings=settings(
            max_examples=30,
            stateful_step_count=steps,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=False,
        ),
    )
