"""Opening hours are set at the command line."""

from datetime import date, time

import pytest
from django.core.management import CommandError, call_command

from hub.routing.models import Holiday, OpeningHours
from tests.factories import DepartmentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _department() -> None:
    DepartmentFactory(name="Front desk")


def hours() -> list[tuple[int, time, time]]:
    return list(OpeningHours.objects.values_list("weekday", "opens", "closes"))


def test_hours_are_replaced_and_holidays_added() -> None:
    call_command("set_opening_hours", "front-desk", "mon-sun 0:00-23:59")
    assert len(hours()) == 7
    call_command("set_opening_hours", "Front desk", "mon-tue 8:00-12:00", "Mon 13:00-18:00")
    assert hours() == [
        (0, time(8), time(12)),
        (0, time(13), time(18)),
        (1, time(8), time(12)),
    ]
    call_command("set_opening_hours", "front-desk", "--closed=2026-12-25", "--closed=2027-01-01")
    call_command("set_opening_hours", "front-desk", "--closed=2026-12-25")
    assert set(Holiday.objects.values_list("day", flat=True)) == {
        date(2026, 12, 25),
        date(2027, 1, 1),
    }
    assert len(hours()) == 3, "holidays leave the hours as they are"
    call_command("set_opening_hours", "front-desk", "--always")
    assert hours() == []


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "monday 8-18",
        "fri-mon 08:00-18:00",
        "mon 18:00-08:00",
        "mon 25:00-26:00",
        "xyz 8:00-9:00",
    ],
)
def test_what_is_no_hours_changes_nothing(wrong: str) -> None:
    call_command("set_opening_hours", "front-desk", "sat 9:00-12:00")
    with pytest.raises(CommandError):
        call_command("set_opening_hours", "front-desk", wrong)
    assert hours() == [(5, time(9), time(12))]
