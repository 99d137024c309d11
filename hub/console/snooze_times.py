"""The times that a snooze offers."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils.translation import gettext as _

_MORNING = time(9)


@dataclass(frozen=True, slots=True)
class SnoozeTime:
    """One offer."""

    label: str
    at: datetime


def snooze_times(now: datetime) -> list[SnoozeTime]:
    """Return what is offered at `now` (a local time): an hour, this afternoon, tomorrow, Monday."""
    offers = [SnoozeTime(_("In an hour"), now + timedelta(hours=1))]
    afternoon = datetime.combine(now.date(), time(15), now.tzinfo)
    if now + timedelta(hours=1) < afternoon:
        offers.append(SnoozeTime(_("This afternoon"), afternoon))
    tomorrow = now.date() + timedelta(days=1)
    offers.append(
        SnoozeTime(_("Tomorrow morning"), datetime.combine(tomorrow, _MORNING, now.tzinfo))
    )
    monday = now.date() + timedelta(days=7 - now.weekday())
    if monday != tomorrow:
        offers.append(
            SnoozeTime(_("Monday morning"), datetime.combine(monday, _MORNING, now.tzinfo))
        )
    return offers
