"""The outbox hands a text over at most once, and says how it failed (invariant 2)."""

import socket
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connections
from django.utils import timezone

from channels_app import inbox, outbox
from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations import errors, signals
from hub.conversations.actions import send
from hub.conversations.actions.delivery_status import report
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, Delivery, Entry
from hub.staff.models import User
from patients import actions as patients
from patients import consent
from tests.factories import HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "+15550100142"


@pytest.fixture
def agent() -> User:
    """An agent of the department with the clinic's number."""
    return UserFactory(departments=[HubAddressFactory(value="+15550100100").department])


def conversation_with(number: str, agent: User) -> Conversation:
    """A conversation that `number` began, with nothing automatic left to send."""
    from hub.conversations.models import HubAddress

    address = HubAddress.objects.get(value="+15550100100")
    conversation = receive(inbound(address, "Hello", number=number)).conversation
    Delivery.objects.all().delete()
    return conversation


def answer(conversation: Conversation, agent: User, body: str = "Good morning") -> Delivery:
    """Answer, and return the delivery."""
    leg = conversation.legs.get()
    entry = send.send(conversation, send.Answer(body=body, leg_id=leg.pk, intent=uuid4()), by=agent)
    return entry.deliveries.get()


def received(twilio: SimulatedTwilio, number: str = NUMBER) -> list[str]:
    """What came to the phone, once nothing is under way any more."""
    twilio.settle()
    return twilio.phone(number).received()


def state(delivery: Delivery) -> str:
    """The state in the database."""
    delivery.refresh_from_db()
    return delivery.state


def test_accepted_with_the_providers_key(twilio: SimulatedTwilio, agent: User) -> None:
    delivery = answer(conversation_with(NUMBER, agent), agent)
    outbox.deliver(delivery.pk)
    assert state(delivery) == "accepted"
    assert delivery.provider_key.startswith("SM")
    assert Entry.objects.get(pk=delivery.entry_id).delivery_state == "accepted"
    assert received(twilio) == ["Good morning"]


def test_delivered_twice_at_once_is_sent_once(twilio: SimulatedTwilio, agent: User) -> None:
    delivery = answer(conversation_with(NUMBER, agent), agent)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        outbox.deliver(delivery.pk)
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert received(twilio) == ["Good morning"]


@pytest.mark.parametrize(
    ("number", "code"),
    [("+15005550001", "21211"), ("+15005550002", "21612"), ("+15005550003", "21408")],
)
def test_refused_for_good(twilio: SimulatedTwilio, agent: User, number: str, code: str) -> None:
    conversation = conversation_with(number, agent)
    delivery = answer(conversation, agent)
    outbox.deliver(delivery.pk)
    assert (state(delivery), delivery.error_code) == ("failed", code)
    failure = conversation.entries.get(kind="failed")
    assert failure.detail == {"number": delivery.entry.number, "reason": code}
    assert conversation.events.filter(kind="delivery_failed").count() == 1


def test_an_opt_out_that_only_the_provider_knew_is_written_down(
    twilio: SimulatedTwilio, agent: User
) -> None:
    conversation = conversation_with("+15005550004", agent)
    delivery = answer(conversation, agent)
    outbox.deliver(delivery.pk)
    assert (state(delivery), delivery.error_code) == ("failed", "21610")
    assert consent.is_stopped(conversation.contact_point_id, "sms")
    with pytest.raises(errors.OptedOut):
        answer(conversation, agent)


def test_busy_is_tried_again_later(twilio: SimulatedTwilio, agent: User) -> None:
    twilio.chaos(rest_429_p=1.0)
    delivery = answer(conversation_with(NUMBER, agent), agent)
    outbox.deliver(delivery.pk)
    assert state(delivery) == "ready"
    assert delivery.next_attempt_at > timezone.now()
    twilio.chaos(rest_429_p=0.0)
    Delivery.objects.update(next_attempt_at=timezone.now())
    outbox.deliver(delivery.pk)
    assert state(delivery) == "accepted"


