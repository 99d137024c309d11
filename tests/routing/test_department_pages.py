"""What an administrator sets of a department, and of a person's skills."""

from datetime import date, time
from typing import Any

import pytest
from django.test import Client

from hub.audit.models import AuditEvent
from hub.routing import opening
from hub.routing.models import ChannelRules, DepartmentRules, Holiday, OpeningHours
from hub.routing.rules import rules_of
from hub.staff.models import Department, User
from tests.factories import DepartmentFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ward() -> Department:
    return DepartmentFactory(name="Cardiology")


@pytest.fixture
def ada(client: Client) -> User:
    user = UserFactory(administrator=True, name="Ada Admin")
    client.force_login(user)
    return user


def save(client: Client, ward: Department, part: str, **said: Any) -> str:
    """Post one part of the page; returns the page that follows."""
    page = client.post(f"/staff/departments/{ward.uuid}/", {"part": part, **said}, follow=True)
    assert page.status_code == 200
    return page.content.decode()


def changes() -> list[dict[str, Any]]:
    """What the audit trail has of settings."""
    return list(
        AuditEvent.objects.filter(action="settings_changed")
        .order_by("pk")
        .values_list("detail", flat=True)
    )


def test_hours_are_read_and_written_in_one_way(client: Client, ada: User, ward: Department) -> None:
    typed = "Mon-Fri 8:00-12:00\nmon-thu 13:00-18:00\n\nsat 09:00-12:00"
    page = save(client, ward, "hours", time_zone="America/Chicago", hours=typed)
    assert "Saved." in page
    assert OpeningHours.objects.filter(department=ward).count() == 5 + 4 + 1
    ward.refresh_from_db()
    assert ward.time_zone == "America/Chicago"
    for line in ("mon-fri 08:00-12:00", "mon-thu 13:00-18:00", "sat 09:00-12:00"):
        assert line in page
    zone, stretches = changes()
    assert zone == {"time_zone": {"before": "America/New_York", "after": "America/Chicago"}}
    assert stretches == {"opening_hours": 10}
    assert AuditEvent.objects.filter(action="settings_changed", actor=ada).count() == 2
    assert "mon-fri 08:00-12:00" in client.get("/staff/departments/").content.decode()


def test_written_hours_are_read_back_as_they_were() -> None:
    text = ["mon-wed 08:00-12:00", "fri 08:00-12:00", "tue 13:00-18:30"]
    rows = [
        OpeningHours(weekday=one.weekday, opens=one.opens, closes=one.closes)
        for line in text
        for one in opening.read(line)
    ]
    assert sorted(opening.written(rows)) == sorted(text)


@pytest.mark.parametrize("line", ["mon-fri 18:00-08:00", "always", "mon 8-12"])
def test_hours_that_cannot_be_read_are_left_standing_and_named(
    line: str, client: Client, ada: User, ward: Department
) -> None:
    save(client, ward, "hours", time_zone=ward.time_zone, hours="mon 08:00-12:00")
    page = save(client, ward, "hours", time_zone=ward.time_zone, hours=f"tue 08:00-12:00\n{line}")
    assert f"“{line}” is not like" in page and f"tue 08:00-12:00\n{line}" in page
    assert OpeningHours.objects.get().opens == time(8)


def test_holidays_to_come_are_replaced_and_the_past_stays(
    client: Client, ada: User, ward: Department
) -> None:
    for day in (date(2020, 1, 1), date(2099, 1, 1)):
        Holiday.objects.create(department=ward, day=day)
    page = save(client, ward, "holidays", days="2099-12-25\n2099-12-24\n2099-12-25")
    assert "2020-01-01" not in page
    assert list(Holiday.objects.order_by("day").values_list("day", flat=True)) == [
        date(2020, 1, 1),
        date(2099, 12, 24),
        date(2099, 12, 25),
    ]
    assert changes() == [{"added": ["2099-12-24", "2099-12-25"], "removed": ["2099-01-01"]}]
    assert "“Christmas” is not a day" in save(client, ward, "holidays", days="Christmas")


RULES = {
    "offer_seconds": 30,
    "offer_again_seconds": 60,
    "prefer_last_seconds": 0,
    "skills": "Triage, billing, triage",
    "relax_skills_seconds": 45,
    "languages": "en, es",
    "relax_languages_seconds": 180,
    "ageing_seconds": 120,
    "offer_to_supervisors": "on",
}


