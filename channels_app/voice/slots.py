"""When a patient can be called back: their hours and the department's, in half hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count

from channels_app.voice.errors import SlotGone
from channels_app.voice.models import Callback
from hub.routing import hours
from hub.staff.models import Department
from patients import allowed_hours
from patients.models import ContactPoint, Patient

LENGTH = timedelta(minutes=30)
DAYS_AHEAD = timedelta(days=5)
#: Nobody is promised a call that must be made this very minute.
LEAD = timedelta(minutes=15)
_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A half hour in which somebody is called back."""

    start: datetime
    end: datetime


def slots_for(
    department: Department, contact_point: ContactPoint, patient: Patient | None, now: datetime
) -> list[Slot]:
    """Return the slots that can still be chosen, the next one first.

    Args:
        department: who calls; within its opening hours.
        contact_point: which phone; within the hours in which it may be rung.
        patient: whose it is, if that is known.
        now: the slots begin a little later.
    """
    schedule = hours.schedule_of(department)
    full = _full(department, now)
    return [
        slot
        for slot in _half_hours(schedule.zone, now)
        if slot.start not in full
        and all(
            schedule.is_open(moment) and allowed_hours.allowed(contact_point, patient, moment)
            for moment in (slot.start, slot.end - _MOMENT)
        )
    ]


def slot_at(
    start: datetime,
    department: Department,
    contact_point: ContactPoint,
    patient: Patient | None,
    now: datetime,
) -> Slot:
    """Return the slot that begins at `start`. Raises SlotGone where it cannot be chosen."""
    for slot in slots_for(department, contact_point, patient, now):
        if slot.start == start:
            return slot
    raise SlotGone


def first_time(
    department: Department, contact_point: ContactPoint, patient: Patient | None, at: datetime
) -> datetime | None:
    """Return the first moment from `at` on when the department is open and may ring the phone.

    Where no opening is foreseen, the first when it may. None: it may at no time.
    """
    schedule = hours.schedule_of(department)
    moment = allowed_hours.next_allowed(contact_point, patient, at)
    first = moment
    while moment is not None and not schedule.is_open(moment):
        opening = schedule.next_opening(moment)
        if opening is None:
            return first
        moment = allowed_hours.next_allowed(contact_point, patient, opening)
    return moment


def zone_of(
    department: Department, contact_point: ContactPoint, patient: Patient | None
) -> ZoneInfo:
    """Return the zone in which times are told to the patient: theirs, if there is but one."""
    zones = allowed_hours.zones_of(contact_point, patient)
    return zones[0] if len(zones) == 1 else ZoneInfo(department.time_zone)


def _half_hours(zone: ZoneInfo, now: datetime) -> Iterator[Slot]:
    """Yield half hours as the clocks of `zone` show them."""
    first = (now + LEAD).astimezone(zone)
    late = timedelta(
        minutes=first.minute % 30, seconds=first.second, microseconds=first.microsecond
    )
    # In UTC, where a half hour is one on every day of the year.
    start = first.astimezone(UTC) - late
    if late:
        start += LENGTH
    while start < now + DAYS_AHEAD:
        yield Slot(start, start + LENGTH)
        start += LENGTH


def _full(department: Department, now: datetime) -> frozenset[datetime]:
    """Return the beginnings of the slots for which as many are promised as can be called."""
    taken = (
        Callback.objects.filter(
            conversation__department=department, ended_at__isnull=True, slot_from__gt=now
        )
        .values("slot_from")
        .annotate(promised=Count("pk"))
        .filter(promised__gte=settings.CALLBACKS_A_SLOT)
    )
    return frozenset(start for start in taken.values_list("slot_from", flat=True) if start)
