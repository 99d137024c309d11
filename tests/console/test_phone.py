"""The softphone: what it shows at each stage of a call, its deeds, and who may steer a call."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client

from channels_app.voice.models import Call, Party, WrapUp
from hub.audit.models import AuditEvent
from hub.console.views import phone as views
from hub.conversations.models import Entry
from hub.staff.models import User
from tests.factories import LinkFactory, PatientFactory
from tests.voice.floor import Floor, party_of, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.fixture
def keys(settings: LazySettings) -> None:
    """An installation in which browsers take calls."""
    settings.TWILIO_API_KEY_SID = "SK00000000000000000000000000000001"
    settings.TWILIO_API_KEY_SECRET = "a-secret-of-the-tests-that-is-long-enough"
    settings.TWILIO_API_BASE = "http://127.0.0.1:8301"


class Phone:
    """One person's softphone."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.client = Client()
        self.client.force_login(user)

    def shows(self) -> str:
        """The fragment, without the space between its parts."""
        response = self.client.get("/console/phone")
        assert response.status_code == 200
        return re.sub(r">\s+<", "><", response.content.decode())

    @property
    def stage(self) -> str:
        found = re.search(r'data-stage="(\w*)"', self.shows())
        assert found
        return found[1]

    def do(self, call: Call, name: str, **fields: object) -> int:
        """Press a button of the bar; returns the status of the answer."""
        return self.client.post(f"/console/phone/{call.uuid}/{name}", fields).status_code


def test_an_idle_phone_shows_nothing_and_nothing_is_on_record(floor: Floor) -> None:
    rows = AuditEvent.objects.filter(action="view_conversation").count()
    assert Phone(floor.ana).stage == ""
    assert AuditEvent.objects.filter(action="view_conversation").count() == rows


def test_a_ringing_phone_says_who_calls_and_for_whom(floor: Floor) -> None:
    LinkFactory(
        contact_point__value="+15550100142", patient=PatientFactory(legal_name="Ana Morales")
    )
    floor.arrive(floor.ana)
    call = floor.ring_in("+15550100142")
    floor.offer()
    shown = Phone(floor.ana).shows()
    for words in ("Incoming call", "Ana Morales", "(555) 010-0142", "Front desk", "English"):
        assert words in shown
    assert 'data-phone="accept"' in shown and 'data-phone="reject"' in shown
    assert 'data-count="down"' in shown
    viewed = AuditEvent.objects.filter(action="view_conversation", actor=floor.ana).last()
    assert viewed is not None and viewed.conversation_id == call.conversation_id
    assert viewed.detail == {"by": "phone"}


def test_a_call_in_hand_is_held_and_taken_back(floor: Floor) -> None:
    call = floor.talking()
    phone = Phone(floor.ana)
    assert phone.stage == "talking"
    assert f'href="/console/c/{call.conversation.uuid}/"' in phone.shows()
    assert phone.do(call, "hold", on="on") == 204
    assert "On hold" in phone.shows()
    assert phone.do(call, "hold", on="") == 204
    assert "On hold" not in phone.shows()


def test_a_reload_in_the_middle_of_a_call_is_rung_again_and_answers_itself(floor: Floor) -> None:
    floor.talking()
    phone = Phone(floor.ana)
    floor.lose(floor.ana)
    assert phone.stage == "alone"
    assert phone.client.post("/console/phone/ready").json() == {"rings": True}
    shown = phone.shows()
    assert 'data-stage="ringing"' in shown and 'data-answers-itself="yes"' in shown
    assert "data-ring" not in shown, "nobody is asked about a call that they lead"
    assert phone.client.post("/console/phone/ready").json() == {"rings": False}


