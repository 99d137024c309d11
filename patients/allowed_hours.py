"""When a phone may be rung: by its owner's clock, never by ours (47 CFR 64.1200(c)(1)).

Where they are is told by the patient's record and by the number, and neither for certain: a number
moves with its owner. So every zone that either names must be within the hours.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
import structlog
from django.conf import settings
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from patients.models import ContactPoint, Patient

#: How far ahead an allowed time is looked for. Zones that are all open at once are so every day.
HORIZON = timedelta(days=3)

log = structlog.get_logger(__name__)


def allowed(contact_point: ContactPoint, patient: Patient | None, at: datetime) -> bool:
    """Whether the phone may be rung at that moment.

    Args:
        contact_point: the number; an address of another kind goes by the house's own zone.
        patient: whose it is, if that is known.
        at: when.
    """
    return all(_is_open(zone, at) for zone in zones_of(contact_point, patient))


def next_allowed(
    contact_point: ContactPoint, patient: Patient | None, at: datetime
) -> datetime | None:
    """Return the first moment from `at` on when the phone may be rung: `at` itself, if it may.

    None where the zones are never open at the same time.
    """
    return _next_open(zones_of(contact_point, patient), at)


def zones_of(contact_point: ContactPoint, patient: Patient | None) -> list[ZoneInfo]:
    """Return the zones that a phone may be in; the house's own where nothing is known."""
    names = set(_zones_of_number(contact_point))
    if patient is not None and patient.time_zone:
        names.add(patient.time_zone)
    zones = [zone for zone in map(_zone, sorted(names)) if zone is not None]
    return zones or [ZoneInfo(settings.TIME_ZONE)]


def _zones_of_number(contact_point: ContactPoint) -> tuple[str, ...]:
    if contact_point.system != ContactPoint.System.PHONE:
        return ()
    names = time_zones_for_number(phonenumbers.parse(contact_point.value, None))
    return tuple(name for name in names if name != UNKNOWN_TIMEZONE)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        # The library of numbers and that of zones need not be of the same year.
        log.warning("unknown_time_zone", exc_info=True)
        return None


def _next_open(zones: list[ZoneInfo], at: datetime) -> datetime | None:
    moment = at.astimezone(UTC)
    while moment <= at + HORIZON:
        closed = [zone for zone in zones if not _is_open(zone, moment)]
        if not closed:
            return moment
        moment = max(_opening(zone, moment) for zone in closed)
    return None


def _is_open(zone: ZoneInfo, at: datetime) -> bool:
    return settings.CALLS_FROM <= at.astimezone(zone).time() < settings.CALLS_UNTIL


def _opening(zone: ZoneInfo, after: datetime) -> datetime:
    """Return when the hours begin next in `zone`, which is closed at `after`.

    An hour that the clocks skip begins when they have skipped it.
    """
    day = after.astimezone(zone).date()
    while True:
        opens = datetime.combine(day, settings.CALLS_FROM, zone).astimezone(UTC)
        if opens > after and _is_open(zone, opens):
            return opens
        day += timedelta(days=1)
