"""A conversation has at most one holder, and the loser is told who won (invariant 5)."""

import threading

import pytest
from django.db import connections

from hub.conversations import errors
from hub.conversations.actions import holder
from hub.conversations.actions.receive import receive
from hub.conversations.models import Assignment, ContactEvent, Conversation
from hub.staff.models import Role
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db


def test_claiming_ends_the_wait() -> None:
    address = HubAddressFactory()
    agent = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    holder.claim(conversation, agent)
    wait = conversation.queue_entries.get()
    assert wait.outcome == "accepted" and wait.accepted_by == agent
    kinds = list(conversation.events.values_list("kind", flat=True))
    assert kinds.count("queue_accepted") == 1 and kinds.count("assigned") == 1


def test_the_loser_learns_who_won() -> None:
    address = HubAddressFactory()
    one, other = UserFactory.create_batch(2, departments=[address.department])
    conversation = receive(inbound(address)).conversation
    holder.claim(Conversation.objects.get(pk=conversation.pk), one)
    with pytest.raises(errors.HeldByAnother) as raised:
        holder.claim(conversation, other)
    assert raised.value.holder_name == one.name


@pytest.mark.django_db(transaction=True)
def test_two_claims_at_once() -> None:
    address = HubAddressFactory()
    agents = UserFactory.create_batch(5, departments=[address.department])
    conversation = receive(inbound(address)).conversation
    together = threading.Barrier(5)
    won: list[int] = []
    lost: list[str] = []

    def claim(agent) -> None:  # type: ignore[no-untyped-def]
        try:
            mine = Conversation.objects.get(pk=conversation.pk)
            together.wait()
            holder.claim(mine, agent)
            won.append(agent.pk)
        except errors.HeldByAnother as error:
            lost.append(error.holder_name)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=claim, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    conversation.refresh_from_db()
    assert len(won) == 1 and conversation.holder_id == won[0]
    assert lost == [conversation.holder.name] * 4
    assert Assignment.objects.filter(conversation=conversation).count() == 1
    assert ContactEvent.objects.filter(conversation=conversation, kind="assigned").count() == 1


def test_strangers_may_not() -> None:
    conversation = receive(inbound(HubAddressFactory())).conversation
    for stranger in (
        UserFactory(departments=[DepartmentFactory()]),
        UserFactory(role=Role.ADMINISTRATOR, departments=[conversation.department]),
        UserFactory(is_active=False, departments=[conversation.department]),
    ):
        with pytest.raises(errors.NotAllowed):
            holder.claim(conversation, stranger)


def test_an_agent_hands_on_only_what_they_hold() -> None:
    address = HubAddressFactory()
    one, other, third = UserFactory.create_batch(3, departments=[address.department])
    conversation = receive(inbound(address)).conversation
    holder.claim(conversation, one)
    with pytest.raises(errors.NotAllowed):
        holder.assign(conversation, third, by=other, expected_holder_id=one.pk)
    holder.assign(conversation, other, by=one, expected_holder_id=one.pk)
    conversation.refresh_from_db()
    assert conversation.holder == other


def test_giving_back_keeps_the_place_in_line() -> None:
    address = HubAddressFactory()
    agent = UserFactory(departments=[address.department])
    conversation = receive(inbound(address)).conversation
    conversation.refresh_from_db()
    waiting_since = conversation.waiting_since
    holder.claim(conversation, agent)
    holder.assign(conversation, None, by=agent, expected_holder_id=agent.pk)
    wait = conversation.queue_entries.get(ended_at__isnull=True)
    assert wait.place_since == waiting_since


def test_mass_reassignment_lists_what_changed_since_the_preview() -> None:
    address = HubAddressFactory()
    supervisor = UserFactory(role=Role.SUPERVISOR, departments=[address.department])
    one, other = UserFactory.create_batch(2, departments=[address.department])
    conversations = [
        receive(inbound(address, number=f"+1555010{n:04d}")).conversation for n in range(45)
    ]
    plan = [holder.Planned(c.pk, None) for c in conversations]
    taken = conversations[7]
    holder.claim(taken, other)
    result = holder.reassign_many(plan, one, by=supervisor)
    assert result.changed == (taken.pk,)
    assert len(result.moved) == 44
    taken.refresh_from_db()
    assert taken.holder == other, "listed, not overwritten"
    assert Conversation.objects.filter(holder=one).count() == 44


def test_to_a_restricted_department_it_stays_restricted() -> None:
    address = HubAddressFactory()
    restricted = DepartmentFactory(restricted=True)
    agent = UserFactory(departments=[address.department, restricted])
    conversation = receive(inbound(address)).conversation
    conversation = holder.move_to_department(conversation, restricted, by=agent, reason="theirs")
    conversation = holder.move_to_department(
        conversation, address.department, by=agent, reason="back"
    )
    conversation.refresh_from_db()
    assert conversation.restricted_by == restricted
    waits = conversation.queue_entries.order_by("id")
    assert [w.outcome for w in waits] == ["withdrawn", "withdrawn", ""]
    assert len({w.place_since for w in waits}) == 1, "the place in line came along"
