"""Two hundred phones ring ten agents: nobody in two rooms, no wait without end, all adds up."""

import asyncio
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest

from bench import voice_figures
from bench.crowd import Crowd, Outcome, Plan
from channels_app.models import Receipt
from channels_app.simulator.headless import SimulatedTwilio
from channels_app.voice.models import Call, Party
from hub.conversations.models import Delivery
from hub.routing.models import Offer, QueueEntry, Readiness
from hub.staff.models import User
from tests.hub_processes import HubProcesses

NUMBER = "+15550100100"
AGENTS = 10
PHONES = 200
IN_BAD_WEATHER = 60
"""A smaller crowd where each lost report costs the sweep its quarter of a minute."""


OUTCOME_OF = {"answered": "accepted", "hung_up": "abandoned", "called_back": "called_back"}
CROSSING = timedelta(seconds=2)
"""Within it, who hangs up may have been taken by an agent, and not have heard of it."""


@pytest.fixture
def clinic(transactional_db: None, simulator: SimulatedTwilio, settings) -> voice_figures.Clinic:
    """A clinic with ten agents at the phone."""
    settings.TWILIO_API_BASE = simulator.url
    return voice_figures.open_clinic(NUMBER, AGENTS)


def let_them_call(simulator: SimulatedTwilio, clinic: voice_figures.Clinic, plan: Plan) -> Outcome:
    """Let the crowd of `plan` call, and wait until all is quiet again."""
    desks = [voice_figures.desk_of(user) for user in clinic.agents]
    outcome = asyncio.run(Crowd(simulator.url, NUMBER, desks, plan).run())
    assert voice_figures.wait_until_quiet(), left_open()
    return outcome


def left_open() -> str:
    """Say what is not over, for a failure."""
    return str(
        {
            "calls": Counter(Call.objects.filter(ended_at=None).values_list("state", flat=True)),
            "parties": Counter(
                Party.objects.filter(left_at=None).values_list("kind", "state", flat=False)
            ),
            "deliveries": Counter(Delivery.objects.values_list("kind", "state")),
            "receipts": Counter(Receipt.objects.values_list("kind", "state")),
            "offers": Counter(Offer.objects.values_list("outcome", flat=True)),
            "agents": Counter(User.objects.values_list("chosen_presence", flat=True)),
            "ready": list(Readiness.objects.values("user_id", "occupied_until", "lapses")),
            "why": Counter(Party.objects.filter(kind="agent").values_list("why_left", flat=True)),
        }
    )


def assert_all_is_well(outcome: Outcome) -> None:
    """What must hold after every run, in good weather and in bad."""
    assert outcome.double_rooms == 0
    assert voice_figures.people_in_two_calls() == 0
    assert voice_figures.stuck_entries() == 0, left_open()
    assert voice_figures.kpi_mismatch() == []
    assert outcome.silent == set()
    assert not Party.objects.filter(left_at=None).exists(), left_open()
    assert not Offer.objects.filter(ended_at=None).exists()


def what_the_hub_saw_otherwise(outcome: Outcome) -> list[str]:
    """Hold how each caller's wait ended by the rows against what their phone saw."""
    otherwise = []
    waits = QueueEntry.objects.filter(parent=None, channel="voice", kind="live")
    for wait in waits:
        call = Call.objects.select_related("contact_point").get(
            conversation_id=wait.conversation_id, direction="inbound"
        )
        saw = outcome.ended[call.contact_point.value]
        if wait.outcome == OUTCOME_OF[saw] or (saw == "hung_up" and taken_as_they_hung_up(call)):
            continue
        otherwise.append(f"call {call.pk}: {saw}, {wait.outcome}")
    return otherwise


def taken_as_they_hung_up(call: Call) -> bool:
    """Whether an agent's line and the end of the caller's crossed."""
    return bool(call.answered_at and call.ended_at and call.ended_at - call.answered_at < CROSSING)


def test_two_hundred_phones_and_ten_agents(
    hub: HubProcesses,
    simulator: SimulatedTwilio,
    clinic: voice_figures.Clinic,
) -> None:
    hub.start("web", "worker", "beat")
    simulator.chaos(speech_factor=0.1, recording_delay=0.1)
    outcome = let_them_call(simulator, clinic, Plan(phones=PHONES))
    counted = outcome.count()
    assert not counted["lost"], (counted, left_open())
    assert sum(counted.values()) == PHONES
    assert min(counted[how] for how in ("answered", "called_back", "message", "hung_up")) > 0
    assert_all_is_well(outcome)
    assert what_the_hub_saw_otherwise(outcome) == []


def test_the_same_where_reports_come_twice_late_or_never(
    hub: HubProcesses,
    simulator: SimulatedTwilio,
    clinic: voice_figures.Clinic,
) -> None:
    hub.start("web", "worker", "beat")
    simulator.chaos(
        seed=7,
        speech_factor=0.1,
        recording_delay=0.1,
        duplicate_p=0.2,
        reorder_p=0.2,
        drop_p=0.15,
        repeat_question_p=0.1,
    )
    outcome = let_them_call(simulator, clinic, Plan(phones=IN_BAD_WEATHER, arrive_within=25))
    simulator.chaos(duplicate_p=0, reorder_p=0, drop_p=0, repeat_question_p=0)
    assert sum(outcome.count().values()) == IN_BAD_WEATHER
    assert_all_is_well(outcome)


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_process_dies_and_nobody_is_left_in_silence(
    hub: HubProcesses,
    simulator: SimulatedTwilio,
    clinic: voice_figures.Clinic,
    name: str,
) -> None:
    hub.start("web", "worker", "beat")
    simulator.chaos(speech_factor=0.1, recording_delay=0.1)

    def kill() -> None:
        hub.kill(name)
        time.sleep(1)  # as long as the launcher takes to start it anew
        hub.start(name)

    killing = threading.Timer(10, kill)
    killing.start()
    outcome = let_them_call(simulator, clinic, Plan(phones=IN_BAD_WEATHER, arrive_within=20))
    killing.join()
    counted = outcome.count()
    assert not counted["lost"], (counted, left_open())
    assert_all_is_well(outcome)