def test_busy_for_ever_fails_visibly(twilio: SimulatedTwilio, agent: User) -> None:
    twilio.chaos(rest_429_p=1.0)
    delivery = answer(conversation_with(NUMBER, agent), agent)
    for _ in range(outbox.MOST_ATTEMPTS):
        Delivery.objects.update(next_attempt_at=timezone.now())
        outbox.deliver(delivery.pk)
    assert (state(delivery), delivery.error_code) == ("failed", "provider_busy")


def test_nobody_listens(agent: User, settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings.TWILIO_API_BASE = f"http://127.0.0.1:{port}"
    delivery = answer(conversation_with(NUMBER, agent), agent)
    outbox.deliver(delivery.pk)
    assert state(delivery) == "ready", "nothing was handed over, so it may be tried again"


def test_taken_but_the_connection_was_cut(twilio: SimulatedTwilio, agent: User) -> None:
    """An ambiguous send is not repeated: the provider is asked, and has it."""
    twilio.chaos(ambiguous_p=1.0)
    delivery = answer(conversation_with(NUMBER, agent), agent)
    outbox.deliver(delivery.pk)
    assert state(delivery) == "unknown"
    twilio.chaos(ambiguous_p=0.0)
    assert outbox.deliver(delivery.pk) == [], "an unknown one cannot be claimed"
    Delivery.objects.update(next_attempt_at=timezone.now())
    outbox.inquire(delivery.pk)
    assert state(delivery) == "accepted"
    assert received(twilio) == ["Good morning"]


def test_not_taken_though_nobody_knew_is_sent_once_more(
    twilio: SimulatedTwilio, agent: User
) -> None:
    twilio.chaos(rest_5xx_p=1.0)
    delivery = answer(conversation_with(NUMBER, agent), agent)
    outbox.deliver(delivery.pk)
    assert state(delivery) == "unknown"
    twilio.chaos(rest_5xx_p=0.0)
    again: list[int] = []
    for _ in range(outbox.INQUIRIES_A_ROUND):
        assert again == [], "asked twice before it is sent once more"
        Delivery.objects.update(next_attempt_at=timezone.now())
        again = outbox.inquire(delivery.pk)
    assert again == [delivery.pk]
    outbox.deliver(delivery.pk)
    assert state(delivery) == "accepted"
    assert received(twilio) == ["Good morning"]


def test_what_a_dead_worker_left_in_sending_is_asked_about(
    twilio: SimulatedTwilio, agent: User
) -> None:
    delivery = answer(conversation_with(NUMBER, agent), agent)
    Delivery.objects.update(
        state="sending", lease_until=timezone.now() - timedelta(seconds=1), attempts=1
    )
    assert outbox.due() == ([], [delivery.pk])
    assert state(delivery) == "unknown"


def test_one_at_a_time_and_in_order(twilio: SimulatedTwilio, agent: User) -> None:
    conversation = conversation_with(NUMBER, agent)
    first, second, third = (answer(conversation, agent, word) for word in ("one", "two", "three"))
    assert outbox.deliver(third.pk) == [] and state(third) == "ready"
    todo = [first.pk]
    while todo:
        todo += outbox.deliver(todo.pop())
    assert received(twilio) == ["one", "two", "three"]
    assert {state(first), state(second), state(third)} == {"accepted"}


def test_the_providers_word_lets_the_next_in_line_go(agent: User) -> None:
    """The worker died, or still waits for an answer: the callback says that it was taken."""
    conversation = conversation_with(NUMBER, agent)
    first, second = (answer(conversation, agent, body) for body in ("first", "second"))
    Delivery.objects.filter(pk=first.pk).update(state="sending", lease_until=timezone.now())
    assert outbox.deliver(second.pk) == []  # told of its own commit, it is not its turn
    told: list[int] = []

    def hear(*, delivery_ids: list[int], **_: object) -> None:
        told.extend(delivery_ids)

    signals.delivery_ready.connect(hear)
    try:
        for status in ("sent", "delivered"):
            fields = {"MessageSid": "SM" + "7" * 32, "MessageStatus": status, "d": str(first.uuid)}
            assert inbox.work(inbox.accept("AC", "sms.status", status, fields))
    finally:
        signals.delivery_ready.disconnect(hear)
    assert state(first) == "delivered"
    assert told == [second.pk]  # once, at the word that changed something for it


def test_nothing_goes_out_after_a_stop(twilio: SimulatedTwilio, agent: User) -> None:
    conversation = conversation_with(NUMBER, agent)
    ready, claimed = answer(conversation, agent, "ready"), answer(conversation, agent, "claimed")
    Delivery.objects.filter(pk=claimed.pk).update(
        state="claimed", lease_until=timezone.now() + timedelta(minutes=1)
    )
    receive(inbound(conversation.legs.get().hub_address, "STOP", number=NUMBER))
    assert {state(ready), state(claimed)} == {"suppressed"}
    # The worker that had claimed it goes on: it must find the door shut.
    delivery = Delivery.objects.select_related("leg").get(pk=claimed.pk)
    assert outbox._begin_sending(delivery) is False
    for pk in Delivery.objects.values_list("pk", flat=True):
        outbox.deliver(pk)
    [confirmation] = received(twilio)
    assert "no more texts" in confirmation
    with pytest.raises(errors.OptedOut):
        answer(conversation, agent)
    shown = Entry.objects.get(pk=ready.entry_id)
    assert shown.delivery_state == "suppressed" and shown.delivery_error == "opted_out"


def test_a_stop_and_a_send_against_each_other(twilio: SimulatedTwilio, agent: User) -> None:
    """Whatever the order, what goes out was being handed over before the STOP was accepted."""
    for round_number in range(6):
        number = f"+1555010{6000 + round_number}"
        conversation = conversation_with(number, agent)
        delivery = answer(conversation, agent, f"round {round_number}")
        stop = inbound(conversation.legs.get().hub_address, "STOP", number=number)
        together = threading.Barrier(2)
        after: dict[str, str] = {}

        def obey(stop=stop, delivery=delivery, together=together, after=after) -> None:
            together.wait()
            receive(stop)
            after["state"] = Delivery.objects.values_list("state", flat=True).get(pk=delivery.pk)
            connections.close_all()

        def hand_over(delivery=delivery, together=together) -> None:
            together.wait()
            outbox.deliver(delivery.pk)
            connections.close_all()

        threads = [threading.Thread(target=obey), threading.Thread(target=hand_over)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        arrived = received(twilio, number)
        if after["state"] == "suppressed":
            assert arrived == [], "nothing accepted after the STOP goes out"
        else:
            assert after["state"] in ("sending", "accepted", "sent", "delivered")
            assert arrived == [f"round {round_number}"]


def test_a_confirmation_comes_within_five_minutes_or_never(
    twilio: SimulatedTwilio, agent: User
) -> None:
    conversation = conversation_with(NUMBER, agent)
    receive(inbound(conversation.legs.get().hub_address, "ALTO", number=NUMBER))
    Delivery.objects.update(not_after=timezone.now() - timedelta(seconds=1))
    delivery = Delivery.objects.get()
    outbox.deliver(delivery.pk)
    assert (state(delivery), delivery.error_code) == ("suppressed", "too_late")
    assert received(twilio) == []


def test_a_status_never_goes_back(agent: User) -> None:
    delivery = answer(conversation_with(NUMBER, agent), agent)
    for told, shown in (
        ("sent", "sent"),
        ("accepted", "sent"),
        ("delivered", "delivered"),
        ("sent", "delivered"),
        ("failed", "delivered"),
        ("read", "read"),
        ("delivered", "read"),
    ):
        report(delivery.pk, told)
        assert state(delivery) == shown
    assert not delivery.entry.conversation.entries.filter(kind="failed").exists()


def test_a_stop_taken_down_by_staff_suppresses_too(agent: User) -> None:
    conversation = conversation_with(NUMBER, agent)
    delivery = answer(conversation, agent)
    patients.stop(
        conversation.contact_point,
        channel=None,
        source="staff",
        evidence="Asked by phone.",
        recorded_by=agent,
    )
    assert state(delivery) == "suppressed"
    assert conversation.entries.filter(kind="failed").count() == 1
