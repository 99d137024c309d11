"""Ages are told in the unit that matters."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.age import age, months_between

TODAY = date(2026, 3, 12)


@pytest.mark.parametrize(
    ("days", "shown"),
    [
        (-1, "0 days"),
        (0, "0 days"),
        (1, "1 day"),
        (89, "89 days"),
        (90, "90 days"),
        (91, "91 days"),
        (92, "92 days"),
        (99, "99 days"),
        (100, "14 weeks"),
        (181, "25 weeks"),
    ],
)
def test_babies_are_days_and_weeks_old(days: int, shown: str) -> None:
    assert age(TODAY - timedelta(days=days), TODAY) == shown


@pytest.mark.parametrize(
    ("born", "shown"),
    [
        (date(2025, 9, 11), "6 months"),
        (date(2025, 3, 13), "11 months"),
        (date(2025, 3, 12), "12 months"),
        (date(2023, 3, 13), "35 months"),
        (date(2023, 3, 12), "3 years"),
        (date(1961, 3, 12), "65 years"),
        (date(1961, 3, 13), "64 years"),
    ],
)
def test_children_are_months_old_and_others_years(born: date, shown: str) -> None:
    assert age(born, TODAY) == shown


@pytest.mark.parametrize(
    ("born", "today", "shown"),
    [
        (date(2000, 2, 29), date(2026, 2, 28), "25 years"),
        (date(2000, 2, 29), date(2026, 3, 1), "26 years"),
        (date(2000, 2, 29), date(2028, 2, 29), "28 years"),
    ],
)
def test_who_is_born_on_a_leap_day_has_a_birthday_each_year(
    born: date, today: date, shown: str
) -> None:
    assert age(born, today) == shown


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 40_000))
def test_months_never_run_backwards(born: date, days: int) -> None:
    day = born + timedelta(days=days)
    assert 0 <= months_between(born, day) <= months_between(born, day + timedelta(days=1))
