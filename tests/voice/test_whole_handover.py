"""A call is held, interpreted, listened to and handed on, through the real processes."""

import pytest

from channels_app.simulator.headless import SimulatedPhone, SimulatedTwilio
from channels_app.simulator.headless_voice import Device
from channels_app.voice import desk, handover, supervise
from channels_app.voice.models import Call, Party, Recording, WrapUp
from hub.conversations.models import Delivery
from hub.staff.models import Department, User
from tests.channels.conftest import hub  # noqa: F401  (a fixture)
from tests.channels.test_round_trip import wait_until
from tests.factories import DepartmentFactory, UserFactory
from tests.hub_processes import HubProcesses
from tests.voice.test_whole_call import (  # noqa: F401  (fixtures)
    CALLER,
    NUMBER,
    be_there,
    department,
    devices,
)

INTERPRETER = "+15550100777"


def joined(user: User) -> None:
    """Wait until the line of `user` is in the room."""
    lines = Party.objects.filter(user=user, state=Party.State.JOINED)
    wait_until(lambda: lines.exists(), 20)


def hears_music(phone: SimulatedPhone) -> bool:
    """Whether the phone's line is on hold, with music."""
    call = phone.call()["call"]
    return bool(call["music"] and not call["bridged"])


def nothing_failed() -> None:
    """No order was refused but those to lines that had gone by themselves."""
    failed = Delivery.objects.filter(state=Delivery.State.FAILED)
    assert list(failed.values_list("detail", "error_code")) == []


@pytest.fixture
def clinic(department: Department) -> tuple[User, User, User, User]:  # noqa: F811
    billing = DepartmentFactory(name="Billing")
    ana, ben = (UserFactory(departments=[department]) for _ in range(2))
    cleo = UserFactory(departments=[billing])
    sue = UserFactory(supervisor=True, departments=[department])
    for user in (ana, cleo):
        be_there(user)
    return ana, ben, cleo, sue


def test_a_call_is_handed_from_one_to_the_next_and_the_patient_is_never_alone(
    hub: HubProcesses,  # noqa: F811
    simulator: SimulatedTwilio,
    clinic: tuple[User, User, User, User],
    devices,  # noqa: F811
) -> None:
    hub.start("web", "worker", "beat")
    ana, ben, cleo, sue = clinic
    at_ana: Device = devices(ana)
    phone = simulator.phone(CALLER)
    phone.dial(NUMBER)
    phone.wait_for_heard("press 1")
    phone.press("1")
    at_ana.accept(at_ana.wait_for_incoming(20)["sid"])
    phone.wait_until("bridged", 20)
    call = Call.objects.get()
    joined(ana)
    wait_until(lambda: Recording.objects.filter(state="running").exists())

    # Held: music, and nothing of what is said in the room.
    desk.hold(call.uuid, True, by=ana)
    wait_until(lambda: hears_music(phone), 20)
    at_ana.say("Where did I put it")
    desk.hold(call.uuid, False, by=ana)
    phone.wait_until("bridged")
    assert "Where did I put it" not in phone.heard()

    # An interpreter joins, and is told that the call is recorded; the patient is not.
    guest = handover.add_guest(call.uuid, INTERPRETER, "interpreter", by=ana)
    interpreter = simulator.phone(INTERPRETER)
    interpreter.wait_until("ringing", 20)
    interpreter.answer()
    interpreter.wait_for_heard("being recorded", 20)
    assert not any("being recorded" in line for line in phone.heard())
    interpreter.wait_until("bridged")
    phone.say("Buenos días")
    interpreter.wait_for_heard("Buenos días")
    handover.remove(guest.uuid, by=ana)
    interpreter.wait_until("ended", 20)

    # The recording is refused, and stays so.
    desk.refuse_recording(call.uuid, by=ana)
    wait_until(lambda: Recording.objects.exclude(state="running").exists())

    # Warm: Ana and Ben speak while the patient hears music; then Ben has the patient.
    be_there(ben)
    at_ben: Device = devices(ben)
    handover.consult(call.uuid, ben, by=ana)
    wait_until(lambda: hears_music(phone), 20)
    at_ben.accept(at_ben.wait_for_incoming(20)["sid"])
    joined(ben)
    at_ana.say("This one is for you")
    at_ben.wait_for_heard("for you")
    handover.complete(call.uuid, by=ana)
    at_ana.wait_for("disconnect", seconds=20)
    phone.wait_until("bridged", 20)
    at_ben.say("Good morning, this is Ben")
    phone.wait_for_heard("this is Ben")
    assert not any("for you" in line for line in phone.heard())
    call.refresh_from_db()
    assert call.conversation.holder == ben
    assert WrapUp.objects.get(done_at=None).user == ana

    # A supervisor whispers to Ben, whom the patient hears, while they do not hear her.
    at_sue: Device = devices(sue)
    supervise.begin(call.uuid, "whisper", by=sue)
    at_sue.accept(at_sue.wait_for_incoming(20)["sid"])
    joined(sue)
    at_sue.say("Offer them Tuesday")
    at_ben.wait_for_heard("Tuesday")
    at_ben.say("Would Wednesday do")
    phone.wait_for_heard("Wednesday")
    assert not any("Tuesday" in line for line in phone.heard())

    # Cold: everybody's line ends with the room; the patient waits with music for Billing.
    billing = cleo.departments.get()
    at_cleo: Device = devices(cleo)
    handover.to_department(call.uuid, billing, by=ben)
    ringing = at_cleo.wait_for_incoming(20)
    at_ben.wait_for("disconnect", seconds=20)
    at_sue.wait_for("disconnect", seconds=20)
    phone.wait_until("queued", 20)
    at_cleo.accept(ringing["sid"])
    phone.wait_until("bridged", 20)
    at_cleo.say("Billing, good morning")
    phone.wait_for_heard("Billing")
    joined(cleo)

    desk.hang_up(call.uuid, by=cleo)
    phone.wait_until("ended", 20)
    at_cleo.wait_for("disconnect", seconds=20)
    call.refresh_from_db()
    assert call.state == Call.State.ENDED
    assert Recording.objects.filter(kind="call").count() == 1, "the refusal went along"
    nothing_failed()