def test_rules_of_offering(client: Client, ada: User, ward: Department) -> None:
    page = save(client, ward, "rules", **RULES)
    rules = DepartmentRules.objects.get()
    assert (rules.skills, rules.languages) == (["triage", "billing"], ["en", "es"])
    assert (rules.offer_seconds, rules.relax_skills_seconds) == (30, 45)
    assert rules.offer_to_supervisors and rules.prefer_last_seconds == 0
    assert "triage, billing" in page
    [changed] = changes()
    assert changed["offer_seconds"] == {"before": 20, "after": 30}
    assert "ageing_seconds" not in changed, "what stays is not a change"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("offer_seconds", 4, "From 5 to 600"),
        ("offer_seconds", 601, "From 5 to 600"),
        ("ageing_seconds", 0, "At least 1"),
        ("skills", "what ever!", "is no short code"),
        ("relax_skills_seconds", -1, "greater than or equal to 0"),
    ],
)
def test_rules_that_cannot_be(
    field: str, value: Any, says: str, client: Client, ada: User, ward: Department
) -> None:
    assert says in save(client, ward, "rules", **(RULES | {field: value}))
    assert not DepartmentRules.objects.exists() and not changes()


def test_a_channels_rules_and_its_defaults(client: Client, ada: User, ward: Department) -> None:
    other = DepartmentFactory()
    assert not rules_of(ward.pk).of("sms").offers
    said = {"sms-offers": "on", "sms-capacity": 3, "sms-precedence": 1}
    save(client, ward, "sms", **said)
    texts = rules_of(ward.pk).of("sms")
    assert (texts.offers, texts.capacity, texts.precedence) == (True, 3, 1)
    voice = {
        "voice-offers": "on",
        "voice-overflow": "department",
        "voice-overflow_seconds": 90,
        "voice-overflow_to": other.pk,
        "voice-most_waiting": 20,
        "voice-voicemail": "on",
    }
    page = save(client, ward, "voice", **voice)
    calls = rules_of(ward.pk).of("voice")
    assert calls.overflow_to_id == other.pk and calls.most_waiting == 20
    assert calls.voicemail and not calls.callbacks and calls.capacity == 1
    assert "Saved." in page
    assert [one["channel"] for one in changes()] == ["sms", "voice"]
    # Not any more: what belonged to it goes along.
    save(client, ward, "voice", **(voice | {"voice-overflow": ""}))
    row = ChannelRules.objects.get(channel="voice")
    assert (row.overflow_seconds, row.overflow_to) == (None, None)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"voice-overflow": "voicemail"}, "After how long?"),
        ({"voice-overflow": "department", "voice-overflow_seconds": 9}, "Which one?"),
        ({"voice-precedence": 10}, "From 0 to 9"),
        ({"part": "chat", "chat-overflow": "voicemail", "chat-overflow_seconds": 9}, "Select a"),
    ],
)
def test_a_channels_rules_that_cannot_be(
    said: dict[str, Any], says: str, client: Client, ada: User, ward: Department
) -> None:
    assert says in save(client, ward, **({"part": "voice"} | said))
    assert not ChannelRules.objects.exists()


def test_a_department_does_not_overflow_into_itself(
    client: Client, ada: User, ward: Department
) -> None:
    said = {"overflow": "department", "overflow_seconds": 9, "overflow_to": ward.pk}
    save(client, ward, "voice", **{f"voice-{name}": value for name, value in said.items()})
    assert not ChannelRules.objects.exists()


def test_an_unknown_part_is_refused(client: Client, ada: User, ward: Department) -> None:
    answer = client.post(f"/staff/departments/{ward.uuid}/", {"part": "everything"})
    assert answer.status_code == 400


def test_skills_and_languages_stand_on_the_persons_page(client: Client, ada: User) -> None:
    kim = UserFactory()
    assert kim.spoken == ["en"]
    said = {"role": "agent", "skills": "Triage,  billing", "languages": "es, en"}
    client.post(f"/staff/people/{kim.uuid}/", said)
    kim.refresh_from_db()
    assert (kim.skills, kim.languages) == (["triage", "billing"], ["es", "en"])
    page = client.get(f"/staff/people/{kim.uuid}/").content.decode()
    assert "triage, billing" in page and "es, en" in page
    [changed] = changes()
    assert changed["before"] == {"skills": [], "languages": []}
    client.post(f"/staff/people/{kim.uuid}/", said)
    assert len(changes()) == 1, "nothing changed"
    page = client.post(f"/staff/people/{kim.uuid}/", said | {"languages": "englishly"})
    assert "is no short code" in page.content.decode()
