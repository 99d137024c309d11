"""Offers reach the console of whom they are made to, at once, and after whatever was missed."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from hub.conversations.actions.receive import receive
from hub.routing import offers
from hub.routing.dispatch import offer_next
from hub.routing.models import Offer
from hub.staff import presence
from hub.staff.models import Department, User
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db(transaction=True)


class Desk:
    def __init__(self) -> None:
        self.department: Department = DepartmentFactory()
        self.site = HubAddressFactory(channel="chat", value="site", department=self.department)
        self.agent: User = UserFactory(departments=[self.department])
        self.colleague: User = UserFactory(departments=[self.department])
        presence.set_presence(self.colleague, "busy")

    def offer(self) -> Offer:
        receive(inbound(self.site, "hello", "visitor-1", contact_system="visitor"))
        assert offer_next(self.department.pk) == 1
        return Offer.objects.get()


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return Desk()


async def test_an_offer_comes_to_its_person_alone_and_goes_when_it_is_over(
    desk: Desk, consoles: Callable[..., Any]
) -> None:
    console, other = await consoles(desk.agent), await consoles(desk.colleague)
    assert (await console.next("offers"))["offers"] == []
    assert (await other.next("offers"))["offers"] == []
    offer = await sync_to_async(desk.offer)()
    [card] = (await console.next("offers"))["offers"]
    assert card["uuid"] == str(offer.uuid) and "Web visitor" in card["html"]
    await sync_to_async(offers.refuse)(offer, desk.agent, at=timezone.now())
    assert (await console.next("offers"))["offers"] == []
    assert not await other.quiet("offers")


async def test_a_console_that_comes_later_is_told(desk: Desk, consoles: Callable[..., Any]) -> None:
    first = await consoles(desk.agent)
    await first.next("offers")
    offer = await sync_to_async(desk.offer)()
    second = await consoles(desk.agent)
    [card] = (await second.next("offers"))["offers"]
    assert card["uuid"] == str(offer.uuid)
    await sync_to_async(offers.accept)(offer, desk.agent, at=timezone.now())
    await first.next("offers", lambda frame: frame["offers"] == [])
    await second.next("offers", lambda frame: frame["offers"] == [])
