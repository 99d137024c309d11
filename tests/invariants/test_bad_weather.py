"""Whole processes under all that a network does to them (invariants 1 to 5)."""

import contextlib
import json
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
import redis
from django.db import connection, connections
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from channels_app.models import Receipt
from channels_app.simulator.headless import ControlRefused, SimulatedTwilio
from hub.conversations.actions import send
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, Delivery, Entry
from hub.routing.models import QueueEntry
from hub.staff.models import User
from tests.factories import HubAddressFactory, UserFactory, inbound
from tests.hub_processes import HubProcesses
from tests.invariants.conftest import (
    all_is_done,
    assert_numbers_have_no_gap,
    assert_sent_once_or_failed_visibly,
    give_up_leases,
    hurry,
    wait_until,
)

OURS = "+15550100100"
_SID = re.compile(r"(?:SM|MM)[0-9a-f]{32}")


@pytest.fixture
def agents() -> list[User]:
    """Two agents of the department that owns the clinic's number."""
    address = HubAddressFactory(value=OURS)
    return [UserFactory(departments=[address.department]) for _ in range(2)]


def answer(conversation: Conversation, body: str, by: User) -> Entry:
    leg = conversation.legs.get(ended_at=None)
    said = send.Answer(body=body, leg_id=leg.pk, intent=uuid4())
    return send.send(conversation, said, by=by)


def write_from_many(simulator: SimulatedTwilio, phones: int, texts: int) -> dict[str, str]:
    """Let `phones` write `texts` each; return what each message said, by its SID."""
    sent = {}
    for number in range(texts):
        for phone in range(phones):
            body = f"in {phone}-{number}"
            sent[simulator.phone(f"+155501004{phone:02d}").send(body, to=OURS)] = body
    return sent


def taken(simulator: SimulatedTwilio) -> set[str]:
    """Return the SIDs of the inbound messages that the hub answered with a 2xx."""
    found = set()
    for attempt in simulator.webhooks("inbound"):
        if attempt["status"] is not None and 200 <= attempt["status"] < 300:
            found |= set(_SID.findall(json.dumps(attempt)))
    return found


def assert_each_is_one_entry(sent: dict[str, str], accepted: set[str]) -> None:
    """Invariant 1: what was answered 2xx is there exactly once, and nothing is there twice."""
    count = Counter(entry.body for entry in Entry.objects.filter(author_kind="patient"))
    assert set(count.values()) <= {1}, [body for body, n in count.items() if n > 1]
    assert accepted, "the hub took nothing: the test proves nothing"
    lost = [sent[sid] for sid in accepted & set(sent) if not count[sent[sid]]]
    assert not lost, f"answered 2xx, and gone: {lost}"


def test_a_bad_day_in_both_directions(
    hub: HubProcesses, simulator: SimulatedTwilio, agents: list[User]
) -> None:
    hub.start("web", "worker", "beat")
    simulator.chaos(seed=7, duplicate_p=0.3, reorder_p=0.3, delay_ms=15)
    sent = write_from_many(simulator, 24, 4)
    with contextlib.suppress(ControlRefused):  # a held-back webhook has no next one to follow
        simulator.settle(15)
    simulator.chaos(reorder_p=0)
    wait_until(lambda: Entry.objects.filter(author_kind="patient").count() >= 72, what="texts in")
    assert Conversation.objects.count() == 24  # invariant 4: one a number
    simulator.chaos(
        rest_429_p=0.1, rest_5xx_p=0.1, ambiguous_p=0.25, drop_p=0.6, undelivered_p=0.15
    )
    for number in range(3):
        for conversation in Conversation.objects.order_by("pk"):
            answer(conversation, f"out {conversation.pk}-{number}", agents[0])
    for _ in range(60):
        if all_is_done():
            break
        hurry()
        time.sleep(0.5)
    assert all_is_done(), Counter(Delivery.objects.values_list("state", flat=True))
    simulator.chaos(ambiguous_p=0, rest_429_p=0, rest_5xx_p=0)
    with contextlib.suppress(ControlRefused):
        simulator.settle(10)
    assert_each_is_one_entry(sent, taken(simulator))
    assert_sent_once_or_failed_visibly(simulator)
    assert_numbers_have_no_gap()
    states = Counter(
        Entry.objects.filter(author_kind="staff", kind="message").values_list(
            "delivery_state", flat=True
        )
    )
    assert states["delivered"] > 10 and states["failed"] > 2, states
    # Cut off, and never reported on: only asking the provider told that these had gone.
    assert Delivery.objects.filter(inquiries__gt=0).exclude(provider_key="").exists()