def test_after_the_call_its_reason_outcome_and_note_are_kept(floor: Floor) -> None:
    call = floor.talking()
    phone = Phone(floor.ana)
    assert phone.do(call, "hang-up") == 204
    shown = phone.shows()
    assert 'data-stage="wrap_up"' in shown
    [conversation] = re.findall(r'name="conversation" value="([\w-]+)"', shown)
    said = {
        "reason": "medication",
        "outcome": "solved",
        "body": "Renewed for three months",
        "conversation": conversation,
        "intent": uuid4(),
    }
    assert phone.client.post("/console/phone/wrap-up", said).status_code == 204
    assert phone.client.post("/console/phone/wrap-up", said).status_code == 204, "once more"
    wrap_up = WrapUp.objects.get()
    assert wrap_up.done_at is not None
    assert (wrap_up.reason, wrap_up.outcome) == ("medication", "solved")
    [note] = Entry.objects.filter(kind="note")
    assert note.body == "Renewed for three months"
    assert phone.stage == ""


def test_a_note_that_belongs_nowhere_is_not_lost_silently(floor: Floor) -> None:
    call = floor.talking()
    phone = Phone(floor.ana)
    phone.do(call, "hang-up")
    answer = phone.client.post("/console/phone/wrap-up", {"body": "Where do I belong?"})
    assert answer.status_code == 400 and "note" in answer.json()["error"]
    assert WrapUp.objects.get().done_at is None


