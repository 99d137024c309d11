"""When a department is open, in its own time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.routing.models import Holiday, OpeningHours
from hub.staff.models import Department

#: How far ahead an opening is looked for.
HORIZON_DAYS = 21


@dataclass(frozen=True, slots=True)
class Schedule:
    """A department's hours, read once, to ask many times.

    Attributes:
        zone: in which they are meant.
        stretches: weekday (0 = Monday), opens, closes; without any it is always open.
        closed: the days on which it stays closed.
    """

    zone: ZoneInfo
    stretches: tuple[tuple[int, time, time], ...]
    closed: frozenset[date]

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies within the hours."""
        if not self.stretches:
            return True
        local = at.astimezone(self.zone)
        return local.date() not in self.closed and any(
            weekday == local.weekday() and opens <= local.time() < closes
            for weekday, opens, closes in self.stretches
        )

    def next_opening(self, at: datetime) -> datetime | None:
        """Return when it opens next after `at`; None: not foreseen. See the function."""
        local = at.astimezone(self.zone)
        for ahead in range(HORIZON_DAYS if self.stretches else 0):
            day = local.date() + timedelta(days=ahead)
            if day in self.closed:
                continue
            for opens in sorted(one[1] for one in self.stretches if one[0] == day.weekday()):
                moment = datetime.combine(day, opens, self.zone)
                if moment > local:
                    return moment
        return None


def schedule_of(department: Department) -> Schedule:
    """Return the hours of a department. Two queries."""
    return Schedule(
        ZoneInfo(department.time_zone),
        tuple(
            OpeningHours.objects.filter(department=department).values_list(
                "weekday", "opens", "closes"
            )
        ),
        frozenset(Holiday.objects.filter(department=department).values_list("day", flat=True)),
    )


def is_open(department: Department, at: datetime) -> bool:
    """Whether `at` lies within the department's opening hours. Without any it is always open."""
    return schedule_of(department).is_open(at)


def next_opening(department: Department, at: datetime) -> datetime | None:
    """Return when the department opens next after `at`, in its time zone; None: not foreseen.

    While it is open, that is the opening after the present one.
    """
    return schedule_of(department).next_opening(at)
