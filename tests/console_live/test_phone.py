"""A person's consoles hear that their phone changed, and nobody else's do."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from channels_app.voice import calling_back, outbound, parties
from channels_app.voice.models import Call
from hub.staff.models import User
from tests.factories import UserFactory
from tests.voice.floor import Floor, new_sid

pytestmark = pytest.mark.django_db(transaction=True)


async def test_all_tabs_of_a_person_are_told_and_no_other(consoles: Callable[..., Any]) -> None:
    person: User = await sync_to_async(UserFactory)()
    colleague: User = await sync_to_async(UserFactory)()
    tabs = [await consoles(person), await consoles(person)]
    other = await consoles(colleague)
    await sync_to_async(parties.tell)(person.pk)
    for tab in tabs:
        # The frame says nothing: what the phone shows is asked for, and on record then.
        assert await tab.next("phone") == {"type": "phone"}
    assert await other.quiet("phone") == []


def called() -> tuple[Call, User]:
    """A patient whose phone rings, and the agent who calls them."""
    floor = Floor()
    earlier = floor.talking()
    floor.patient_hangs_up(earlier)
    call = outbound.dial(earlier.conversation, earlier.contact_point, by=floor.ana)
    floor.join(floor.ana)
    return call, floor.ana


async def test_whoever_calls_a_patient_is_told_that_they_answer(
    consoles: Callable[..., Any],
) -> None:
    call, agent = await sync_to_async(called)()
    tab = await consoles(agent)
    await tab.quiet("phone")

    def answer() -> None:
        with transaction.atomic():
            calling_back.reached(call.uuid, new_sid())

    await sync_to_async(answer)()
    assert await tab.next("phone") == {"type": "phone"}
