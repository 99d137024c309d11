"""A call comes in and finds its way."""

from datetime import date, time, timedelta

import pytest
from django.utils import timezone

from channels_app.voice.models import Answer, Call, MenuItem, RecordingRule
from hub.conversations.actions.receive import receive
from hub.conversations.models import ContactEvent, Conversation, Entry, Leg
from hub.routing.models import ChannelRules, OpeningHours, QueueEntry
from hub.staff.presence import close_tab
from patients.models import ContactPoint
from tests.factories import DepartmentFactory, LinkFactory, PatientFactory, inbound

pytestmark = pytest.mark.django_db


def _whats(conversation: Conversation) -> list[str]:
    entries = conversation.entries.filter(kind=Entry.Kind.CALL).order_by("number")
    return [entry.detail["what"] for entry in entries]


def test_the_emergency_numbers_come_before_everything(phone) -> None:
    document = phone.call().dial()
    first = document.root[0]
    assert first.tag == "Say" and "911" in first.text and "988" in first.text


def test_a_line_without_a_menu_leads_to_its_department(phone) -> None:
    line = phone.call()
    document = line.dial()
    assert document.find("Enqueue").text == f"department-{phone.department.uuid}"
    call = Call.objects.get(sid=line.sid)
    assert call.state == Call.State.QUEUED
    wait = QueueEntry.objects.get()
    assert (wait.channel, wait.kind, wait.ended_at) == ("voice", "live", None)
    assert call.queue_entry == wait
    assert call.conversation.status == Conversation.Status.OPEN
    assert _whats(call.conversation) == ["arrived", "chose_department"]


def test_the_same_question_gets_the_same_answer_and_no_second_effect(phone) -> None:
    line = phone.call()
    first, second = line.dial(), line.dial()
    assert first.text == second.text
    assert Call.objects.count() == QueueEntry.objects.count() == Leg.objects.count() == 1
    assert Answer.objects.count() == 1


def test_a_digit_chooses_and_a_repeated_press_is_one(phone) -> None:
    other = DepartmentFactory(name="Cardiology")
    from hub.staff.presence import open_tab
    from tests.factories import UserFactory

    open_tab(UserFactory(departments=[other]), "")
    phone.choice("1", MenuItem.Action.DEPARTMENT)
    phone.choice("2", MenuItem.Action.DEPARTMENT, department=other)
    line = phone.call()
    menu = line.dial()
    assert "For choice 2, press 2." in menu.said
    chosen = line.press(menu, "2")
    again = line.press(menu, "2")
    assert chosen.text == again.text
    assert chosen.find("Enqueue").text == f"department-{other.uuid}"
    conversation = Conversation.objects.get()
    assert conversation.department == other
    assert QueueEntry.objects.get().department == other


def test_a_word_chooses_as_the_digit_does(phone) -> None:
    phone.choice("1", MenuItem.Action.DEPARTMENT, spoken={"en": ["an appointment"]})
    line = phone.call()
    menu = line.dial()
    assert menu.find("Gather").attrib["input"] == "dtmf speech"
    said = line.follow(menu, "Gather", SpeechResult="I need an Appointment, please.")
    assert said.has("Enqueue")


def test_whoever_cannot_press_anything_reaches_a_person(phone) -> None:
    phone.choice("1", MenuItem.Action.ANNOUNCEMENT, text={"en": "We are here."})
    line = phone.call()
    menu = line.dial()
    again = line.press(menu, "")
    assert again.has("Gather")
    assert line.press(again, "").has("Enqueue")


def test_a_digit_that_is_not_there_is_said_to_be_none(phone) -> None:
    phone.choice("1", MenuItem.Action.DEPARTMENT)
    line = phone.call()
    assert "not one of the choices" in line.press(line.dial(), "7").said


def test_a_menu_below_a_menu(phone) -> None:
    above = phone.choice("3", MenuItem.Action.MENU, department=None)
    phone.choice("1", MenuItem.Action.ANNOUNCEMENT, parent=above, text={"en": "Open at eight."})
    line = phone.call()
    below = line.press(line.dial(), "3")
    assert "Open at eight." in line.press(below, "1").said


