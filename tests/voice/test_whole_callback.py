"""From the queue to the talk, by the real ways: a caller hangs up, and is rung in their turn."""

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.voice.models import Call, Callback
from hub.conversations.models import Channel, HubAddress
from hub.routing.models import Offer
from hub.staff.models import Department, Presence, User
from hub.staff.presence import set_presence
from tests.channels.conftest import hub  # noqa: F401  (a fixture)
from tests.channels.test_round_trip import wait_until
from tests.hub_processes import HubProcesses
from tests.voice.test_whole_call import CALLER, NUMBER, agent, department, devices  # noqa: F401

pytestmark = pytest.mark.usefixtures("department")


def test_a_caller_keeps_their_place_and_is_called_back(
    hub: HubProcesses,  # noqa: F811
    simulator: SimulatedTwilio,
    department: Department,  # noqa: F811
    agent: User,  # noqa: F811
    devices,  # noqa: F811
) -> None:
    hub.start("web", "worker", "beat")
    assert HubAddress.objects.filter(channel=Channel.VOICE).exists()
    set_presence(agent, Presence.BUSY)  # on duty, and not free
    device = devices(agent)
    phone = simulator.phone(CALLER)
    phone.dial(NUMBER)
    phone.wait_for_heard("press 1")
    phone.press("1")
    phone.wait_for_heard("keep your place", 30)
    phone.press("1")
    phone.wait_for_heard("We will call you back", 30)
    phone.wait_until("ended", 30)
    callback = Callback.objects.get()
    assert callback.state == Callback.State.WAITING
    # Now somebody is free: their phone rings first, and only then the patient's.
    set_presence(agent, Presence.AVAILABLE)
    wait_until(lambda: Offer.objects.filter(ended_at__isnull=True).exists(), 30)
    ringing = device.wait_for_incoming(30)
    assert not Call.objects.filter(direction="outbound").exclude(sid="").exists()
    device.accept(ringing["sid"])
    phone.wait_until("ringing", 30)
    phone.answer()
    phone.wait_for_heard("calling you back", 30)
    wait_until(lambda: Call.objects.get(direction="outbound").state == Call.State.ROOM, 30)
    phone.wait_until("bridged", 30)
    device.say("Thank you for waiting, this is the front desk")
    phone.wait_for_heard("this is the front desk", 30)
    phone.hang_up()
    wait_until(lambda: Callback.objects.get().state == Callback.State.REACHED, 30)
    assert Callback.objects.get().tries == 0
