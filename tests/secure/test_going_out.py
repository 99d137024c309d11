"""What goes out: the words, or a notice; by the department's setting and the patient's wish."""

from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app import outbox
from channels_app.chat import links as chat_links
from channels_app.files import accept_upload
from channels_app.secure.models import SecureLink
from channels_app.secure.outgoing import words_of
from channels_app.simulator.headless import SimulatedTwilio
from hub.audit.models import AuditEvent
from hub.conversations import privacy
from hub.conversations.actions import identity
from hub.conversations.actions.receive import receive
from hub.conversations.models import ChannelPrivacy, Conversation, Delivery, Entry, HubAddress
from hub.staff.models import User
from patients import actions as patients
from patients import consent
from patients.models import Consent, ContactPoint, Patient
from tests.factories import DepartmentFactory, LinkFactory, PatientFactory, UserFactory, inbound
from tests.messaging.conftest import twilio
from tests.secure.conftest import BORN, THEIRS, WORDS, Page, answer, notice_of, token_in

__all__ = ["twilio"]

pytestmark = pytest.mark.django_db
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def ask_plain(point: ContactPoint, patient: Patient, channel: str = "sms") -> Consent:
    return patients.give_consent(
        point,
        channel=channel,
        purpose=consent.PLAIN,
        source="staff",
        evidence="asked by phone, knows that others may read it",
        patient=patient,
    )


def goes_secure(conversation: Conversation) -> bool:
    found = Conversation.objects.get(pk=conversation.pk)
    return privacy.goes_secure(found, found.legs.get(ended_at=None))


@pytest.mark.django_db(transaction=True)
def test_from_the_agents_answer_over_the_phone_and_the_page_back_into_the_conversation(
    twilio: SimulatedTwilio, conversation: Conversation, agent: User
) -> None:
    entry = answer(conversation, agent)
    outbox.deliver(entry.deliveries.get().pk)
    twilio.settle()
    [text] = twilio.phone(THEIRS).received()
    assert "a message waits for you" in text and WORDS not in text
    assert not any(word in text for word in WORDS.split() if len(word) > 4)
    page = Page(token_in(text))
    assert WORDS not in page.open(BORN.replace(day=10)).html and page.status == 403
    assert WORDS in page.open().html
    assert "Thank you!" in page.write("Thank you! And the iron?").html
    conversation.refresh_from_db()
    assert Conversation.objects.count() == 1
    assert conversation.status == Conversation.Status.OPEN
    assert conversation.waiting_since is not None
    last = conversation.entries.filter(kind="message").last()
    assert last is not None
    assert (last.body, last.channel, last.author_kind) == (
        "Thank you! And the iron?",
        "sms",
        "patient",
    )
    assert last.detail == {"secure": True}
    # The staff see their own words, that they went by link, and that they were read.
    entry.refresh_from_db()
    assert (entry.body, entry.detail) == (WORDS, {"secure": True})
    assert entry.delivery_state == Delivery.State.READ


