"""Each department has a queue at the provider before anybody waits in it."""

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.twilio.client import client
from channels_app.voice import queues
from channels_app.voice.arriving import queue_name
from channels_app.voice.models import PhoneLine
from tests.factories import DepartmentFactory
from tests.simulator.fixtures import simulator, simulator_log, simulator_url  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def at_twilio(simulator: SimulatedTwilio, settings) -> SimulatedTwilio:  # noqa: F811
    settings.TWILIO_API_BASE = simulator.url
    return simulator


def sizes() -> dict[str, int]:
    return {one.friendly_name: one.max_size for one in client().queues.list()}


def test_what_is_missing_is_made_and_what_is_small_is_widened(at_twilio, phone) -> None:
    other = DepartmentFactory(name="Cardiology")
    # As <Enqueue> makes one by itself.
    client().queues.create(friendly_name=queue_name(other), max_size=100)
    client().queues.create(friendly_name="somebody-elses", max_size=5)
    assert queues.make_queues() == 2
    wanted = {queue_name(phone.department): 1000, queue_name(other): 1000, "somebody-elses": 5}
    assert {name: size for name, size in sizes().items() if name in wanted} == wanted
    assert queues.make_queues() == 0


def test_without_a_line_nothing_is_asked(settings, db) -> None:
    DepartmentFactory()
    settings.TWILIO_API_BASE = "http://127.0.0.1:9"
    assert not PhoneLine.objects.exists()
    assert queues.make_queues() == 0


def test_when_the_provider_is_away_the_next_round_does_it(at_twilio, phone, settings) -> None:
    settings.TWILIO_API_BASE = "http://127.0.0.1:9"
    assert queues.make_queues() == 0
    settings.TWILIO_API_BASE = at_twilio.url
    assert queues.make_queues() == 1
