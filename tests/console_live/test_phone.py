"""A person's consoles hear that their phone changed, and nobody else's do."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from channels_app.voice import parties
from hub.staff.models import User
from tests.factories import UserFactory

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