@pytest.mark.django_db(transaction=True)
def test_a_message_that_may_have_been_sent_is_found_by_its_notice(
    twilio: SimulatedTwilio, conversation: Conversation, agent: User
) -> None:
    entry = answer(conversation, agent)
    delivery = entry.deliveries.get()
    outbox.deliver(delivery.pk)
    Delivery.objects.update(state="unknown", provider_key="", next_attempt_at=entry.at)
    outbox.inquire(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.provider_key.startswith("SM")
    assert SecureLink.objects.count() == 1
    twilio.settle()
    assert len(twilio.phone(THEIRS).received()) == 1


def test_files_go_with_the_page_and_not_with_the_notice(
    conversation: Conversation, agent: User
) -> None:
    file = accept_upload(SimpleUploadedFile("lab.png", PNG))
    entry = answer(conversation, agent, files=[file])
    out = words_of(entry.deliveries.get())
    assert (list(out.attachments), out.is_notice) == ([], True)
    assert WORDS not in out.subject + out.body
    ChannelPrivacy.objects.all().delete()
    plain = answer(conversation, agent, files=[accept_upload(SimpleUploadedFile("b.png", PNG))])
    out = words_of(plain.deliveries.get())
    assert (out.body, len(out.attachments), out.is_notice) == (WORDS, 1, False)
    # What went out is what was decided when it was written, whatever is set afterwards.
    assert words_of(entry.deliveries.get()).is_notice


def test_the_notice_is_in_the_patients_language_and_one_text(
    conversation: Conversation, agent: User, patient: Patient, settings
) -> None:
    from channels_app.simulator.segments import count_segments

    settings.PUBLIC_URL = "https://hub.riverside-clinic.example.org"
    Patient.objects.update(language="es")
    entry = answer(conversation, agent)
    notice = notice_of(entry)
    assert SecureLink.objects.get().language == "es"
    # Looked for a moment later it has the same words, whatever the profile says by then.
    Patient.objects.update(language="en")
    assert notice_of(entry) == notice
    assert notice.startswith(settings.ORGANISATION_NAME)
    assert count_segments(notice) == 1
    assert notice.count(settings.PUBLIC_URL) == 1


def test_defaults_are_as_today_for_texts_and_secure_for_what_others_read(
    address: HubAddress, conversation: Conversation
) -> None:
    ChannelPrivacy.objects.all().delete()
    assert privacy.secure_channels(address.department_id) == {"email", "whatsapp", "messenger"}
    assert not goes_secure(conversation)


def test_only_the_departments_own_setting_counts(conversation: Conversation) -> None:
    ChannelPrivacy.objects.update(department=DepartmentFactory())
    assert not goes_secure(conversation)


def test_who_asked_for_plain_words_gets_them_and_may_take_that_back(
    conversation: Conversation, agent: User, patient: Patient
) -> None:
    point = conversation.contact_point
    assert goes_secure(conversation)
    ask_plain(point, patient)
    assert not goes_secure(conversation)
    assert notice_of(answer(conversation, agent)) == WORDS
    patients.take_back_plain(point, channel="sms", evidence="changed their mind", recorded_by=agent)
    assert goes_secure(conversation)
    assert not consent.is_stopped(point.pk, "sms")
    ask_plain(point, patient)
    assert not goes_secure(conversation)


def test_to_agree_to_texts_is_not_to_ask_for_plain_words(
    conversation: Conversation, patient: Patient
) -> None:
    patients.give_consent(
        conversation.contact_point,
        channel="sms",
        source="form",
        evidence="signed",
        patient=patient,
    )
    assert goes_secure(conversation)
    ask_plain(conversation.contact_point, patient, channel="email")
    assert goes_secure(conversation)


def test_a_stop_ends_the_wish_and_start_does_not_bring_it_back(
    conversation: Conversation, agent: User, patient: Patient
) -> None:
    point = conversation.contact_point
    ask_plain(point, patient)
    patients.take_back_plain(point, channel="sms", evidence="asked", recorded_by=agent)
    ask_plain(point, patient)
    patients.stop(point, channel="sms", source="keyword", evidence="STOP")
    rows = patients.start(point, channel="sms", source="keyword", evidence="START")
    assert [row.purpose for row in rows] == [None]
    assert goes_secure(conversation)


def test_somebody_elses_wish_at_a_shared_address_is_not_theirs(
    conversation: Conversation, agent: User, patient: Patient
) -> None:
    child = PatientFactory(legal_name="Leo Morales")
    LinkFactory(contact_point=conversation.contact_point, patient=child)
    ask_plain(conversation.contact_point, child)
    assert goes_secure(conversation)
    found = Conversation.objects.get(pk=conversation.pk)
    identity.identify_as(found, child, by=agent)
    assert not goes_secure(conversation)


def test_the_wish_follows_the_patient_through_a_merge(
    conversation: Conversation, agent: User, patient: Patient
) -> None:
    ask_plain(conversation.contact_point, patient)
    survivor = PatientFactory(legal_name="Ana Morales", birth_date=BORN)
    patients.merge(patient, into=survivor, by=agent, why="entered twice")
    found = Conversation.objects.get(pk=conversation.pk)
    identity.identify_as(found, survivor, by=agent)
    assert not goes_secure(conversation)


def test_what_the_hub_itself_says_goes_out_as_it_is(
    conversation: Conversation, agent: User, address: HubAddress
) -> None:
    from tests.chat.conftest import make_site

    make_site(address.department, "riverside")
    found = Conversation.objects.get(pk=conversation.pk)
    entry = chat_links.send_link(found, by=agent)
    assert "/c/#" in notice_of(entry)
    receive(inbound(address, "STOP", THEIRS))
    confirmation = Entry.objects.filter(author_kind="automatic").latest("pk")
    assert "no more texts" in notice_of(confirmation)


def test_the_staff_are_told_that_a_link_goes_out(conversation: Conversation, agent: User) -> None:
    client = Client()
    client.force_login(agent)
    path = f"/console/c/{conversation.uuid}/"
    assert "Ana Morales gets a secure link by Text" in client.get(path).content.decode()
    Patient.objects.update(birth_date=None)
    assert "they can only call us" in client.get(path).content.decode()
    answer(conversation, agent)
    html = client.get(path).content.decode()
    assert WORDS in html and "as a secure link" in html


def test_the_wish_is_shown_and_changed_where_consents_are(
    conversation: Conversation, agent: User
) -> None:
    client = Client()
    client.force_login(agent)
    path = f"/console/c/{conversation.uuid}/"
    point = conversation.contact_point.uuid
    form = client.get(f"{path}consent?point={point}&channel=sms").content.decode()
    assert "without the secure link" in form
    said = {"point": point, "channel": "sms", "evidence": "by phone"}
    assert client.post(f"{path}consent", {**said, "state": "plain"}).status_code == 200
    assert not goes_secure(conversation)
    html = client.get(path).content.decode()
    assert "Asked for plain words" in html and "gets this as a text" in html
    row = Consent.objects.get()
    assert (row.purpose, row.recorded_by, row.evidence) == ("plain", agent, "by phone")
    assert AuditEvent.objects.filter(action="consent_changed", actor=agent).count() == 1
    assert client.post(f"{path}consent", {**said, "state": "not_plain"}).status_code == 200
    assert goes_secure(conversation)
    assert client.post(f"{path}consent", {**said, "state": "plain"}).status_code == 200
    assert not goes_secure(conversation)


def test_calls_know_no_plain_words(conversation: Conversation, agent: User) -> None:
    client = Client()
    client.force_login(agent)
    path = f"/console/c/{conversation.uuid}/consent"
    point = conversation.contact_point.uuid
    form = client.get(f"{path}?point={point}&channel=voice").content.decode()
    assert "without the secure link" not in form
    said = {"point": point, "channel": "voice", "evidence": "x", "state": "plain"}
    assert client.post(path, said).status_code == 400
    assert not Consent.objects.exists()


def test_an_administrator_sets_it(address: HubAddress, conversation: Conversation) -> None:
    ada = UserFactory(administrator=True)
    client = Client()
    client.force_login(ada)
    path = f"/staff/departments/{address.department.uuid}/"
    assert "How answers go out" in client.get(path).content.decode()
    others = {"part": "privacy"} | {one.value: "secure" for one in privacy.CHANNELS}
    assert client.post(path, others | {"sms": "plain"}).status_code == 302
    assert not goes_secure(conversation)
    assert client.post(path, others | {"sms": "loud"}).status_code == 200
    assert not goes_secure(conversation)
    assert client.post(path, others | {"sms": "secure"}).status_code == 302
    assert goes_secure(conversation)
    details = list(
        AuditEvent.objects.filter(action="settings_changed", actor=ada)
        .order_by("pk")
        .values_list("detail", flat=True)
    )
    assert details == [
        {"sms": {"before": True, "after": False}},
        {"sms": {"before": False, "after": True}},
    ]


def test_two_presses_are_one_message_and_one_link(conversation: Conversation, agent: User) -> None:
    from hub.conversations.actions import send

    found = Conversation.objects.get(pk=conversation.pk)
    said = send.Answer(body=WORDS, leg_id=found.legs.get().pk, intent=uuid4())
    entries = {send.send(found, said, by=agent).pk for _ in range(3)}
    assert len(entries) == 1
    notices = {notice_of(Entry.objects.get(pk=pk)) for pk in entries for _ in range(3)}
    assert len(notices) == 1 == SecureLink.objects.count()
