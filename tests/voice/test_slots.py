"""Times that can be chosen to be called back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from channels_app.voice import slots
from channels_app.voice.errors import SlotGone
from channels_app.voice.models import Call, Callback
from hub.routing.opening import Stretch, close_on, set_hours
from tests.factories import ContactPointFactory, PatientFactory

pytestmark = pytest.mark.django_db

#: Monday, 10:07 in New York.
NOW = datetime(2026, 7, 6, 14, 7, tzinfo=UTC)


@pytest.fixture(autouse=True)
def by_law(settings) -> None:
    settings.CALLS_FROM, settings.CALLS_UNTIL = time(8), time(21)


@pytest.fixture
def weekdays(phone) -> None:
    set_hours(phone.department, [Stretch(day, time(9), time(17)) for day in range(5)])


def of(phone, number: str = "+12125550142", patient=None, now: datetime = NOW):
    return slots.slots_for(phone.department, ContactPointFactory(value=number), patient, now)


def test_slots_are_half_hours_while_the_department_is_open(phone, weekdays) -> None:
    close_on(phone.department, [date(2026, 7, 8)])
    found = of(phone)
    zone = ZoneInfo("America/New_York")
    local = [one.start.astimezone(zone) for one in found]
    assert local[0] == datetime(2026, 7, 6, 10, 30, tzinfo=zone)
    assert {one.minute for one in local} == {0, 30}
    assert all(time(9) <= one.time() <= time(16, 30) for one in local)
    # Until Saturday morning, without the holiday.
    assert {one.date().day for one in local} == {6, 7, 9, 10}
    assert all(one.end - one.start == timedelta(minutes=30) for one in found)


def test_slots_lie_within_the_patients_hours_too(phone, weekdays) -> None:
    patient = PatientFactory(time_zone="America/Los_Angeles")
    found = of(phone, patient=patient)
    # Eight in Los Angeles is eleven in New York.
    assert found[0].start == datetime(2026, 7, 6, 15, 0, tzinfo=UTC)
    assert all(one.start.hour >= 15 for one in found)


def test_a_slot_that_is_full_is_offered_no_more(phone, weekdays, settings) -> None:
    settings.CALLBACKS_A_SLOT = 1
    first = of(phone)[0]
    line = phone.call()
    line.dial()
    call = Call.objects.get()
    Callback.objects.create(
        conversation=call.conversation,
        contact_point=call.contact_point,
        hub_address=phone.address,
        source=Callback.Source.PORTAL,
        requested_at=NOW,
        slot_from=first.start,
        slot_until=first.end,
    )
    point = ContactPointFactory(value="+12125550143")
    assert first not in slots.slots_for(phone.department, point, None, NOW)
    with pytest.raises(SlotGone):
        slots.slot_at(first.start, phone.department, point, None, NOW)


def test_in_their_turn_is_when_both_are_open(phone, weekdays) -> None:
    point = ContactPointFactory(value="+12125550142")
    evening = datetime(2026, 7, 10, 23, 0, tzinfo=UTC)  # Friday, 19:00
    assert slots.first_time(phone.department, point, None, NOW) == NOW
    monday = datetime(2026, 7, 13, 13, 0, tzinfo=UTC)
    assert slots.first_time(phone.department, point, None, evening) == monday
    patient = PatientFactory(time_zone="America/Los_Angeles")
    found = slots.first_time(phone.department, point, patient, evening)
    assert found == monday + timedelta(hours=2)


def test_a_department_that_is_always_open_goes_by_the_patient_alone(phone) -> None:
    found = of(phone, "+12125550144")
    assert {one.start.astimezone(UTC).hour for one in found} == {*range(12, 24), 0}
