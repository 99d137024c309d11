"""A whole call through the real processes and the simulated Twilio."""

import io
import time
import wave
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from channels_app.twilio.client import client
from channels_app.voice import ending, tokens
from channels_app.voice.models import Call, MenuItem, PhoneLine, Recording, RecordingRule
from hub.conversations.models import Attachment, Channel, Conversation, Entry, HubAddress
from hub.encryption.files import EncryptedFileStorage, binding
from hub.routing.models import QueueEntry
from hub.staff.models import Department, Tab, User
from hub.staff.presence import open_tab
from tests.channels.conftest import hub  # noqa: F401  (a fixture)
from tests.channels.test_round_trip import wait_until
from tests.factories import DepartmentFactory, UserFactory
from tests.hub_processes import HubProcesses

NUMBER = "+15550100100"
CALLER = "+15550100142"


@pytest.fixture
def department(transactional_db: None) -> Department:
    """The front desk, with a phone line and a menu of one choice; its calls are recorded."""
    department = DepartmentFactory(name="Front desk")
    address = HubAddress.objects.create(
        channel=Channel.VOICE, value=NUMBER, label="Main", department=department
    )
    line = PhoneLine.objects.create(hub_address=address, languages=["en"])
    MenuItem.objects.create(
        line=line,
        digit="1",
        action=MenuItem.Action.DEPARTMENT,
        department=department,
        label={"en": "the front desk"},
    )
    MenuItem.objects.create(
        line=line,
        digit="8",
        action=MenuItem.Action.VOICEMAIL,
        department=department,
        label={"en": "leaving a message"},
    )
    RecordingRule.objects.create(department=department, records=True)
    return department


@pytest.fixture
def agent(department: Department) -> User:
    user = UserFactory(departments=[department])
    be_there(user)
    return user


def be_there(user: User) -> None:
    """Let the person's console be open for the length of a test."""
    tab = open_tab(user, "")
    Tab.objects.filter(pk=tab.pk).update(until=timezone.now() + timedelta(hours=1))


@pytest.fixture
def devices(simulator: SimulatedTwilio, settings) -> Iterator:
    """Make an agent's device: `devices(user)`."""
    settings.TWILIO_API_BASE = simulator.url
    with ExitStack() as stack:

        def device(user: User) -> Device:
            return stack.enter_context(
                Device(simulator.url, tokens.phone_token(user).token, simulator.url)
            )

        yield device


def call_of() -> Call:
    """The only call."""
    wait_until(lambda: Call.objects.exists())
    return Call.objects.get()


def test_a_call_from_the_first_ring_to_the_recording(
    hub: HubProcesses,  # noqa: F811
    simulator: SimulatedTwilio,
    department: Department,
    agent: User,
    devices,
) -> None:
    hub.start("web", "worker", "beat")
    device = devices(agent)
    phone = simulator.phone(CALLER)
    phone.dial(NUMBER)
    phone.wait_for_heard("dial 911")
    phone.wait_for_heard("press 1")
    phone.press("1")
    phone.wait_for_heard("may be recorded")
    device.accept(device.wait_for_incoming(20)["sid"])
    phone.wait_until("connected", 20)
    wait_until(lambda: Call.objects.get().state == Call.State.ROOM)
    # They hear each other.
    wait_until(lambda: Recording.objects.filter(state="running").exists())
    phone.wait_until("bridged")
    device.say("Good morning, this is the front desk")
    phone.wait_for_heard("this is the front desk")
    phone.say("I need an appointment")
    device.wait_for_heard("an appointment")
    time.sleep(1.5)  # of less than a second Twilio keeps no recording
    conversation = Conversation.objects.get()
    assert conversation.holder == agent
    phone.hang_up()
    wait_until(lambda: Call.objects.get().state == Call.State.ENDED)
    device.wait_for("disconnect")
    wait_until(
        lambda: Attachment.objects.filter(
            entry__kind=Entry.Kind.RECORDING, state=Attachment.State.STORED
        ).exists(),
        30,
    )
    attachment = Attachment.objects.get()
    with (
        EncryptedFileStorage().open(
            attachment.storage_name, binding(attachment, "storage_name")
        ) as file,
        wave.open(io.BytesIO(file.read())) as sound,
    ):
        assert sound.getnchannels() == 2
    # It is deleted at the provider once we have it.
    sid = Recording.objects.get().sid
    wait_until(lambda: not [one for one in client().recordings.list() if one.sid == sid])
    assert ending.finish_wrap_up(agent, reason="question", outcome="solved") is not None
    assert not QueueEntry.objects.filter(ended_at__isnull=True).exists()


def test_a_message_left_by_voice_is_work_for_somebody(
    hub: HubProcesses,  # noqa: F811
    simulator: SimulatedTwilio,
    department: Department,
) -> None:
    hub.start("web", "worker", "beat")
    phone = simulator.phone(CALLER)
    phone.dial(NUMBER)
    phone.wait_for_heard("press 8")
    phone.press("8")
    wait_until(lambda: any(heard["kind"] == "beep" for heard in phone.call()["heard"]))
    for _ in range(3):  # silence is trimmed, and of less than a second Twilio keeps nothing
        phone.say("Please call me back about my refill, there are no tablets left for tomorrow")
        time.sleep(0.7)
    phone.press("#")
    wait_until(
        lambda: Attachment.objects.filter(
            entry__kind=Entry.Kind.VOICEMAIL, state=Attachment.State.STORED
        ).exists(),
        30,
    )
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert wait.kind == QueueEntry.Kind.FOLLOW_UP
    assert Conversation.objects.get().status == Conversation.Status.OPEN
