"""A phone is rung within its owner's hours only, whatever the clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from patients.allowed_hours import allowed, next_allowed, zones_of
from patients.models import ContactPoint, Patient

NUMBERS = {
    "+12125550142": "America/New_York",
    "+13105550142": "America/Los_Angeles",
    "+18085550142": "Pacific/Honolulu",
    "+442079460123": "Europe/London",
    "+81312345678": "Asia/Tokyo",
}
ZONES = [
    "",
    "America/New_York",
    "America/St_Johns",
    "America/Phoenix",
    "America/Anchorage",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
]
TOLL_FREE = "+18005550142"  # says nothing of where: every zone of the numbering plan
UNKNOWN = "+15550100142"

#: The hours of `by_law` are the same for every example.
SET_ONCE = [HealthCheck.function_scoped_fixture]

# Years of two-yearly switches of the clocks, and the nights around them more often than others.
SWITCHES = [
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Samoa skipped a day
]
moments = st.one_of(
    st.datetimes(datetime(2005, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.builds(
        lambda switch, minutes: switch + timedelta(minutes=minutes),
        st.sampled_from(SWITCHES),
        st.integers(-2000, 2000),
    ),
)


@pytest.fixture(autouse=True)
def by_law(settings) -> None:
    settings.CALLS_FROM, settings.CALLS_UNTIL = time(8), time(21)


def point(number: str) -> ContactPoint:
    return ContactPoint(system=ContactPoint.System.PHONE, value=number)


def patient(zone: str) -> Patient:
    return Patient(legal_name="Paula Patient", time_zone=zone)


@profile(max_examples=400, deadline=None, suppress_health_check=SET_ONCE)
@given(st.sampled_from([*NUMBERS, TOLL_FREE, UNKNOWN]), st.sampled_from(ZONES), moments)
def test_the_next_moment_is_open_everywhere_and_the_first_that_is(by_law, number, zone, at) -> None:
    phone, owner = point(number), patient(zone)
    found = next_allowed(phone, owner, at)
    assume(found is not None)
    assert found >= at
    assert allowed(phone, owner, found)
    for each in zones_of(phone, owner):
        assert time(8) <= found.astimezone(each).time() < time(21)
    assert allowed(phone, owner, at) == (found == at)
    # Nothing before it would have been allowed.
    steps = int((found - at) / timedelta(minutes=15))
    assert not any(allowed(phone, owner, at + timedelta(minutes=15) * n) for n in range(steps))


@profile(max_examples=300, deadline=None, suppress_health_check=SET_ONCE)
@given(st.sampled_from(list(NUMBERS)), st.sampled_from(ZONES), moments)
def test_two_zones_always_share_some_hours_of_a_day(by_law, number, zone, at) -> None:
    found = next_allowed(point(number), patient(zone), at)
    assert found is not None
    assert found - at <= timedelta(days=3)


def test_both_the_patient_and_the_number_must_be_awake() -> None:
    # Nine in the morning in New York, six in Los Angeles.
    at = datetime(2026, 7, 1, 13, tzinfo=UTC)
    assert allowed(point("+12125550142"), None, at)
    assert not allowed(point("+12125550142"), patient("America/Los_Angeles"), at)
    found = next_allowed(point("+12125550142"), patient("America/Los_Angeles"), at)
    assert found == datetime(2026, 7, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "may"), [("07:59", False), ("08:00", True), ("20:59", True), ("21:00", False)]
)
def test_the_hours_begin_and_end_on_the_minute(local, may) -> None:
    zone = ZoneInfo("America/New_York")
    at = datetime.combine(datetime(2026, 7, 1, tzinfo=zone).date(), time.fromisoformat(local), zone)
    assert allowed(point("+12125550142"), None, at) is may


def test_a_number_that_tells_nothing_goes_by_the_patient_or_by_the_house(settings) -> None:
    assert zones_of(point(UNKNOWN), None) == [ZoneInfo(settings.TIME_ZONE)]
    assert zones_of(point(UNKNOWN), patient("America/Denver")) == [ZoneInfo("America/Denver")]
    assert zones_of(point(UNKNOWN), patient("Mars/Olympus")) == [ZoneInfo(settings.TIME_ZONE)]
    assert len(zones_of(point(TOLL_FREE), None)) > 5


def test_where_nobody_is_awake_at_the_same_time_no_time_is_found(settings) -> None:
    settings.CALLS_FROM, settings.CALLS_UNTIL = time(8), time(12)
    assert next_allowed(point("+12125550142"), patient("Asia/Kolkata"), datetime.now(UTC)) is None
