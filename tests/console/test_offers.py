"""The card of what one is offered: accept it, let it pass, and who may not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.conversations.actions import calls, holder
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation
from hub.routing import offers, queue
from hub.routing.dispatch import offer_next
from hub.routing.models import Offer
from hub.staff import presence
from hub.staff.models import User
from tests.console.conftest import Desk
from tests.factories import ContactPointFactory, HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db

LogIn = Callable[[User], Client]


@pytest.fixture
def offered(desk: Desk) -> Offer:
    """A chat of a known patient that is being offered to the desk's agent."""
    site = HubAddressFactory(channel="chat", value="site", department=desk.department)
    message = inbound(site, "hello", "visitor-1", contact_system="visitor")
    conversation = receive(message).conversation
    Conversation.objects.filter(pk=conversation.pk).update(patient=desk.patient)
    presence.open_tab(desk.agent, "s")
    offer_next(desk.department.pk)
    return Offer.objects.get(ended_at=None)


def shown(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/console/offers").json()["offers"]
    return found


def test_the_card_says_who_waits_by_which_channel_and_how_long_there_is(
    desk: Desk, offered: Offer, log_in: LogIn
) -> None:
    [card] = shown(log_in(desk.agent))
    for part in ("Web chat", "Ana Morales", "waiting", "Front desk", "Waiting longest"):
        assert part in card["html"], part
    assert 0 < card["left"] <= card["lasts"] == 20
    assert not card["fills"] and card["conversation"] in card["path"]
    seen = AuditEvent.objects.get(action="view_list", detail__list="offers")
    assert seen.detail["conversations"] == [card["conversation"]]
    assert shown(log_in(desk.supervisor)) == []


def test_accepting_gives_it_and_says_where_it_is(desk: Desk, offered: Offer, log_in: LogIn) -> None:
    client = log_in(desk.agent)
    answer = client.post(f"/console/offers/{offered.uuid}/accept")
    assert answer.status_code == 200
    conversation = Conversation.objects.get(pk=offered.queue_entry.conversation_id)
    assert conversation.holder == desk.agent
    assert client.get(answer.json()["path"]).status_code == 200
    assert client.post(f"/console/offers/{offered.uuid}/accept").status_code == 200, "twice"
    assert AuditEvent.objects.filter(action="assign", actor=desk.agent).count() == 1
    assert shown(client) == []


def test_not_now_leaves_it_to_the_next(desk: Desk, offered: Offer, log_in: LogIn) -> None:
    client = log_in(desk.agent)
    assert client.post(f"/console/offers/{offered.uuid}/refuse").status_code == 204
    assert shown(client) == []
    answer = client.post(f"/console/offers/{offered.uuid}/accept")
    assert answer.status_code == 409 and answer.json()["code"] == "OfferOver"


@pytest.mark.parametrize("deed", ["accept", "refuse"])
def test_what_is_anothers_or_nobodys_is_not_there(
    deed: str, desk: Desk, offered: Offer, log_in: LogIn
) -> None:
    for user in (desk.supervisor, desk.outsider):
        for uuid in (offered.uuid, uuid4()):
            assert log_in(user).post(f"/console/offers/{uuid}/{deed}").status_code == 404
    assert AuditEvent.objects.filter(action="denied").count() == 4
    administrator = log_in(UserFactory(administrator=True))
    assert administrator.post(f"/console/offers/{offered.uuid}/{deed}").status_code == 403
    offered.refresh_from_db()
    assert offered.ended_at is None


def test_whoever_is_too_late_is_told(desk: Desk, offered: Offer, log_in: LogIn) -> None:
    conversation = Conversation.objects.get(pk=offered.queue_entry.conversation_id)
    holder.claim(conversation, desk.supervisor)
    answer = log_in(desk.agent).post(f"/console/offers/{offered.uuid}/accept")
    assert answer.status_code == 409 and answer.json()["error"] == "This offer is over."


def test_what_one_may_not_see_any_more_is_not_shown(
    desk: Desk, offered: Offer, log_in: LogIn
) -> None:
    desk.agent.memberships.all().delete()
    client = log_in(desk.agent)
    assert shown(client) == []
    assert client.post(f"/console/offers/{offered.uuid}/accept").status_code == 403


def test_a_call_is_the_softphones_to_show(desk: Desk, log_in: LogIn) -> None:
    number = HubAddressFactory(channel="voice", department=desk.department)
    at = timezone.now() - timedelta(seconds=3)
    joined = calls.arrive(ContactPointFactory(), number.pk, at=at, what="arrived")
    calls.needs_person(joined.conversation, desk.department, joined.leg, at=at)
    queue.enter(joined.conversation, at=at, channel="voice")
    presence.open_tab(desk.agent, "s")
    offer_next(desk.department.pk)
    [card] = shown(log_in(desk.agent))
    assert card["fills"] and card["html"] == "" and "Phone call from" in card["said"]
    assert [one.uuid for one in offers.open_offers_of(desk.agent)] == [Offer.objects.get().uuid]
