"""The administrators' pages about the phone."""

import pytest
from django.test import Client

from channels_app.voice.models import MenuItem, PhoneLine, RecordingRule
from hub.staff.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> User:
    user = UserFactory(administrator=True, name="Ada Admin")
    client.force_login(user)
    return user


def path(phone, more: str = "") -> str:
    return f"/staff/phone/{phone.address.uuid}/{more}"


def test_agents_and_supervisors_are_refused(phone, client: Client) -> None:
    for role in ("agent", "supervisor"):
        client.force_login(UserFactory(role=role))
        assert client.get("/staff/phone/").status_code == 403
        assert client.post(path(phone, "choices/add/"), {}).status_code == 403


def test_a_line_from_nothing_to_its_menu(phone, client: Client, ada) -> None:
    new = {"number": "+1 555 010 0700", "department": phone.department.pk, "label": "Second"}
    page = client.post("/staff/phone/add/", new, follow=True)
    assert "Now tell Twilio" in page.content.decode()
    line = PhoneLine.objects.get(hub_address__value="+15550100700")
    at = f"/staff/phone/{line.hub_address.uuid}/"
    change = {
        "label": "Second",
        "department": phone.department.pk,
        "languages": "en,es",
        "greeting_en": "Hello there.",
        "asks_birth_date": "on",
        "fallback_number": "555 010 0999",
    }
    assert client.post(f"{at}change/", change).status_code == 302
    line.refresh_from_db()
    assert (line.languages, line.greeting) == (["en", "es"], {"en": "Hello there."})
    assert (line.asks_birth_date, line.fallback_number) == (True, "+15550100999")
    choice = {
        "digit": "1",
        "action": "department",
        "department": phone.department.pk,
        "label_en": "appointments",
        "label_es": "citas",
        "spoken_en": "appointment, booking",
        "skills": "nurse",
    }
    page = client.post(f"{at}choices/add/", choice, follow=True).content.decode()
    item = MenuItem.objects.get()
    assert item.spoken == {"en": ["appointment", "booking"]}
    assert item.skills == ["nurse"]
    assert "For appointments, press 1." in page and "Hello there." in page
    taken = client.post(f"{at}choices/add/", choice).content.decode()
    assert "The digit 1 is taken in this menu" in taken
    moved = choice | {"digit": "4"}
    assert client.post(f"{at}choices/{item.uuid}/", moved).status_code == 302
    item.refresh_from_db()
    assert item.digit == "4"
    client.post(f"{at}choices/{item.uuid}/remove/")
    assert not MenuItem.objects.exists()


def test_a_choice_below_is_suggested_with_a_digit_that_is_free(phone, client: Client, ada) -> None:
    above = phone.choice("1", "menu", department=None)
    phone.choice("1", "department", parent=above)
    page = client.get(path(phone, f"choices/add/?below={above.uuid}")).content.decode()
    assert f'<option value="{above.pk}" selected>' in page
    assert '<option value="2" selected>' in page


def test_what_is_missing_stands_beside_its_field(phone, client: Client, ada) -> None:
    said = {"digit": "2", "action": "text", "label_en": "hours", "text_en": ""}
    page = client.post(path(phone, "choices/add/"), said).content.decode()
    assert "Write the text in this language" in page.partition('id="id_text_en"')[2]
    assert not MenuItem.objects.exists()


def test_a_choice_of_another_line_is_not_found_here(phone, client: Client, ada) -> None:
    from channels_app.voice import setting_up

    item = phone.choice("1", "department")
    other = setting_up.add_line("+15550100700", phone.department, by=ada)
    at = f"/staff/phone/{other.hub_address.uuid}/choices/{item.uuid}/"
    assert client.get(at).status_code == 404
    assert client.post(f"{at}remove/").status_code == 404


def test_recording_is_switched_on_for_one_department(phone, client: Client, ada) -> None:
    assert "Not recorded" in client.get("/staff/phone/recording/").content.decode()
    at = f"/staff/phone/recording/{phone.department.uuid}/"
    assert 'value="2190"' in client.get(at).content.decode()
    client.post(at, {"records": "on", "jurisdiction": "ca", "keep_days": "365"})
    rule = RecordingRule.objects.get()
    assert (rule.records, rule.jurisdiction, rule.keep_days) == (True, "CA", 365)
    assert "two letters" in client.post(at, {"jurisdiction": "1", "keep_days": 1}).content.decode()


def test_words_cannot_carry_markup(phone, client: Client, ada) -> None:
    phone.choice("1", "announcement", label={"en": "<b>x</b>"}, text={"en": "<script>1</script>"})
    page = client.get(path(phone)).content.decode()
    assert "<b>x</b>" not in page and "<script>1" not in page
