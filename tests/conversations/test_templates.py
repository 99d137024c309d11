"""Templates: kept by administrators, filled by the hub alone."""

from datetime import date, time
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from hub.audit.models import AuditEvent
from hub.conversations import errors
from hub.conversations.actions import drafts, identity, templates
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send_template import Filled, Press, send_template
from hub.conversations.models import (
    Channel,
    Conversation,
    Draft,
    HubAddress,
    MessageTemplate,
    TemplateUse,
)
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import User
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    PatientFactory,
    TemplateFactory,
    UserFactory,
    inbound,
)

pytestmark = pytest.mark.django_db
SID = "HX" + "a" * 32


@pytest.fixture
def administrator() -> User:
    return UserFactory(administrator=True)


@pytest.fixture
def address() -> HubAddress:
    return HubAddressFactory(channel=Channel.WHATSAPP)


@pytest.fixture
def agent(address: HubAddress) -> User:
    return UserFactory(departments=[address.department])


@pytest.fixture
def conversation(address: HubAddress) -> Conversation:
    return receive(inbound(address)).conversation


def wanted(**more: object) -> templates.Wanted:
    known = {
        "name": "Reminder",
        "channel": "whatsapp",
        "language": "en",
        "content_sid": SID,
        "preview": "Hello {{1}}, this is {{2}}. Until {{3}}, {{4}}.",
        "variables": ["first_name", "clinic_name", "date", "time"],
    }
    return templates.Wanted(**(known | more))


def press(template: MessageTemplate, conversation: Conversation, **filled: object) -> Press:
    leg = conversation.legs.get()
    return Press(template.uuid, leg.pk, uuid4(), Filled(**filled))


def test_a_new_one_is_off_and_on_record(administrator: User) -> None:
    made = templates.add_template(wanted(), by=administrator)
    assert not made.is_on
    templates.switch_template(made, on=True, by=administrator)
    assert MessageTemplate.objects.get().is_on
    rows = AuditEvent.objects.filter(action="settings_changed", actor_id=administrator.pk)
    assert rows.count() == 2


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_only_administrators_keep_them(role: str, administrator: User) -> None:
    person = UserFactory(role=role)
    made = templates.add_template(wanted(), by=administrator)
    with pytest.raises(NotAnAdministrator):
        templates.add_template(wanted(content_sid="HX" + "b" * 32), by=person)
    with pytest.raises(NotAnAdministrator):
        templates.change_template(made, wanted(name="Mine"), by=person)
    with pytest.raises(NotAnAdministrator):
        templates.switch_template(made, on=True, by=person)
    made.refresh_from_db()
    assert (made.name, made.is_on, MessageTemplate.objects.count()) == ("Reminder", False, 1)


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("content_sid", "HX1", templates.NotAContentSid),
        ("content_sid", "HY" + "a" * 32, templates.NotAContentSid),
        ("preview", "Hello {{1}}", templates.PlacesDiffer),
        ("preview", "{{1}} {{2}} {{3}} {{4}} {{5}}", templates.PlacesDiffer),
        ("preview", "{{1}} {{2}} {{3}} {{name}}", templates.PlacesDiffer),
        ("variables", [], templates.PlacesDiffer),
    ],
)
def test_what_does_not_fit_is_refused(
    administrator: User, field: str, value: object, error: type[templates.TemplateError]
) -> None:
    with pytest.raises(error) as refusal:
        templates.add_template(wanted(**{field: value}), by=administrator)
    assert str(refusal.value) and refusal.value.field in ("content_sid", "preview")


def test_a_content_sid_is_kept_once_a_channel(administrator: User) -> None:
    templates.add_template(wanted(), by=administrator)
    with pytest.raises(templates.ContentSidTaken):
        templates.add_template(wanted(name="Again"), by=administrator)
    templates.add_template(wanted(channel="messenger"), by=administrator)


