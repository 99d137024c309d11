"""An agent promises a call, and takes it back."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from channels_app.voice import slots
from channels_app.voice.models import Callback
from hub.conversations.actions import holder
from hub.conversations.models import Channel, HubAddress
from hub.routing.models import QueueEntry
from hub.staff.models import User
from tests.console.conftest import Desk
from tests.factories import UserFactory

LogIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def line(desk: Desk) -> HubAddress:
    return HubAddress.objects.create(
        channel=Channel.VOICE, value="+15550100100", label="Main", department=desk.department
    )


def test_a_time_is_promised_and_asked_of_whoever_promised_it(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    holder.claim(found, desk.agent)
    browser = log_in(desk.agent)
    dialog = browser.get(f"/console/c/{found.uuid}/callback").content.decode()
    point = desk.link.contact_point
    slot = slots.slots_for(desk.department, point, desk.patient, timezone.now())[1]
    assert slot.start.isoformat(timespec="seconds").partition("+")[0][-8:-6] in dialog
    data = {"number": point.uuid, "start": slot.start.isoformat(), "reason": "Lab results"}
    done = browser.post(f"/console/c/{found.uuid}/callback", data)
    assert done.status_code == 200, done.content
    callback = Callback.objects.get()
    assert (callback.requested_by, callback.slot_from) == (desk.agent, slot.start)
    wait = QueueEntry.objects.get(ended_at__isnull=True)
    assert (wait.kind, wait.prefer, wait.not_before) == ("callback", desk.agent, slot.start)
    again = browser.get(f"/console/c/{found.uuid}/callback").content.decode()
    assert "Lab results" in again
    assert "Lena Moreau" in again


def test_a_promise_is_taken_back(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    browser = log_in(desk.agent)
    path = f"/console/c/{found.uuid}/callback"
    browser.post(path, {"number": desk.link.contact_point.uuid})
    assert browser.post(path, {"do": "take_back"}).status_code == 200
    assert Callback.objects.get().state == Callback.State.CANCELLED
    assert not QueueEntry.objects.filter(kind="callback", ended_at__isnull=True).exists()
    assert browser.post(path, {"do": "take_back"}).status_code == 200


def test_what_a_colleague_holds_is_theirs_to_promise(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    holder.claim(found, UserFactory(name="Ben Busy", departments=[desk.department]))
    path = f"/console/c/{found.uuid}/callback"
    answer = log_in(desk.agent).post(path, {"number": desk.link.contact_point.uuid})
    assert answer.status_code == 409
    assert "Ben Busy" in answer.json()["error"]
    answer = log_in(desk.supervisor).post(path, {"number": desk.link.contact_point.uuid})
    assert answer.status_code == 200


def test_only_numbers_of_this_patient_are_called(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    other = desk.receive(number="+15550100999")
    path = f"/console/c/{found.uuid}/callback"
    answer = log_in(desk.agent).post(path, {"number": other.contact_point.uuid})
    assert answer.status_code == 409
    assert not Callback.objects.exists()


def test_a_time_that_is_gone_is_said_to_be(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    path = f"/console/c/{found.uuid}/callback"
    data = {"number": desk.link.contact_point.uuid, "start": "2020-01-01T10:00:00+00:00"}
    answer = log_in(desk.agent).post(path, data)
    assert answer.status_code == 409
    assert answer.json()["code"] == "SlotGone"
