"""Administrators set up lines and menus; what would leave a caller without an answer is refused."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from channels_app.voice import lines, preview, setting_up
from channels_app.voice.models import MenuItem, PhoneLine, RecordingRule
from channels_app.voice.setting_up import Choice
from channels_app.voice.setting_up_errors import (
    ChoicesBelow,
    DepartmentMissing,
    DigitMissing,
    DigitTaken,
    FallbackIsOurs,
    KeptTooShort,
    LabelMissing,
    LanguageMissing,
    NoState,
    NotANumber,
    NotAPlaceForIt,
    NumberTaken,
    SettingUpError,
    TextMissing,
    TextTooLong,
)
from hub.audit.models import AuditEvent
from hub.conversations.models import HubAddress
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import User
from tests.factories import DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return UserFactory(administrator=True)


def a_choice(phone, digit: str = "1", action: str = "department", **more) -> Choice:
    more.setdefault("label", {"en": f"choice {digit}"})
    more.setdefault("department", phone.department)
    return Choice(digit, action, **more)


def settings_changed() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="settings_changed").order_by("pk"))


def test_a_line_is_added_with_its_number_in_one_spelling_and_on_record(phone, ada) -> None:
    line = setting_up.add_line("(555) 010-0700", phone.department, by=ada)
    assert line.hub_address.value == "+15550100700"
    assert line.hub_address.label == "Front desk"
    event = settings_changed()[-1]
    assert (event.actor_id, event.object_ids) == (ada.pk, [line.hub_address.pk])


@pytest.mark.parametrize(
    ("number", "error"), [("nonsense", NotANumber), ("+15550100100", NumberTaken)]
)
def test_a_number_that_cannot_be_is_refused_and_nothing_is_made(phone, ada, number, error) -> None:
    with pytest.raises(error):
        setting_up.add_line(number, phone.department, by=ada)
    assert PhoneLine.objects.count() == HubAddress.objects.count() == 1


def change(phone, ada, **more) -> None:
    values = {
        "label": "Main",
        "department": phone.department,
        "languages": ["en"],
        "greeting": {},
        "closed_greeting": {},
        "asks_birth_date": False,
        "fallback_number": "",
    }
    setting_up.change_line(phone.line, **(values | more), by=ada)


def test_what_a_line_says_is_heard_by_the_next_caller(phone, ada) -> None:
    change(phone, ada, languages=["es", "en"], greeting={"es": "Bienvenida.", "en": "Welcome!"})
    line = phone.call()
    first = line.dial()
    assert "Bienvenida." in first.said
    assert "Welcome!" in line.press(first, "2").said


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        ({"languages": []}, LanguageMissing, "languages"),
        ({"languages": ["tlh"]}, LanguageMissing, "languages"),
        ({"fallback_number": "nobody"}, NotANumber, "fallback_number"),
        ({"fallback_number": "+15550100100"}, FallbackIsOurs, "fallback_number"),
        ({"greeting": {"en": "x" * 1601}}, TextTooLong, "greeting_en"),
    ],
)
def test_a_line_that_would_fail_its_callers_is_refused(phone, ada, wrong, error, field) -> None:
    with pytest.raises(error) as refused:
        change(phone, ada, **wrong)
    assert refused.value.field == field
    assert str(refused.value).endswith(".")
    assert not settings_changed()


@pytest.mark.parametrize(
    ("wrong", "error", "field"),
    [
        ({"digit": "12"}, DigitMissing, "digit"),
        ({"digit": "#"}, DigitMissing, "digit"),
        ({"digit": "5"}, DigitTaken, "digit"),
        ({"department": None}, DepartmentMissing, "department"),
        ({"action": "voicemail", "department": None}, DepartmentMissing, "department"),
        ({"action": "callback", "department": None}, DepartmentMissing, "department"),
        ({"label": {"en": "  "}}, LabelMissing, "label_en"),
        ({"label": {"es": "citas"}}, LabelMissing, "label_en"),
        ({"action": "announcement"}, TextMissing, "text_en"),
        ({"action": "text", "text": {"en": "x" * 1601}}, TextTooLong, "text_en"),
    ],
)
def test_a_choice_that_leads_nowhere_is_refused(phone, ada, wrong, error, field) -> None:
    phone.choice("5", "department")
    values = {"digit": "1", "action": "department", "label": {"en": "the ward"}}
    values |= {"department": phone.department} | wrong
    with pytest.raises(error) as refused:
        setting_up.add_choice(phone.line, Choice(**values), by=ada)
    assert refused.value.field == field
    assert MenuItem.objects.count() == 1
    assert not settings_changed()


def test_a_label_is_needed_in_each_language_of_the_line(phone, ada) -> None:
    phone.line.languages = ["en", "es"]
    phone.line.save()
    with pytest.raises(LabelMissing) as refused:
        setting_up.add_choice(phone.line, a_choice(phone), by=ada)
    assert refused.value.field == "label_es"


def test_a_choice_is_changed_moved_and_removed_each_on_record(phone, ada) -> None:
    above = setting_up.add_choice(phone.line, a_choice(phone, "3", "menu"), by=ada)
    item = setting_up.add_choice(phone.line, a_choice(phone, "1"), by=ada)
    setting_up.change_choice(item, a_choice(phone, "7", parent=above), by=ada)
    item.refresh_from_db()
    assert (item.digit, item.parent) == ("7", above)
    line = phone.call()
    assert line.press(line.press(line.dial(), "3"), "7").has("Enqueue")
    with pytest.raises(ChoicesBelow):
        setting_up.remove_choice(above, by=ada)
    with pytest.raises(ChoicesBelow):
        setting_up.change_choice(above, a_choice(phone, "3"), by=ada)
    setting_up.remove_choice(item, by=ada)
    setting_up.remove_choice(above, by=ada)
    assert not MenuItem.objects.exists()
    assert [event.actor_id for event in settings_changed()] == [ada.pk] * 5


def test_a_menu_never_stands_below_itself_nor_a_choice_in_another_line(phone, ada) -> None:
    above = setting_up.add_choice(phone.line, a_choice(phone, "3", "menu"), by=ada)
    below = setting_up.add_choice(phone.line, a_choice(phone, "4", "menu", parent=above), by=ada)
    for place in (above, below):
        with pytest.raises(NotAPlaceForIt):
            setting_up.change_choice(above, a_choice(phone, "3", "menu", parent=place), by=ada)
    other = setting_up.add_line("+15550100700", phone.department, by=ada)
    with pytest.raises(NotAPlaceForIt):
        setting_up.add_choice(other, a_choice(phone, parent=above), by=ada)
    leaf = setting_up.add_choice(phone.line, a_choice(phone, "1"), by=ada)
    with pytest.raises(NotAPlaceForIt):
        setting_up.add_choice(phone.line, a_choice(phone, "2", parent=leaf), by=ada)


def test_nobody_but_an_administrator_sets_anything_up(phone, ada) -> None:
    item = setting_up.add_choice(phone.line, a_choice(phone), by=ada)
    rule = {"records": True, "jurisdiction": "", "transcribes": False, "keep_days": 9}
    agent = phone.agent
    for attempt in (
        lambda: setting_up.add_line("+15550100700", phone.department, by=agent),
        lambda: change(phone, agent),
        lambda: setting_up.add_choice(phone.line, a_choice(phone, "2"), by=agent),
        lambda: setting_up.change_choice(item, a_choice(phone, "2"), by=agent),
        lambda: setting_up.remove_choice(item, by=agent),
        lambda: setting_up.set_recording_rule(phone.department, **rule, by=agent),
    ):
        with pytest.raises(NotAnAdministrator):
            attempt()
    assert len(settings_changed()) == 1


def test_a_recording_rule_is_set_and_on_record(phone, ada) -> None:
    rule = {"records": True, "jurisdiction": "CA", "transcribes": True, "keep_days": 30}
    setting_up.set_recording_rule(phone.department, **rule, by=ada)
    setting_up.set_recording_rule(phone.department, **(rule | {"records": False}), by=ada)
    assert not RecordingRule.objects.get().records
    assert [event.detail["records"] for event in settings_changed()] == [True, False]
    for wrong, error in (({"jurisdiction": "Cal"}, NoState), ({"keep_days": 0}, KeptTooShort)):
        with pytest.raises(error):
            setting_up.set_recording_rule(phone.department, **(rule | wrong), by=ada)


def test_a_menu_with_nothing_below_is_named_and_not_offered(phone, ada) -> None:
    setting_up.add_choice(phone.line, a_choice(phone, "3", "menu"), by=ada)
    setting_up.add_choice(phone.line, a_choice(phone, "1"), by=ada)
    [problem] = lines.problems(phone.line)
    assert problem == "3, choice 3: there is no choice below it, so it is not offered."
    assert "choice 3" not in phone.call().dial().said


def test_what_a_new_language_lacks_is_named(phone, ada) -> None:
    setting_up.add_choice(phone.line, a_choice(phone), by=ada)
    setting_up.add_choice(
        phone.line, a_choice(phone, "2", "announcement", text={"en": "At 8."}), by=ada
    )
    assert lines.problems(phone.line) == []
    change(phone, ada, languages=["en", "es"])
    phone.line.refresh_from_db()
    assert [problem.rpartition(": ")[2] for problem in lines.problems(phone.line)] == [
        "what the menu says is missing in Spanish.",
        "what the menu says is missing in Spanish.",
        "the text is missing in Spanish.",
    ]


def test_texts_that_cannot_be_sent_are_named(phone, ada) -> None:
    setting_up.add_choice(phone.line, a_choice(phone, "2", "text", text={"en": "At 8."}), by=ada)
    [problem] = lines.problems(phone.line)
    assert problem.startswith("Texts cannot be sent")
    HubAddress.objects.create(
        channel="sms", value="+15550100100", label="Main", department=phone.department
    )
    assert lines.problems(phone.line) == []


def test_the_preview_says_what_a_caller_hears_and_writes_nothing(phone, ada) -> None:
    """The same call, twice: once by the preview, once by a line that rings."""
    RecordingRule.objects.create(department=phone.department, records=True)
    above = setting_up.add_choice(phone.line, a_choice(phone, "3", "menu"), by=ada)
    setting_up.add_choice(phone.line, a_choice(phone, "1", parent=above), by=ada)
    setting_up.add_choice(
        phone.line, a_choice(phone, "8", "voicemail", text={"en": "Say your name."}), by=ada
    )
    setting_up.add_choice(
        phone.line, a_choice(phone, "9", "announcement", text={"en": "At 8."}), by=ada
    )
    shown = {one.where: one for one in preview.heard(phone.line, "en")}
    line = phone.call()
    first = line.dial()
    assert " ".join(shown["Somebody calls"].said) == first.said
    below = line.press(first, "3")
    assert " ".join(shown["They press 3: choice 3"].said) == below.said
    assert " ".join(shown["They press 3 1: choice 1"].said) == line.press(below, "1").said
    assert shown["They press 3 1: choice 1"].ends == "waits"
    other = phone.call("+15550100143")
    message = other.press(other.dial(), "8")
    assert " ".join(shown["They press 8: choice 8"].said) == message.said
    assert "Say your name." in message.said
    assert shown["They press 8: choice 8"].ends == "records"
    third = phone.call("+15550100144")
    assert third.press(third.dial(), "9").said.startswith(shown["They press 9: choice 9"].said[0])


def test_the_preview_begins_with_the_emergency_numbers_in_every_language(phone, ada) -> None:
    change(phone, ada, languages=["en", "es"], greeting={"es": "Bienvenida."})
    phone.line.refresh_from_db()
    heard = preview.heard(phone.line, "es")
    assert "911" in heard[0].said[0] and "988" in heard[0].said[1]
    assert "Bienvenida." in heard[1].said


def test_the_command_adds_a_line_and_says_what_to_enter(phone, settings) -> None:
    DepartmentFactory(name="Cardiology", slug="cardiology")
    out = StringIO()
    call_command("add_phone_line", "+15550100700", department="cardiology", stdout=out)
    said = out.getvalue()
    base = settings.PUBLIC_URL
    assert f"{base}/twilio/voice/incoming#rc=5&rp=5xx,ct,rt" in said
    assert f"{base}/twilio/voice/fallback#" in said
    assert f"{base}/twilio/voice/status#rc=3&rp=all" in said
    assert PhoneLine.objects.get(hub_address__value="+15550100700")
    for arguments in (("+15550100700", "cardiology"), ("x", "cardiology"), ("+15550100701", "no")):
        with pytest.raises(CommandError):
            call_command("add_phone_line", arguments[0], department=arguments[1], stdout=out)


def test_each_refusal_is_a_sentence() -> None:
    for kind in SettingUpError.__subclasses__():
        said = str(kind("field", digit="1", most=1600, length=1601))
        assert said.endswith(".") and "%" not in said
