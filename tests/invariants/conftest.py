"""A whole hub and its Twilio, and the ways to look at what became of everything."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db.models import Count, Max
from django.utils import timezone

from channels_app.models import Receipt
from channels_app.simulator.headless import SimulatedTwilio
from channels_app.tasks import sweep_deliveries, sweep_receipts
from hub.conversations.models import Conversation, Delivery, Entry
from tests.hub_processes import HubProcesses
from tests.simulator.fixtures import simulator, simulator_log, simulator_url

__all__ = ["hub", "simulator", "simulator_log", "simulator_url"]

UNFINISHED = ("ready", "claimed", "sending", "unknown")


@pytest.fixture
def hub(
    transactional_db: None, simulator: SimulatedTwilio, tmp_path: Path
) -> Iterator[HubProcesses]:
    """A hub whose processes the test starts and kills."""
    processes = HubProcesses(tmp_path, TWILIO_API_BASE=simulator.url)
    simulator.use_hub(processes.url)
    yield processes
    processes.stop()


def wait_until(true: Callable[[], bool], seconds: float = 20, *, what: str = "") -> None:
    """Wait until `true()`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"it never came about: {what}"
        time.sleep(0.1)


def hurry() -> None:
    """Let what waits for its next attempt have waited: back-off and inquiries take minutes.

    The sweeps themselves are the product's, called more often than beat would.
    """
    now = timezone.now()
    Delivery.objects.filter(state__in=("ready", "unknown"), next_attempt_at__gt=now).update(
        next_attempt_at=now
    )
    Receipt.objects.filter(state="received", next_attempt_at__gt=now).update(next_attempt_at=now)
    sweep_deliveries()
    sweep_receipts()


def give_up_leases() -> None:
    """Let the leases of dead workers run out. Call it when no living one is at work."""
    Delivery.objects.filter(state__in=("claimed", "sending")).update(lease_until=timezone.now())


def all_is_done() -> bool:
    """Whether every receipt was worked on and every delivery came to an end."""
    return (
        not Receipt.objects.exclude(state="done").exists()
        and not Delivery.objects.filter(state__in=UNFINISHED).exists()
    )


def assert_numbers_have_no_gap() -> None:
    """Invariant 3, over everything."""
    for one in Conversation.objects.annotate(count=Count("entries"), top=Max("entries__number")):
        assert one.count == one.top == one.last_number, one.pk


def assert_sent_once_or_failed_visibly(twilio: SimulatedTwilio) -> None:
    """Invariant 2, held against what the phones show."""
    seen: dict[str, int] = {}
    for message in twilio.messages():
        if message["direction"].startswith("outbound"):
            seen[message["body"]] = seen.get(message["body"], 0) + 1
    for entry in Entry.objects.filter(kind="message", author_kind="staff"):
        times = seen.get(entry.body, 0)
        assert times <= 1, f"{entry.body} reached the phone {times} times"
        if entry.delivery_state in ("failed", "suppressed"):
            failure = Entry.objects.filter(
                conversation=entry.conversation_id, kind="failed", detail__number=entry.number
            )
            assert failure.count() == 1, "a failure that nobody sees"
            assert entry.delivery_error, "a failure without a reason"
        else:
            assert entry.delivery_state in ("accepted", "sent", "delivered"), entry.delivery_state
            assert times == 1, f"{entry.body} is shown as sent and never was"
