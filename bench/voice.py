"""Two hundred phones ring ten agents through the whole hub: how quickly Twilio is answered."""

import asyncio
import os
from typing import Any

from bench import voice_figures
from bench.crowd import Crowd, Plan
from bench.stack import Stack
from channels_app.simulator.headless import SimulatedTwilio

#: A number of the simulated account that the seeded clinic does not use.
NUMBER = "+15550100300"
AGENTS = 10
#: About as many calls as ten people can take who speak so long: nearly a call a second, some three
#: thousand an hour. `make load` lets them come more than twice as fast, and looks at no times.
PLAN = Plan(arrive_within=240, talk=(4, 12))


def measure(stack: Stack, *, quick: bool) -> dict[str, Any]:
    """Return the figures by their keys in latest.json; the hub runs already."""
    plan = Plan(phones=40, arrive_within=20) if quick else PLAN
    clinic = voice_figures.open_clinic(NUMBER, AGENTS)
    url = stack.start_simulator(NUMBER)
    with SimulatedTwilio(url) as twilio:
        twilio.use_hub(os.environ["HUB_PUBLIC_URL"])
        twilio.chaos(speech_factor=0.1, recording_delay=0.1)
    desks = [voice_figures.desk_of(user) for user in clinic.agents]
    outcome = asyncio.run(Crowd(url, NUMBER, desks, plan).run())
    voice_figures.wait_until_quiet()
    took = sorted(outcome.question_ms.values())
    wrong = voice_figures.kpi_mismatch()
    for line in wrong:
        print(line, flush=True)
    return {
        "phones": plan.phones,
        "agents": AGENTS,
        "calls": sum(outcome.count().values()),
        "lost": outcome.count()["lost"],
        "questions": len(took),
        "twiml_p50_ms": took[len(took) // 2],
        "twiml_p95_ms": took[int(len(took) * 0.95)],
        "twiml_max_ms": took[-1],
        "double_rooms": outcome.double_rooms + voice_figures.people_in_two_calls(),
        "stuck_entries": voice_figures.stuck_entries(),
        "kpi_mismatch": len(wrong),
    }
