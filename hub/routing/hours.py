"""When a department is open, in its own time zone."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.routing.models import Holiday, OpeningHours
from hub.staff.models import Department

#: How far ahead an opening is looked for.
HORIZON_DAYS = 21


def is_open(department: Department, at: datetime) -> bool:
    """Whether `at` lies within the department's opening hours. Without any it is always open."""
    hours = list(OpeningHours.objects.filter(department=department))
    if not hours:
        return True
    local = at.astimezone(ZoneInfo(department.time_zone))
    if Holiday.objects.filter(department=department, day=local.date()).exists():
        return False
    return any(
        one.weekday == local.weekday() and one.opens <= local.time() < one.closes for one in hours
    )


def next_opening(department: Department, at: datetime) -> datetime | None:
    """Return when the department opens next after `at`, in its time zone; None: not foreseen.

    While it is open, that is the opening after the present one.
    """
    zone = ZoneInfo(department.time_zone)
    local = at.astimezone(zone)
    opens: dict[int, list[time]] = {}
    for one in OpeningHours.objects.filter(department=department):
        opens.setdefault(one.weekday, []).append(one.opens)
    if not opens:
        return None
    closed = set(
        Holiday.objects.filter(department=department, day__gte=local.date()).values_list(
            "day", flat=True
        )
    )
    for ahead in range(HORIZON_DAYS):
        day: date = local.date() + timedelta(days=ahead)
        if day in closed:
            continue
        for opening in sorted(opens.get(day.weekday(), [])):
            moment = datetime.combine(day, opening, zone)
            if moment > local:
                return moment
    return None
