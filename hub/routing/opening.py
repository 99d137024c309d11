"""The only writer of opening hours and holidays."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time

from django.db import transaction

from hub.audit.record import AuditAction, record
from hub.routing.models import Holiday, OpeningHours
from hub.staff.models import Department, User

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_STRETCH = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? (?P<opens>\d\d?:\d\d)-(?P<closes>\d\d?:\d\d)"
)


class NotHours(ValueError):
    """Hours read like "mon-fri 08:00-18:00"."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of one weekday, 0 = Monday."""

    weekday: int
    opens: time
    closes: time


def read(text: str) -> list[Stretch]:
    """Return the stretches that "mon-fri 08:00-18:00" means; raise NotHours."""
    found = _STRETCH.fullmatch(text.strip().lower())
    if found is None:
        raise NotHours(text)
    try:
        first = DAYS.index(found["first"])
        last = DAYS.index(found["last"] or found["first"])
        opens, closes = (time.fromisoformat(found[name].zfill(5)) for name in ("opens", "closes"))
    except ValueError as error:
        raise NotHours(text) from error
    if last < first or opens >= closes:
        raise NotHours(text)
    return [Stretch(day, opens, closes) for day in range(first, last + 1)]


def written(stretches: Iterable[OpeningHours]) -> list[str]:
    """Return stretches as `read` takes them, days of the same hours together."""
    days: dict[tuple[time, time], list[int]] = {}
    for one in sorted(stretches, key=lambda each: (each.weekday, each.opens)):
        days.setdefault((one.opens, one.closes), []).append(one.weekday)
    lines: list[str] = []
    for (opens, closes), weekdays in days.items():
        while weekdays:
            first = last = weekdays.pop(0)
            while weekdays and weekdays[0] == last + 1:
                last = weekdays.pop(0)
            run = DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}"
            lines.append(f"{run} {opens:%H:%M}-{closes:%H:%M}")
    return lines


@transaction.atomic
def set_hours(
    department: Department, stretches: Iterable[Stretch], *, by: User | None = None
) -> None:
    """Replace the opening hours of `department`; without any it is always open.

    `by` is the administrator; nobody for a command.
    """
    OpeningHours.objects.filter(department=department).delete()
    rows = OpeningHours.objects.bulk_create(
        OpeningHours(
            department=department, weekday=each.weekday, opens=each.opens, closes=each.closes
        )
        for each in stretches
    )
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=by,
        objects=[department],
        detail={"opening_hours": len(rows)},
    )


@transaction.atomic
def close_on(department: Department, days: Iterable[date]) -> None:
    """Keep `department` closed on these days, beside those that are known."""
    added = [Holiday.objects.get_or_create(department=department, day=day)[1] for day in days]
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=None,
        objects=[department],
        detail={"holidays": sum(added)},
    )
