"""Live calls for supervisors, and calling a patient from their conversation."""

import re

import pytest
from django.conf import LazySettings

from channels_app.voice.models import Call, Party
from hub.audit.models import AuditEvent
from hub.conversations.actions import holder
from hub.conversations.models import Conversation
from hub.staff import presence
from patients.models import Consent, ContactPoint
from tests.console.conftest import Desk
from tests.console.test_phone import Phone
from tests.factories import ConsentFactory, HubAddressFactory, UserFactory
from tests.voice.floor import Floor

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_supervisor_sees_the_calls_of_their_departments(floor: Floor) -> None:
    floor.talking()
    sue = Phone(floor.sue)
    page = sue.client.get("/console/calls").content.decode()
    assert "Live calls" in page and "Ana Agent" in page and "Talking" in page
    viewed = AuditEvent.objects.filter(actor=floor.sue, action="view_list").last()
    assert viewed is not None and viewed.detail == {"list": "calls"}
    piece = sue.client.get("/console/calls", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in piece and "Ana Agent" in piece


def test_an_agent_does_not(floor: Floor) -> None:
    assert Phone(floor.ana).client.get("/console/calls").status_code == 403
    assert "/console/calls" not in Phone(floor.ana).client.get("/console/").content.decode()


def test_a_supervisor_listens_whispers_and_leaves(floor: Floor) -> None:
    call = floor.talking()
    sue, ana = Phone(floor.sue), Phone(floor.ana)
    assert sue.do(call, "supervise", mode="shout") == 400
    assert sue.do(call, "supervise", mode="listen") == 204
    assert 'data-answers-itself="yes"' in sue.shows()
    floor.join(floor.sue)
    assert (
        'id="mode-listen" data-phone="mode" data-mode="listen" aria-pressed="true"' in sue.shows()
    )
    assert "listens" in ana.shows()
    assert sue.do(call, "supervise", mode="whisper") == 204
    assert "is heard by you alone" in ana.shows()
    assert sue.do(call, "leave") == 204
    assert (sue.stage, ana.stage) == ("", "talking")


def test_a_supervisor_of_another_department_is_refused(floor: Floor) -> None:
    call = floor.talking()
    other = UserFactory(supervisor=True, departments=[floor.billing])
    assert Phone(other).do(call, "supervise", mode="listen") == 404
    assert AuditEvent.objects.filter(actor=other, action="denied").exists()
    assert "Ana Agent" not in Phone(other).client.get("/console/calls").content.decode()


@pytest.fixture
def called(desk: Desk) -> Conversation:
    """A conversation that its agent holds, where there is a line to call from."""
    HubAddressFactory(channel="voice", department=desk.department)
    conversation = desk.receive("Please call me")
    presence.open_tab(desk.agent, "a-session")
    holder.claim(conversation, desk.agent)
    return conversation


def test_a_patient_is_called_from_their_conversation(called: Conversation, desk: Desk) -> None:
    phone = Phone(desk.agent)
    path = f"/console/c/{called.uuid}/call"
    dialog = phone.client.get(path).content.decode()
    [point] = re.findall(r'name="point" value="([\w-]+)"', dialog)
    assert "Call Ana Morales" in dialog
    answer = phone.client.post(path, {"point": point})
    assert answer.status_code == 200 and "Your phone" in answer.json()["toast"]
    call = Call.objects.get()
    assert call.state == Call.State.DIALLING
    assert Party.objects.get().user == desk.agent
    shown = phone.shows()
    assert 'data-answers-itself="yes"' in shown and "Connecting you" in shown
    again = phone.client.post(path, {"point": point})
    assert again.status_code == 409 and again.json()["code"] == "OnThePhone"


def test_a_number_that_said_no_to_calls_is_not_offered(
    called: Conversation, desk: Desk, settings: LazySettings
) -> None:
    settings.TWILIO_API_KEY_SID = settings.TWILIO_API_KEY_SECRET = "a-key-of-the-tests"
    ConsentFactory(
        contact_point=desk.link.contact_point,
        channel="voice",
        source=Consent.Source.STAFF,
        evidence="said so",
    )
    phone = Phone(desk.agent)
    path = f"/console/c/{called.uuid}/"
    dialog = phone.client.get(f"{path}call").content.decode()
    assert re.search(r'name="point" value="[\w-]+" disabled', dialog) and "Stopped" in dialog
    panel = phone.client.get(f"{path}panel").content.decode()
    assert re.search(r'data-do="call"[^>]* disabled title="Stopped', panel)
    point = {"point": desk.link.contact_point.uuid}
    refused = phone.client.post(f"{path}call", point)
    assert refused.status_code == 409 and refused.json()["code"] == "OptedOut"
    assert not Call.objects.exists()


def test_only_the_patients_own_numbers_are_called(called: Conversation, desk: Desk) -> None:
    other = ContactPoint.objects.create(system="phone", value="+15550100188")
    phone = Phone(desk.agent)
    answer = phone.client.post(f"/console/c/{called.uuid}/call", {"point": other.uuid})
    assert answer.status_code == 404
    assert not Call.objects.exists()