@pytest.mark.parametrize(
    ("field", "value"),
    [("content_sid", "HX"), ("channel", "sms"), ("variables", ["diagnosis"])],
)
def test_the_database_holds_to_it_too(field: str, value: object) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TemplateFactory(**{field: value})


def test_the_hub_fills_it_in_the_templates_language(
    administrator: User, conversation: Conversation, agent: User
) -> None:
    patient = PatientFactory(legal_name="Ana María Ruiz")
    identity.identify_as(conversation, patient, by=agent, confirmed_how="birth_date")
    conversation.refresh_from_db()
    spanish = templates.add_template(wanted(language="es"), by=administrator)
    templates.switch_template(spanish, on=True, by=administrator)
    chosen = press(spanish, conversation, day=date(2026, 12, 3), clock=time(14, 30))
    entry = send_template(conversation, chosen, by=agent)
    assert entry.body == (
        "Hello Ana, this is Riverside Clinic. Until 3 de diciembre de 2026, 14:30."
    )
    assert TemplateUse.objects.get(entry=entry).filled["3"] == "3 de diciembre de 2026"


def test_what_somebody_was_writing_stays(conversation: Conversation, agent: User) -> None:
    drafts.save_draft(
        conversation, "Not yet", is_note=False, channel="whatsapp", seen_number=1, by=agent
    )
    send_template(conversation, press(TemplateFactory(), conversation), by=agent)
    assert Draft.objects.get().body == "Not yet"


def test_what_it_is_filled_with_is_encrypted(conversation: Conversation, agent: User) -> None:
    template = TemplateFactory(preview="{{1}}", variables=["clinic_name"])
    send_template(conversation, press(template, conversation), by=agent)
    with connection.cursor() as cursor:
        cursor.execute("SELECT filled FROM conversations_templateuse")
        assert b"Riverside" not in bytes(cursor.fetchone()[0])


def test_a_name_needs_somebody_confirmed(conversation: Conversation, agent: User) -> None:
    template = TemplateFactory(preview="Hello {{1}}", variables=["first_name"])
    with pytest.raises(errors.TemplateNeedsPatient):
        send_template(conversation, press(template, conversation), by=agent)
    Conversation.objects.filter(pk=conversation.pk).update(
        patient=PatientFactory(), identity=Conversation.Identity.PROBABLE
    )
    conversation.refresh_from_db()
    with pytest.raises(errors.TemplateNeedsPatient):
        send_template(conversation, press(template, conversation), by=agent)


@pytest.mark.parametrize("kind", ["date", "time"])
def test_a_date_and_a_time_must_be_given(
    conversation: Conversation, agent: User, kind: str
) -> None:
    template = TemplateFactory(preview="Until {{1}}", variables=[kind])
    with pytest.raises(errors.TemplateIncomplete):
        send_template(conversation, press(template, conversation), by=agent)
    assert not TemplateUse.objects.exists()


@pytest.mark.parametrize("fields", [{"is_on": False}, {"channel": "messenger"}])
def test_one_that_is_off_or_of_another_channel_does_not_go(
    conversation: Conversation, agent: User, fields: dict[str, object]
) -> None:
    template = TemplateFactory(**fields)
    with pytest.raises(errors.NoSuchTemplate):
        send_template(conversation, press(template, conversation), by=agent)


def test_whoever_may_not_answer_sends_none(conversation: Conversation) -> None:
    stranger = UserFactory(departments=[DepartmentFactory()])
    with pytest.raises(errors.NotAllowed):
        send_template(conversation, press(TemplateFactory(), conversation), by=stranger)


def test_a_changed_template_changes_nothing_that_was_sent(
    administrator: User, conversation: Conversation, agent: User
) -> None:
    template = TemplateFactory(preview="First words")
    entry = send_template(conversation, press(template, conversation), by=agent)
    change = wanted(preview="Other words", variables=[])
    templates.change_template(template, change, by=administrator)
    entry.refresh_from_db()
    use = TemplateUse.objects.get()
    assert (entry.body, use.content_sid == SID) == ("First words", False)
