"""Frames come to those who may see them, at once, and to nobody else (invariant 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from hub.conversations.actions import holder
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, HubAddress
from hub.staff.models import Department, User
from patients.models import Patient
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    PatientFactory,
    UserFactory,
    inbound,
)

pytestmark = pytest.mark.django_db(transaction=True)


class Clinic:
    """Two departments with a number each, and somebody in each."""

    def __init__(self) -> None:
        self.ours: Department = DepartmentFactory(name="Cardiology")
        self.theirs: Department = DepartmentFactory(name="Billing")
        self.number: HubAddress = HubAddressFactory(department=self.ours)
        self.agent: User = UserFactory(departments=[self.ours], name="Ada Agent")
        self.colleague: User = UserFactory(departments=[self.ours], name="Ben Colleague")
        self.stranger: User = UserFactory(departments=[self.theirs], name="Sam Stranger")
        self.supervisor: User = UserFactory(
            departments=[self.ours, self.theirs], supervisor=True, name="Sue Supervisor"
        )

    def text(self, words: str, number: str = "+15550100142") -> Conversation:
        return receive(inbound(self.number, words, number)).conversation


@pytest.fixture
def clinic(transactional_db: None) -> Clinic:
    return Clinic()


async def test_an_open_conversation_gets_its_entry_and_a_list_its_row(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("first words")
    reading, listing = await consoles(clinic.agent), await consoles(clinic.colleague)
    head = await reading.open(conversation.uuid, conversation.revision)
    assert head["level"] == "own"
    changed = await sync_to_async(clinic.text)("second words")
    frame = await reading.next("entries")
    entry = frame["entries"][-1]
    assert "second words" in entry["html"] and "first words" not in str(frame)
    assert frame["conversation"] == str(conversation.uuid)
    assert frame["revision"] == changed.revision and entry["number"] == changed.last_number
    # The row of the first text may still have been on its way when the list was opened.
    row = await listing.next("row", lambda frame: "second words" in frame["html"])
    assert row["facts"]["department_id"] == clinic.ours.pk and row["facts"]["holder_id"] is None
    assert not await listing.quiet("entries")


async def test_another_department_sees_nothing(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("between us")
    console = await consoles(clinic.stranger)
    await console.say(type="open", conversation=conversation.uuid, revision=0)
    assert (await console.next("gone"))["conversation"] == str(conversation.uuid)
    await sync_to_async(clinic.text)("still between us")
    assert not await console.quiet("entries", "row", "head", "typing")


async def test_after_it_moved_the_old_viewers_get_gone_and_nothing_afterwards(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("please move me")
    reading, listing = await consoles(clinic.agent), await consoles(clinic.colleague)
    theirs = await consoles(clinic.stranger)
    await reading.open(conversation.uuid, conversation.revision)
    await sync_to_async(holder.move_to_department)(
        conversation, clinic.theirs, by=clinic.supervisor, reason="theirs"
    )
    for console in (reading, listing):
        gone = await console.next("gone")
        assert gone["conversation"] == str(conversation.uuid) and not gone["lists_only"]
    assert (await theirs.next("row"))["conversation"] == str(conversation.uuid)
    await sync_to_async(clinic.text)("a secret for billing")
    assert (
        "a secret for billing"
        in (await theirs.next("row", lambda frame: "secret" in frame["html"]))["html"]
    )
    for console in (reading, listing):
        assert not await console.quiet("entries", "row", "head", "gone", "typing")


async def test_one_that_moved_there_and_back_is_taken_from_those_who_had_it_between(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    ours, theirs = await consoles(clinic.agent), await consoles(clinic.stranger)
    conversation = await sync_to_async(clinic.text)("where shall I go?")
    await ours.next("row")  # so that the process knows where it stood

    def there_and_back() -> None:
        with transaction.atomic():
            holder.move_to_department(
                conversation, clinic.theirs, by=clinic.supervisor, reason="theirs"
            )
            holder.move_to_department(conversation, clinic.ours, by=clinic.stranger, reason="ours")

    await sync_to_async(there_and_back)()
    assert (await theirs.next("gone"))["conversation"] == str(conversation.uuid)
    assert (await ours.next("row"))["facts"]["department_id"] == clinic.ours.pk


async def test_a_holder_from_another_department_loses_it_with_the_assignment(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("hold me")
    await Conversation.objects.filter(pk=conversation.pk).aupdate(holder=clinic.stranger)
    console = await consoles(clinic.stranger)
    assert (await console.open(conversation.uuid))["level"] == "own"
    await conversation.arefresh_from_db()
    await sync_to_async(holder.assign)(
        conversation,
        clinic.agent,
        by=clinic.supervisor,
        expected_holder_id=clinic.stranger.pk,
    )
    assert (await console.next("gone"))["conversation"] == str(conversation.uuid)
    await sync_to_async(clinic.text)("not for the former holder")
    assert not await console.quiet("entries", "row", "head", "gone")


async def test_a_restricted_conversation_is_masked_for_the_patients_other_department(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    def restricted() -> tuple[Patient, Conversation]:
        patient = PatientFactory()
        mind = DepartmentFactory(name="Mental health", restricted=True)
        address = HubAddressFactory(department=mind)
        Conversation.objects.filter(pk=clinic.text("heart").pk).update(patient=patient)
        therapy = receive(inbound(address, "about my mind")).conversation
        Conversation.objects.filter(pk=therapy.pk).update(patient=patient)
        return address, therapy

    address, therapy = await sync_to_async(restricted)()
    console = await consoles(clinic.agent)
    await console.say(type="open", conversation=therapy.uuid, revision=0)
    frame = await console.next("entries")
    assert [entry["number"] for entry in frame["entries"]] == [1]
    assert "about my mind" not in frame["entries"][0]["html"]
    assert "may not see" in frame["entries"][0]["html"]
    await sync_to_async(lambda: receive(inbound(address, "more of my mind")))()
    assert not await console.quiet("entries", "row", "head")


async def test_an_administrator_sees_no_content(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    administrator = await sync_to_async(
        lambda: UserFactory(administrator=True, departments=[clinic.ours])
    )()
    console = await consoles(administrator)
    conversation = await sync_to_async(clinic.text)("nothing for administrators")
    await console.say(type="open", conversation=conversation.uuid, revision=0)
    assert not await console.quiet("entries", "row", "head")


async def test_typing_is_shown_to_others_and_not_to_oneself(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("anybody there?")
    one, other = await consoles(clinic.agent), await consoles(clinic.colleague)
    elsewhere = await consoles(clinic.supervisor)
    for console in (one, other):
        await console.open(conversation.uuid, conversation.revision)
    await one.say(type="typing", conversation=conversation.uuid)
    typing = await other.next("typing")
    assert typing["user_id"] == clinic.agent.pk and typing["name"] == "Ada Agent"
    assert not await one.quiet("typing")
    assert not await elsewhere.quiet("typing", seconds=0.1)


async def test_counts_follow_who_holds_what(clinic: Clinic, consoles: Callable[..., Any]) -> None:
    console = await consoles(clinic.agent)
    conversation = await sync_to_async(clinic.text)("count me")
    counts = await console.next("counts", lambda frame: frame["counts"]["team"] == 1)
    assert counts["counts"]["unassigned"] == 1 and counts["counts"]["mine"] == 0
    await sync_to_async(holder.claim)(conversation, clinic.agent)
    counts = await console.next("counts", lambda frame: frame["counts"]["mine"] == 1)
    assert counts["counts"]["unassigned"] == 0 and counts["counts"]["team"] == 1


async def test_who_joins_a_department_is_told_to_look_anew(
    clinic: Clinic, consoles: Callable[..., Any]
) -> None:
    conversation = await sync_to_async(clinic.text)("for us alone")
    console = await consoles(clinic.agent)
    # One's own presence comes with the greeting, before or after what one opens.
    await console.next("presence", lambda frame: str(clinic.agent.pk) in frame["people"])
    await console.open(conversation.uuid, conversation.revision)

    def leave() -> None:
        from hub.realtime.events import PresenceChanged
        from hub.realtime.publish import publish

        clinic.agent.memberships.all().delete()
        publish(PresenceChanged(clinic.agent.pk))

    await sync_to_async(leave)()
    assert (await console.next("gone"))["conversation"] == str(conversation.uuid)
