"""A run of calls, looked through: numbers, names, what was typed and what was written down.

What is said in a room never reaches the hub; what does is the sound, the keys that were pressed,
and what a machine wrote down of it.
"""

import time
from pathlib import Path

import pytest

from channels_app.simulator.headless import SimulatedTwilio
from channels_app.voice.models import Answer, MenuItem, PhoneLine, Recording, RecordingRule
from hub.conversations.models import Channel, Delivery, Entry, HubAddress
from hub.staff.models import Department
from hub.staff.presence import open_tab
from tests.factories import DepartmentFactory, LinkFactory, UserFactory
from tests.hub_processes import HubProcesses
from tests.invariants.conftest import wait_until
from tests.privacy import traces
from tests.privacy.test_logs import PATIENTS, assert_clean
from tests.voice.transcribers import SAID

OURS = "+15550100100"
#: Typed on the keypad, and nobody's birth date here: wherever it stands, it was leaked.
TYPED = "07191913"
FORMS_OF_IT = (TYPED, "1913-07-19", "19130719")


@pytest.fixture
def department(transactional_db: None) -> Department:
    department = DepartmentFactory(name="Front desk")
    address = HubAddress.objects.create(
        channel=Channel.VOICE, value=OURS, label="Main", department=department
    )
    line = PhoneLine.objects.create(hub_address=address, languages=["en"], asks_birth_date=True)
    for digit, action in (("1", "department"), ("8", "voicemail")):
        MenuItem.objects.create(
            line=line, digit=digit, action=action, department=department, label={"en": action}
        )
    RecordingRule.objects.create(department=department, records=True, transcribes=True)
    for name, number, _mail in PATIENTS:
        LinkFactory(contact_point__value=number, patient__legal_name=name)
    open_tab(UserFactory(departments=[department]), "")
    return department


def call_and_wait(simulator: SimulatedTwilio) -> None:
    """The first patient types a birth date, waits, and hangs up."""
    phone = simulator.phone(PATIENTS[0][1])
    phone.dial(OURS)
    phone.wait_for_heard("press 1")
    phone.press("1")
    phone.wait_for_heard("date of birth")
    phone.press(TYPED)
    phone.wait_for_heard("stay on the line")
    phone.hang_up()


def leave_a_message(simulator: SimulatedTwilio) -> None:
    """The second patient speaks to the voicemail."""
    phone = simulator.phone(PATIENTS[1][1])
    phone.dial(OURS)
    phone.wait_for_heard("press 8")
    phone.press("8")
    wait_until(
        lambda: any(heard["kind"] == "beep" for heard in phone.call()["heard"]), what="the tone"
    )
    for _ in range(3):
        phone.say(f"This is {PATIENTS[1][0]}. {SAID}")
        time.sleep(0.7)
    phone.press("#")
    wait_until(
        lambda: Recording.objects.filter(transcribed_at__isnull=False).exists(), what="the words"
    )


def test_a_run_of_calls_leaves_nothing_of_a_patient_in_the_clear(
    simulator: SimulatedTwilio, department: Department, tmp_path: Path, settings
) -> None:
    hub = HubProcesses(
        tmp_path,
        TWILIO_API_BASE=simulator.url,
        HUB_MEDIA_DIR=str(tmp_path / "media"),
        HUB_LOG_FORMAT="json",
        HUB_TRANSCRIBER="tests.voice.transcribers.Writes",
    )
    simulator.use_hub(hub.url)
    try:
        with traces.Listening(settings.REDIS_URL) as listening:
            hub.start("web", "worker", "beat")
            call_and_wait(simulator)
            leave_a_message(simulator)
            found = dict(traces.database())
            found |= dict(traces.folder(tmp_path / "media"))
            found["valkey"] = traces.valkey(settings.REDIS_URL)
            logs = {name: hub.log(name).read_text() for name in ("web", "worker", "beat")}
    finally:
        hub.stop()
    found["what was said to valkey"] = listening.heard
    # It was really typed and said, and is there for whoever has the key.
    assert Entry.objects.filter(detail__what="birth_date_entered").exists()
    assert SAID in Recording.objects.get(kind="voicemail").transcript
    assert Answer.objects.exists() and len(found["channels_app_receipt"]) > 100
    # Numbers and names stand in the clear in the tables that match by them, and nowhere else.
    assert_clean("\n".join(logs.values()))
    assert len(logs["web"]) > 500
    found |= {name: text.encode() for name, text in logs.items()}
    leaks = [
        f"{word} in {trace}"
        for trace, content in found.items()
        for word in (SAID, "levothyroxine", *FORMS_OF_IT)
        if traces.holds(content, word)
    ]
    assert leaks == []
    numbers = [
        f"{number} in {trace}"
        for trace in ("valkey", "what was said to valkey", "conversations_delivery", "voice_call")
        for _name, number, _mail in PATIENTS
        if traces.holds(found[trace], number.lstrip("+"))
    ]
    assert numbers == []
    assert all(PATIENTS[0][1] not in str(order.detail) for order in Delivery.objects.all())
