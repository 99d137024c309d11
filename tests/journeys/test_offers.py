"""What an agent is offered, in a real browser: the card comes by itself, is taken, or goes on."""

import re
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from playwright.async_api import expect

from channels_app.chat import sessions
from channels_app.chat.models import ChatSite
from hub.conversations.models import Conversation
from hub.routing.models import Offer
from tests.browser import keep_picture, violations
from tests.hub_processes import HubProcesses
from tests.journeys.conftest import LogIn


def somebody_chats(words: str) -> Conversation:
    """A visitor opens a chat on the clinic's site and writes."""
    started = sessions.start(ChatSite.objects.get(), language="en", said=sessions.Said())
    return sessions.write(started.session, words, intent=uuid4()).conversation


async def test_the_card_comes_by_itself_and_is_taken_by_a_key(
    clinic: HubProcesses, log_in: LogIn
) -> None:
    lena = await log_in("lena")
    await expect(lena.locator("#connection")).to_be_hidden()
    before = await lena.locator("#list").bounding_box()
    conversation = await sync_to_async(somebody_chats)("Is anybody there?")
    card = lena.locator("[data-offer]")
    await expect(card).to_contain_text("Web chat from Web visitor")
    await expect(card.locator("[data-left]")).to_have_text(re.compile(r"^\d+$"))
    await expect(lena.locator("#assertive")).to_contain_text("is offered to you")
    assert await lena.locator("#list").bounding_box() == before, "the card moves nothing"
    await keep_picture(lena, "offer")
    assert await violations(lena) == []

    # A reload loses nothing.
    await lena.reload()
    await expect(card).to_be_visible(timeout=30_000)
    await lena.keyboard.press("y")
    said = lena.locator("#conversation .entry", has_text="Is anybody there?")
    await expect(said).to_be_visible(timeout=30_000)
    await expect(card).to_have_count(0)
    held = await Conversation.objects.aget(pk=conversation.pk)
    assert held.holder_id is not None


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_not_now_and_time_that_is_over_take_the_card_away(
    clinic: HubProcesses, log_in: LogIn, theme: str
) -> None:
    lena = await log_in("lena", theme=theme, width=390 if theme == "dark" else 1280)
    await expect(lena.locator("#connection")).to_be_hidden()
    await sync_to_async(somebody_chats)("Hello?")
    card = lena.locator("[data-offer]")
    await expect(card).to_be_visible(timeout=30_000)
    await keep_picture(lena, f"offer-{theme}")
    assert await violations(lena) == []
    await card.get_by_role("button", name="Not now").click()
    await expect(card).to_have_count(0)
    assert (await Offer.objects.aget()).outcome == "refused"

    await sync_to_async(somebody_chats)("And I?")
    await expect(card).to_be_visible(timeout=30_000)
    await Offer.objects.filter(ended_at=None).aupdate(until=timezone.now())
    await expect(card).to_have_count(0)
    assert (await Offer.objects.alatest("pk")).outcome == "expired"
