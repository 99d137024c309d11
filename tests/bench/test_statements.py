"""At most twelve statements a text, through the real view, as `make bench` counts them."""

import pytest

from bench import prepare
from hub.conversations.models import Entry, HubAddress
from hub.routing.models import QueueEntry
from hub.staff.models import Role
from hub.staff.presence import open_tab
from tests.factories import HubAddressFactory, UserFactory

MOST = 12

pytestmark = pytest.mark.django_db


@pytest.fixture
def address() -> HubAddress:
    return HubAddressFactory()


def test_while_nobody_is_on_duty(address: HubAddress) -> None:
    assert 5 < prepare.statements_per_inbound() <= MOST
    assert Entry.objects.filter(author_kind=Entry.Author.PATIENT).count() == 2
    # Counted is the longer way: nobody holds it, and the once-a-day answer is asked about.
    assert QueueEntry.objects.filter(ended_at=None).count() == 1
    assert Entry.objects.filter(author_kind=Entry.Author.AUTOMATIC).count() == 1


def test_while_somebody_is_on_duty(address: HubAddress) -> None:
    agent = UserFactory(role=Role.AGENT, departments=[address.department])
    open_tab(agent, "")
    assert 5 < prepare.statements_per_inbound() <= MOST
    assert not Entry.objects.filter(author_kind=Entry.Author.AUTOMATIC).exists()


def test_a_repeat_is_known_by_one_insert(address: HubAddress) -> None:
    first = prepare.statements_per_inbound()
    again = prepare.statements_per_inbound()  # the same two texts
    assert again == 2 < first  # the receipt that stands already, and the claim that finds none
    assert Entry.objects.filter(author_kind=Entry.Author.PATIENT).count() == 2
