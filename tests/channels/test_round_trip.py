"""A text in, an answer out, through the real processes; and what happens when they die."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction

from channels_app import outbox
from channels_app.models import Receipt
from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations.actions import send
from hub.conversations.models import Conversation, Delivery, Entry
from hub.staff.models import User
from patients.models import ContactPoint
from tests.factories import HubAddressFactory, UserFactory
from tests.hub_processes import HubProcesses

NUMBER = "+15550100142"


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until `true()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it never came about")


@pytest.fixture
def agent() -> User:
    """An agent of the department that owns the clinic's number."""
    address = HubAddressFactory(value="+15550100100")
    return UserFactory(departments=[address.department])


def answer(conversation: Conversation, body: str, by: User) -> Entry:
    """Answer over the conversation's only leg."""
    return send.send(
        conversation,
        send.Answer(body=body, leg_id=conversation.legs.get().pk, intent=uuid4()),
        by=by,
    )


def first_conversation() -> Conversation:
    """Wait for a conversation, and return it."""
    wait_until(lambda: Conversation.objects.exists())
    return Conversation.objects.get()


def state_of(entry: Entry) -> str:
    """The delivery state that the timeline shows."""
    return Entry.objects.values_list("delivery_state", flat=True).get(pk=entry.pk)


def test_text_in_answer_out(hub: HubProcesses, simulator: SimulatedTwilio, agent: User) -> None:
    hub.start("web", "worker")
    phone = simulator.phone(NUMBER)
    phone.send("I ran out of metoprolol")
    conversation = first_conversation()
    entry = answer(conversation, "It is on its way", agent)
    phone.wait_for("It is on its way")
    wait_until(lambda: state_of(entry) == "delivered")
    assert Receipt.objects.exclude(state="done").count() == 0


def test_killed_between_receipt_and_entry(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User
) -> None:
    """Invariant 1: the receipt is committed, the process dies, the sweep finishes it."""
    hub.start("web")
    ContactPoint.objects.create(system="phone", value=NUMBER)
    # The web waits for this lock while it works on the receipt; then it is killed.
    with transaction.atomic():
        ContactPoint.objects.select_for_update().get(value=NUMBER)
        simulator.phone(NUMBER).send("help me please, I wait")
        wait_until(lambda: _seen_from_outside("SELECT count(*) FROM channels_app_receipt") == 1)
        hub.kill("web")
    assert not Entry.objects.exists()
    assert Receipt.objects.get().state == "received"
    Receipt.objects.update(next_attempt_at="2020-01-01T00:00:00Z")
    hub.start("web", "worker", "beat")
    conversation = first_conversation()
    wait_until(lambda: Receipt.objects.get().state == "done")
    assert conversation.entries.filter(author_kind="patient").count() == 1


def test_killed_between_claim_and_answer_of_the_provider(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User
) -> None:
    """Invariant 2: the provider took it, the worker died before it knew: it is not sent again."""
    hub.start("web", "worker")
    phone = simulator.phone(NUMBER)
    phone.send("Hello?")
    conversation = first_conversation()
    # What the hub answered by itself goes first, one at a time being sent to a phone.
    wait_until(lambda: not Delivery.objects.filter(state__in=outbox.UNFINISHED).exists(), 60)
    # Neither the provider's answer nor its callbacks come before the worker is dead: a callback
    # that comes at once moves the delivery on before anybody can see it being sent.
    simulator.chaos(rest_delay_ms=9000, sent_delay=9)
    entry = answer(conversation, "only once", agent)
    wait_until(lambda: "only once" in [m["body"] for m in simulator.messages()], 60)
    hub.kill("worker")
    delivery = Delivery.objects.get(entry=entry)
    assert delivery.state == "sending" and not delivery.provider_key
    simulator.chaos(rest_delay_ms=0)
    Delivery.objects.filter(entry=entry).update(lease_until="2020-01-01T00:00:00Z")
    hub.start("worker", "beat")
    phone.wait_for("only once", 60)
    # The status callback adopts it by its token, or the inquiry finds it.
    wait_until(lambda: state_of(entry) == "delivered", 60)
    assert [m["body"] for m in phone.messages() if m["body"] == "only once"] == ["only once"]


def test_the_broker_is_emptied_while_work_is_in_it(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User, settings
) -> None:
    import redis

    hub.start("web")
    phone = simulator.phone(NUMBER)
    phone.send("Hello?")
    conversation = first_conversation()
    entry = answer(conversation, "found by the sweep", agent)
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    hub.start("worker", "beat")
    phone.wait_for("found by the sweep")
    wait_until(lambda: state_of(entry) in ("sent", "delivered"))


def _seen_from_outside(sql: str) -> int:
    """Count by a connection of its own: the test's is inside a transaction of its own."""
    import psycopg

    parameters = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{k: parameters[k] for k in names if parameters.get(k)}) as other:
        row = other.execute(sql).fetchone()  # type: ignore[arg-type]
        return int(row[0]) if row else 0