def test_processes_die_and_the_broker_is_emptied_while_everybody_writes(
    hub: HubProcesses, simulator: SimulatedTwilio, agents: list[User], settings
) -> None:
    hub.start("web", "worker", "beat")
    simulator.phone("+15550100400").send("in first", to=OURS)
    wait_until(lambda: Conversation.objects.exists(), what="the first text")
    sent: dict[str, str] = {}
    ended = threading.Event()

    def patients() -> None:
        with SimulatedTwilio(simulator.url) as twilio:
            for number in range(500):
                if ended.is_set():
                    return
                body = f"in {number}"
                phone = twilio.phone(f"+155501004{number % 10:02d}")
                sent[phone.send(body, to=OURS)] = body
                time.sleep(0.04)

    writing = threading.Thread(target=patients)
    writing.start()
    broker = redis.Redis.from_url(settings.REDIS_URL)
    try:
        for turn in range(4):
            time.sleep(0.5)
            for conversation in Conversation.objects.order_by("pk"):
                with contextlib.suppress(send.errors.ConversationError):
                    answer(conversation, f"out {conversation.pk}-{turn}", agents[0])
            hub.kill("worker" if turn % 2 == 0 else "web")
            broker.flushall()
            hub.start("worker" if turn % 2 == 0 else "web")
    finally:
        ended.set()
        writing.join()
    with contextlib.suppress(ControlRefused):
        simulator.settle(10)
    give_up_leases()
    for _ in range(60):
        hurry()
        if all_is_done():
            break
        time.sleep(0.5)
    assert all_is_done(), Counter(Delivery.objects.values_list("state", flat=True))
    assert_each_is_one_entry(sent, taken(simulator))
    assert_sent_once_or_failed_visibly(simulator)
    assert_numbers_have_no_gap()
    assert Entry.objects.filter(author_kind="staff", kind="message").count() >= 20
    assert len(taken(simulator)) >= 20
    assert not Receipt.objects.filter(state="stuck").exists()


def test_nothing_goes_out_after_a_stop(
    hub: HubProcesses, simulator: SimulatedTwilio, agents: list[User]
) -> None:
    """Invariant 7, with answers on their way while the STOP comes in."""
    hub.start("web", "worker", "beat")
    simulator.chaos(rest_delay_ms=150)
    phones = [simulator.phone(f"+155501005{n:02d}") for n in range(8)]
    for phone in phones:
        phone.send("Hello", to=OURS)
    wait_until(lambda: Conversation.objects.count() == 8, what="conversations")
    for number in range(4):
        for conversation in Conversation.objects.order_by("pk"):
            answer(conversation, f"out {conversation.pk}-{number}", agents[0])
    for phone in phones:
        phone.send("STOP", to=OURS)
    wait_until(all_is_done, what="the end of all deliveries")
    for conversation in Conversation.objects.all():
        with pytest.raises(send.errors.OptedOut):
            answer(conversation, f"late {conversation.pk}", agents[0])
        # What the STOP found unsent is shown as such.
        unsent = conversation.entries.filter(delivery_state="suppressed").count()
        told = conversation.entries.filter(kind="failed", detail__reason="opted_out").count()
        assert unsent == told
    assert Delivery.objects.filter(state="suppressed").exists(), (
        "the STOP came too late to prove it"
    )
    assert_sent_once_or_failed_visibly(simulator)
    assert not any("late" in m["body"] for m in simulator.messages())