def test_languages_are_offered_and_kept(phone) -> None:
    phone.line.languages = ["en", "es"]
    phone.line.save()
    line = phone.call()
    document = line.dial()
    assert document.find("Gather").attrib["numDigits"] == "1"
    line.press(document, "2")
    assert Call.objects.get().language == "es"
    assert QueueEntry.objects.get().language == "es"


def test_a_known_patient_is_identified_by_their_number(phone) -> None:
    patient = PatientFactory()
    link = LinkFactory(patient=patient)
    phone.call(link.contact_point.value).dial()
    conversation = Conversation.objects.get()
    assert conversation.patient == patient
    assert conversation.identity == Conversation.Identity.PROBABLE


def test_a_birth_date_by_keypad_confirms_nobody_and_is_shown(phone) -> None:
    phone.line.asks_birth_date = True
    phone.line.save()
    phone.choice("1", MenuItem.Action.DEPARTMENT)
    link = LinkFactory(patient=PatientFactory(birth_date=date(1961, 3, 12)))
    line = phone.call(link.contact_point.value)
    asked = line.press(line.dial(), "1")
    assert asked.find("Gather").attrib["numDigits"] == "8"
    assert line.press(asked, "03121961").has("Enqueue")
    conversation = Conversation.objects.get()
    assert conversation.identity == Conversation.Identity.PROBABLE
    assert "birth_date_fits" in _whats(conversation)
    # The date itself is written nowhere.
    assert not any("1961" in str(entry.detail) for entry in conversation.entries.all())


def test_two_withheld_numbers_are_two_people(phone) -> None:
    phone.call("anonymous").dial()
    phone.call("+266696687").dial()
    points = ContactPoint.objects.all()
    assert len(points) == 2
    assert {point.system for point in points} == {ContactPoint.System.VISITOR}
    assert Conversation.objects.count() == 2


def test_a_call_joins_what_is_open_from_the_same_number(phone) -> None:
    first = phone.call()
    first.dial()
    first.hang_up()
    phone.call().dial()
    assert Conversation.objects.count() == 1
    assert Leg.objects.count() == 2


def test_hanging_up_in_the_menu_leaves_a_record_and_no_work(phone) -> None:
    phone.choice("1", MenuItem.Action.DEPARTMENT)
    line = phone.call()
    line.dial()
    line.hang_up()
    conversation = Conversation.objects.get()
    assert conversation.status == Conversation.Status.RESOLVED
    assert conversation.resolution == "hung_up"
    assert not QueueEntry.objects.exists()
    assert Call.objects.get().state == Call.State.ENDED


def test_hanging_up_in_the_queue_is_abandonment_with_its_wait(phone) -> None:
    line = phone.call()
    document = line.dial()
    line.follow(document, "Enqueue", QueueResult="hangup", QueueTime="7")
    line.hang_up()
    abandoned = ContactEvent.objects.get(kind=ContactEvent.Kind.QUEUE_ABANDONED)
    entered = ContactEvent.objects.get(
        kind=ContactEvent.Kind.QUEUE_ENTERED, queue_entry_id=abandoned.queue_entry_id
    )
    wait = QueueEntry.objects.get(pk=abandoned.queue_entry_id)
    assert wait.ended_at - wait.entered_at == abandoned.at - entered.at
    # Somebody is to call them back: the follow-up is no other contact that was offered.
    follow_up = QueueEntry.objects.get(ended_at__isnull=True)
    assert (follow_up.kind, follow_up.parent) == ("follow_up", wait)


def test_the_other_signal_first_is_the_same_abandonment(phone) -> None:
    line = phone.call()
    document = line.dial()
    line.hang_up()
    line.follow(document, "Enqueue", QueueResult="hangup", QueueTime="7")
    assert ContactEvent.objects.filter(kind=ContactEvent.Kind.QUEUE_ABANDONED).count() == 1


