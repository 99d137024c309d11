"""A visitor of the chat asks to be called instead."""

import pytest

from channels_app.voice.models import Callback
from hub.conversations.models import Channel, Entry, HubAddress
from hub.routing.models import QueueEntry
from patients.actions import agree
from patients.models import ContactPoint
from tests.chat.conftest import Visitor

pytestmark = pytest.mark.django_db

NUMBER = "(212) 555-0142"


@pytest.fixture(autouse=True)
def line(department) -> HubAddress:
    return HubAddress.objects.create(
        channel=Channel.VOICE, value="+15550100100", label="Main", department=department
    )


@pytest.fixture
def visitor(site) -> Visitor:
    visitor = Visitor().start()
    visitor.write("My prescription ran out")
    return visitor


def ask(visitor: Visitor, number: str = NUMBER, **more: str):
    return visitor.post("/chat/callback", {"number": number, **more})


def test_a_visitor_is_called_about_what_they_wrote(visitor) -> None:
    assert ask(visitor).status_code == 201
    callback = Callback.objects.get()
    assert (callback.source, callback.contact_point.value) == ("chat", "+12125550142")
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.channel) == ("callback", "voice")
    # The chat was a wait before; it is one contact, and keeps its place.
    assert wait.parent is not None
    assert wait.place_since == wait.parent.place_since
    assert "(212) 555-0142" in visitor.texts()[-1]
    # Staff sees ids and times; the number is in no entry's detail.
    line = Entry.objects.get(kind=Entry.Kind.CALLBACK)
    assert "555" not in str(line.detail)


def test_a_time_is_chosen_from_those_that_are_free(visitor) -> None:
    times = visitor.get("/chat/callback").json()["times"]
    start = times[3]["start"]
    assert ask(visitor, start=start).status_code == 201
    callback = Callback.objects.get()
    assert callback.slot_from is not None
    assert callback.slot_from.isoformat() == start
    taken = ask(visitor, start="2020-01-01T10:00:00+00:00")
    assert (taken.status_code, taken.json()["error"]) == (409, "cannot_call")


@pytest.mark.parametrize("number", ["", "123", "Ana", "+1 212 555 0142 ext. 5"])
def test_what_is_no_number_is_refused_with_a_word(visitor, number) -> None:
    answer = ask(visitor, number)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_number")
    assert not Callback.objects.exists()


def test_asking_twice_is_one_promise_and_the_last_word_counts(visitor) -> None:
    ask(visitor)
    ask(visitor, "(212) 555-0143")
    assert Callback.objects.get().contact_point.value == "+12125550143"
    assert QueueEntry.objects.filter(ended_at__isnull=True).count() == 1


def test_nobody_lets_a_phone_ring_for_the_fun_of_it(site) -> None:
    codes = []
    for _ in range(4):
        visitor = Visitor().start()
        visitor.write("Hello")
        codes.append(ask(visitor).status_code)
    assert codes == [201, 201, 201, 429]


def test_a_number_that_said_stop_is_not_called(visitor) -> None:
    point = ContactPoint.objects.create(system="phone", value="+12125550142")
    agree.stop(point, channel="voice", source="staff", evidence="by letter")
    assert ask(visitor).status_code == 409
    assert not Callback.objects.exists()


def test_about_nothing_nobody_is_called(site) -> None:
    answer = ask(Visitor().start())
    assert (answer.status_code, answer.json()["error"]) == (409, "nothing_asked")


def test_without_a_token_nobody_asks(site) -> None:
    assert ask(Visitor()).status_code == 401
    assert Visitor().get("/chat/callback").status_code == 401
