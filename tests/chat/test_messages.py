"""What a visitor writes stands in the timeline once, and they see their own side of it alone."""

from uuid import uuid4

import pytest

from channels_app.chat.models import ChatLeg
from hub.conversations.actions.send import Answer, note, send
from hub.conversations.actions.status import resolve
from hub.conversations.models import Conversation, Entry
from hub.staff.models import User
from tests.chat.conftest import Visitor

pytestmark = pytest.mark.django_db


def conversation_of(visitor: Visitor) -> Conversation:
    return Conversation.objects.get(legs__chat_leg__session=visitor.session)


def answer(visitor: Visitor, by: User, text: str) -> Entry:
    conversation = conversation_of(visitor)
    leg = ChatLeg.objects.filter(session=visitor.session).latest("leg_id").leg
    return send(conversation, Answer(text, leg.pk, uuid4()), by=by)


def test_a_message_is_in_the_timeline_and_the_answer_comes_back(
    visitor: Visitor, lena: User
) -> None:
    assert visitor.write("I ran out of pills").status_code == 201
    conversation = conversation_of(visitor)
    entry = conversation.entries.get(kind=Entry.Kind.MESSAGE, author_kind="patient")
    assert entry.body == "I ran out of pills"
    assert (entry.channel, entry.audience) == ("chat", "patient")
    answer(visitor, lena, "On its way")
    page = visitor.page()
    assert [(line["by"], line["text"]) for line in page["lines"] if line["by"] != "automatic"] == [
        ("me", "I ran out of pills"),
        ("person", "On its way"),
    ]
    assert page["lines"][-1]["name"] == "Lena"
    assert page["head"]["person"] == "Lena"
    assert page["head"]["department"] == "Cardiology"