def log_in(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


def test_a_console_that_was_away_catches_up_with_exactly_all(
    hub: HubProcesses, simulator: SimulatedTwilio, agents: list[User]
) -> None:
    """Invariant 3: the socket is a hint, the revision the truth."""
    hub.start("web")
    phone = simulator.phone("+15550100600")
    phone.send("in 0", to=OURS)
    wait_until(lambda: Conversation.objects.exists(), what="the conversation")
    conversation = Conversation.objects.get()
    seen: dict[int, int] = {}
    revision = 0
    total = 0
    for turn in range(3):
        with _console(hub, agents[0]) as console:
            console.send(_frame("open", conversation, revision))
            total += 6
            for number in range(6):
                phone.send(f"while here {turn}-{number}", to=OURS)
            revision = _hear(console, seen, conversation, 1 + total)
        # The cut: entries arrive, and nobody is there.
        total += 6
        for number in range(6):
            phone.send(f"while away {turn}-{number}", to=OURS)
        simulator.settle(10)
    with _console(hub, agents[0]) as console:
        console.send(_frame("open", conversation, revision))
        _hear(console, seen, conversation, 1 + total)
    numbers = set(conversation.entries.values_list("number", flat=True))
    assert set(seen) == numbers and conversation.entries.filter(author_kind="patient").count() == (
        1 + total
    )


def _console(hub: HubProcesses, person: User) -> Any:
    return connect(
        hub.url.replace("http", "ws") + "/console/socket",
        origin=hub.url,  # type: ignore[arg-type]
        additional_headers={"Cookie": f"sessionid={log_in(person)}"},
    )


def _frame(kind: str, conversation: Conversation, revision: int) -> str:
    return json.dumps({"type": kind, "conversation": str(conversation.uuid), "revision": revision})


def _hear(console: Any, seen: dict[int, int], conversation: Conversation, texts: int) -> int:
    """Take in frames until everything that was said is there; return the last revision."""
    revision = 0
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            frame = json.loads(console.recv(timeout=0.5))
        except TimeoutError:
            written = conversation.entries.filter(author_kind="patient").count()
            numbers = set(conversation.entries.values_list("number", flat=True))
            if written >= texts and numbers <= set(seen):
                return max(revision, *seen.values())
            continue
        except ConnectionClosed as closed:
            raise AssertionError(f"the hub closed the socket: {closed}") from closed
        if frame["type"] in ("entries", "head"):
            revision = max(revision, frame["revision"])
        for line in frame.get("entries", ()) if frame["type"] == "entries" else ():
            seen[line["number"]] = max(line["revision"], seen.get(line["number"], 0))
    raise AssertionError(f"after 15 s only {sorted(seen)} of {texts} texts came")


def test_two_who_claim_at_once_over_http(
    hub: HubProcesses, simulator: SimulatedTwilio, agents: list[User]
) -> None:
    """Invariant 5: one has it, the other is told who."""
    hub.start("web")
    for number in range(8):
        simulator.phone(f"+155501007{number:02d}").send("Hello", to=OURS)
    wait_until(lambda: Conversation.objects.count() == 8, what="conversations")
    sessions = [_http(hub, person) for person in agents]
    for conversation in Conversation.objects.order_by("pk"):
        path = f"/console/c/{conversation.uuid}/claim"
        start = threading.Barrier(2)

        def claim(http: httpx.Client, path: str = path, start: Any = start) -> httpx.Response:
            start.wait()
            return http.post(path)

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(claim, sessions))
        assert sorted(one.status_code for one in answers) == [200, 409]
        conversation.refresh_from_db()
        winner = next(p for p, one in zip(agents, answers, strict=True) if one.status_code == 200)
        loser = next(one for one in answers if one.status_code == 409)
        assert conversation.holder_id == winner.pk
        assert winner.name in loser.json()["error"]
        assert conversation.assignments.count() == 1
        assert not QueueEntry.objects.filter(conversation=conversation, ended_at=None).exists()


def _http(hub: HubProcesses, person: User) -> httpx.Client:
    token = "a" * 32
    http = httpx.Client(base_url=hub.url, trust_env=False, timeout=20)
    http.cookies.set("sessionid", log_in(person))
    http.cookies.set("csrftoken", token)
    http.headers.update({"X-CSRFToken": token, "Origin": hub.url, "X-Requested-With": "fetch"})
    return http


@pytest.mark.django_db(transaction=True)
def test_eight_threads_write_into_the_same_conversations(agents: list[User]) -> None:
    """Invariants 3 and 4, by PostgreSQL alone: texts, answers and notes of eight at once."""
    address = agents[0].departments.get().hub_addresses.get()
    start = threading.Barrier(8)

    def work(thread: int) -> None:
        try:
            start.wait()
            for number in range(12):
                phone = f"+155501008{(thread + number) % 3:02d}"
                got = receive(inbound(address, f"in {thread}-{number}", phone))
                send.note(got.conversation, "noted", intent=uuid4(), by=agents[thread % 2])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert Conversation.objects.count() == 3
    assert Entry.objects.filter(author_kind="patient").count() == 96
    assert Entry.objects.filter(kind="note").count() == 96
    assert QueueEntry.objects.filter(ended_at=None).count() == 3
    assert_numbers_have_no_gap()
    with connection.cursor() as cursor:
        # In the order of numbers, revisions never fall: what has a higher one came later.
        cursor.execute(
            "SELECT count(*) FROM (SELECT revision - lag(revision) OVER ("
            "PARTITION BY conversation_id ORDER BY number) AS step FROM conversations_entry) s "
            "WHERE step < 0"
        )
        assert cursor.fetchone()[0] == 0
