"""Nobody is recorded before they heard that they may be: every way into a room is walked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.voice import handover, outbound
from channels_app.voice.models import Call, Party, Recording, RecordingRule
from hub.conversations.models import Conversation
from hub.routing.dispatch import offer_next
from hub.staff.presence import open_tab
from tests.factories import DepartmentFactory, UserFactory
from tests.voice.line import Document, Line
from tests.voice.test_recorded import comes_in
from tests.voice.test_rooms import ringing, told

pytestmark = pytest.mark.django_db

NOTICE = "may be recorded"


class Ear:
    """A patient's line that remembers what it heard, in order."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.heard: list[Document] = []
        ask = line.ask

        def listen(address: str, token: str = "", **fields: str) -> Document:
            document = ask(address, token, **fields)
            self.heard.append(document)
            return document

        line.ask = listen  # type: ignore[method-assign]

    @property
    def was_told(self) -> bool:
        return any(NOTICE in document.said for document in self.heard)

    def records(self) -> list[Document]:
        """Documents by which the line itself would be recorded (a message has its tone)."""
        return [
            document
            for document in self.heard
            if document.has("Record")
            or any("record" in each.attrib for each in document.root.iter())
        ]


def check(ear: Ear, call: Call) -> None:
    """The patient comes into the room: only now, and only if they were told, are they recorded."""
    assert not Recording.objects.filter(call=call).exists()
    assert ear.was_told
    comes_in(ear.line, call)
    call.refresh_from_db()
    recording = Recording.objects.get(call=call)
    assert call.notice_at is not None and call.notice_at <= recording.started_at
    assert ear.records() == []


@pytest.fixture
def recorded(phone) -> RecordingRule:
    return RecordingRule.objects.create(department=phone.department, records=True)


def test_a_caller(phone, recorded) -> None:
    line = phone.call()
    ear = Ear(line)
    line.dial()
    offer_next(phone.department.pk)
    call = Call.objects.get()
    told(line, call.parties.get(kind="agent"), "in-progress")
    call.refresh_from_db()
    line.ask(f"/twilio/voice/place?m={call.moves}")
    check(ear, call)


@pytest.mark.parametrize(("seconds", "again"), [(2, True), (60, False)])
def test_a_caller_who_is_answered_while_it_is_spoken_hears_it_again(
    phone, recorded, seconds, again
) -> None:
    line, call, party = ringing(phone)
    ago = timezone.now() - timedelta(seconds=seconds)
    Call.objects.update(notice_at=ago)
    told(line, party, "in-progress")
    call.refresh_from_db()
    placed = line.ask(f"/twilio/voice/place?m={call.moves}")
    assert (NOTICE in placed.said) is again
    assert placed.has("Conference")


def test_a_patient_who_is_called(phone, recorded) -> None:
    line = phone.call()
    line.dial()
    line.hang_up()
    conversation = Conversation.objects.get()
    call = outbound.dial(conversation, conversation.contact_point, by=phone.agent)
    party = Party.objects.get(call=call, kind="agent")
    told(line, party, "in-progress")
    out = Line(line.number)
    ear = Ear(out)
    out.ask(f"/twilio/voice/reached?c={call.uuid}")
    call.refresh_from_db()
    check(ear, call)


def test_a_caller_who_is_handed_to_a_department_that_records(phone) -> None:
    billing = DepartmentFactory(name="Billing")
    RecordingRule.objects.create(department=billing, records=True)
    clerk = UserFactory(departments=[billing])
    open_tab(clerk, "")
    line, call, party = ringing(phone)
    ear = Ear(line)
    told(line, party, "in-progress")
    comes_in(line, call)
    assert not Recording.objects.exists(), "the front desk does not record"
    handover.to_department(call.uuid, billing, by=phone.agent)
    call.refresh_from_db()
    line.ask(f"/twilio/voice/place?m={call.moves}")
    offer_next(billing.pk)
    told(line, Party.objects.get(user=clerk, left_at__isnull=True), "in-progress")
    call.refresh_from_db()
    line.ask(f"/twilio/voice/place?m={call.moves}")
    check(ear, call)


def test_where_nothing_is_recorded_nobody_is_told_so(phone) -> None:
    line = phone.call()
    ear = Ear(line)
    line.dial()
    offer_next(phone.department.pk)
    call = Call.objects.get()
    told(line, call.parties.get(kind="agent"), "in-progress")
    comes_in(line, call)
    assert not ear.was_told
    assert not Recording.objects.exists()


def test_who_refused_is_not_recorded_though_they_were_told(phone, recorded) -> None:
    line, call, party = ringing(phone)
    Call.objects.update(recording_refused=True)
    told(line, party, "in-progress")
    comes_in(line, call)
    assert not Recording.objects.exists()


def test_without_the_notice_nothing_starts_whatever_the_rule_says(phone) -> None:
    """The rule was made while the call ran: nobody told this caller."""
    line, call, party = ringing(phone)
    RecordingRule.objects.create(department=phone.department, records=True)
    told(line, party, "in-progress")
    comes_in(line, call)
    assert Call.objects.get().notice_at is None
    assert not Recording.objects.exists()