def test_while_closed_a_message_or_a_callback_is_offered(phone) -> None:
    weekday = (timezone.localtime().weekday() + 3) % 7
    OpeningHours.objects.create(
        department=phone.department, weekday=weekday, opens=time(8), closes=time(18)
    )
    document = phone.call().dial()
    assert "We are closed now." in document.said or "We are back" in document.said
    assert not document.has("Enqueue")
    assert document.has("Gather")


def test_where_nobody_is_there_nobody_is_left_waiting(phone) -> None:
    close_tab(phone.tab.uuid)
    document = phone.call().dial()
    assert "Nobody can take your call" in document.said
    assert not QueueEntry.objects.exists()


def test_a_full_queue_says_so_kindly(phone) -> None:
    ChannelRules.objects.create(
        department=phone.department, channel="voice", offers=True, most_waiting=1
    )
    phone.call("+15550100142").dial()
    document = phone.call("+15550100143").dial()
    assert "Very many people are calling" in document.said
    assert QueueEntry.objects.count() == 1


def test_the_notice_comes_before_any_recording(phone) -> None:
    RecordingRule.objects.create(department=phone.department, records=True)
    document = phone.call().dial()
    assert "may be recorded" in document.said
    assert Call.objects.get().notice_at is not None
    assert not document.has("Record")


def test_waiting_tells_the_place_and_offers_to_call_back(phone) -> None:
    first, second = phone.call("+15550100142"), phone.call("+15550100143")
    first.dial()
    queued = second.dial()
    heard = second.follow(queued, "Enqueue", "waitUrl", QueuePosition="2", QueueTime="3")
    assert "You are number 2 in line." in heard.said
    assert "Press 1" in heard.said
    assert heard.has("Play")


def test_keeping_the_place_without_waiting(phone) -> None:
    line = phone.call()
    queued = line.dial()
    heard = line.follow(queued, "Enqueue", "waitUrl")
    promised = line.press(heard, "1")
    assert promised.has("Leave") and "call you back" in promised.said
    left = line.follow(queued, "Enqueue", QueueResult="leave", QueueTime="9")
    assert left.has("Hangup")
    line.hang_up()
    ended = QueueEntry.objects.get(ended_at__isnull=False)
    assert ended.outcome == QueueEntry.Outcome.CALLED_BACK
    callback = QueueEntry.objects.get(ended_at__isnull=True)
    assert callback.kind == "callback"
    assert callback.place_since == ended.place_since
    assert not ContactEvent.objects.filter(kind=ContactEvent.Kind.QUEUE_ABANDONED).exists()


def test_a_text_that_waits_waits_in_the_call(phone) -> None:
    from hub.conversations.models import HubAddress

    sms = HubAddress.objects.create(
        channel="sms", value="+15550100100", label="Main", department=phone.department
    )
    receive(inbound(sms, "Hello", "+15550100142"))
    phone.call("+15550100142").dial()
    live = QueueEntry.objects.filter(ended_at__isnull=True)
    assert [wait.channel for wait in live if wait.channel == "voice"] == ["voice"]


def test_a_resolved_conversation_is_opened_again_only_by_a_choice(phone) -> None:
    phone.choice("1", MenuItem.Action.DEPARTMENT)
    first = phone.call()
    first.dial()
    first.hang_up()
    Conversation.objects.update(resolved_at=timezone.now() - timedelta(hours=1))
    second = phone.call()
    menu = second.dial()
    assert Conversation.objects.get().status == Conversation.Status.RESOLVED
    second.press(menu, "1")
    assert Conversation.objects.get().status == Conversation.Status.OPEN


def test_when_we_fail_the_emergency_numbers_are_said_and_the_call_goes_on(phone, settings) -> None:
    settings.VOICE_FALLBACK_NUMBER = "+15550100999"
    line = phone.call()
    line.called = "+15550109999"  # not ours
    document = line.dial()
    assert "911" in document.said
    assert document.find("Dial").text == "+15550100999"


def test_only_signed_requests_are_answered(phone, client) -> None:
    response = client.post(
        "/twilio/voice/incoming",
        f"CallSid=CA{'0' * 32}&AccountSid=AC00000000000000000000000000000001",
        content_type="application/x-www-form-urlencoded",
    )
    assert response.status_code == 403
    assert not Call.objects.exists()