def test_a_call_is_introduced_to_a_colleague_and_handed_over(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    phone, colleague = Phone(floor.ana), Phone(floor.ben)
    offered = phone.client.get(f"/console/phone/{call.uuid}/hand-over").content.decode()
    assert "Ben Agent" in offered and "Billing" in offered and "Ana Agent" not in offered
    to = f"person:{floor.ben.uuid}"
    assert phone.do(call, "hand-over", how="warm", to=to) == 204
    assert "A colleague wants to hand over" in colleague.shows()
    assert "is being rung" in phone.shows()
    assert 'data-phone="complete"' not in phone.shows()
    floor.join(floor.ben)
    assert 'data-phone="complete"' in phone.shows()
    assert phone.do(call, "hand-over/complete") == 204
    call.conversation.refresh_from_db()
    assert call.conversation.holder == floor.ben
    assert (phone.stage, colleague.stage) == ("wrap_up", "talking")


def test_an_introduction_is_given_up(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    phone = Phone(floor.ana)
    phone.do(call, "hand-over", how="warm", to=f"person:{floor.ben.uuid}")
    assert phone.do(call, "hand-over/give-up") == 204
    assert Phone(floor.ben).stage == ""
    assert "On hold" not in phone.shows()


def test_a_call_goes_to_another_department_at_once(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.cleo)
    phone = Phone(floor.ana)
    to = f"department:{floor.billing.uuid}"
    assert phone.do(call, "hand-over", how="cold", to=to) == 204
    call.conversation.refresh_from_db()
    assert call.conversation.department == floor.billing
    assert phone.stage == "wrap_up"


def test_an_interpreter_is_added_and_taken_off(floor: Floor) -> None:
    call = floor.talking()
    phone = Phone(floor.ana)
    dialog = phone.client.get(f"/console/phone/{call.uuid}/add").content.decode()
    assert "Interpreter" in dialog
    refused = phone.client.post(
        f"/console/phone/{call.uuid}/add", {"number": "12", "role": "interpreter"}
    )
    assert refused.status_code == 409 and refused.json()["code"] == "NotANumber"
    assert phone.do(call, "add", number="(555) 010-0177", role="interpreter") == 204
    guest = call.parties.get(kind=Party.Kind.GUEST)
    assert str(guest.uuid) in phone.shows()
    assert phone.do(call, "remove", party=guest.uuid) == 204
    assert str(guest.uuid) not in phone.shows()
    assert phone.do(call, "remove", party="nobody") == 404


def test_a_recording_is_paused_and_refused(floor: Floor) -> None:
    floor.record_calls(floor.front)
    call = floor.talking()
    Call.objects.filter(pk=call.pk).update(notice_at=call.started_at)
    phone = Phone(floor.ana)
    assert phone.do(call, "recording", wish="erase") == 400
    assert phone.do(call, "recording", wish="refuse") == 204
    shown = phone.shows()
    assert "Not recorded: refused" in shown
    assert 'data-phone="refuse"' not in shown


@pytest.mark.parametrize(
    "name",
    [
        *("hang-up", "hold", "recording", "hand-over", "hand-over/complete", "hand-over/give-up"),
        *("add", "remove", "supervise", "leave"),
    ],
)
def test_whoever_is_not_on_a_call_does_not_steer_it(floor: Floor, name: str) -> None:
    call = floor.talking()
    for user in (floor.ben, floor.cleo):
        assert Phone(user).do(call, name, mode="listen") == 404
        assert AuditEvent.objects.filter(actor=user, action="denied").exists()
    assert party_of(call, floor.ana).left_at is None


def test_a_button_pressed_after_the_call_says_so(floor: Floor) -> None:
    call = floor.talking()
    floor.patient_hangs_up(call)
    phone = Phone(floor.ana)
    answer = phone.client.post(f"/console/phone/{call.uuid}/hold", {"on": "on"})
    assert answer.status_code == 409
    assert answer.json() == {"error": "This call is over.", "code": "CallOver"}


@pytest.mark.usefixtures("keys")
def test_the_browser_gets_a_token_of_its_own_person(floor: Floor) -> None:
    answer = Phone(floor.ana).client.post("/console/phone/token").json()
    assert answer["transport"] == "simulator"
    assert answer["address"] == "ws://127.0.0.1:8301/simulator/device"
    assert answer["token"].count(".") == 2


@pytest.mark.usefixtures("keys")
def test_a_session_does_not_get_tokens_without_end(floor: Floor) -> None:
    phone = Phone(floor.ana)
    for _each in range(views.TOKENS):
        assert phone.client.post("/console/phone/token").status_code == 200
    assert phone.client.post("/console/phone/token").status_code == 429
    assert Phone(floor.ana).client.post("/console/phone/token").status_code == 200


def test_without_keys_there_is_no_phone_and_administrators_are_told(
    floor: Floor, settings: LazySettings, log_in: Callable[[User], Client]
) -> None:
    settings.TWILIO_API_KEY_SID = settings.TWILIO_API_KEY_SECRET = ""
    phone = Phone(floor.ana)
    assert phone.client.post("/console/phone/token").status_code == 204
    page = phone.client.get("/console/").content.decode()
    assert 'id="phone"' not in page and 'id="ring"' not in page
    floor.ana.role = "administrator"
    floor.ana.save()
    said = log_in(floor.ana).get("/console/").content.decode()
    assert "TWILIO_API_KEY_SID" in said


@pytest.mark.usefixtures("keys")
def test_with_keys_every_page_has_the_place_of_the_bar(floor: Floor) -> None:
    phone = Phone(floor.ana)
    for path in ("/console/", "/console/search"):
        page = phone.client.get(path).content.decode()
        assert 'id="phone"' in page and 'id="ring"' in page and 'id="heard"' in page


def test_the_timeline_tells_a_calls_whole_life(floor: Floor) -> None:
    call = floor.talking()
    floor.arrive(floor.ben)
    phone = Phone(floor.ana)
    floor.lose(floor.ana)
    phone.client.post("/console/phone/ready")
    floor.join(floor.ana)
    phone.do(call, "add", number="(555) 010-0177", role="interpreter")
    phone.do(call, "hand-over", how="warm", to=f"person:{floor.ben.uuid}")
    floor.join(floor.ben)
    phone.do(call, "hand-over/complete")
    floor.patient_hangs_up(call)
    Phone(floor.ben).client.post(
        "/console/phone/wrap-up", {"reason": "results", "outcome": "solved"}
    )
    page = Phone(floor.sue).client.get(f"/console/c/{call.conversation.uuid}/").content.decode()
    page = re.sub(r"</?b>", "", page)
    for sentence in (
        "The patient calls",
        "They want Front desk",
        "Ana Agent answered",
        "Ana Agent is back on the line",
        "Ana Agent rings somebody into the call: interpreter",
        "Ana Agent asks Ben Agent to take the call over",
        "Ana Agent handed the call over to Ben Agent",
        "The call is over",
        "Ben Agent noted: Results · Solved",
    ):
        assert sentence in page, told(call)
    assert "Something about the call changed" not in page, told(call)
