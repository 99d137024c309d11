"""What is done every second for all departments: cheap while nothing waits and nothing runs out."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from hub.routing import capacity, offers, overflowing
from hub.routing.dispatch import offer_next
from hub.routing.models import ChannelRules, Offer, QueueEntry
from hub.routing.rules import OFFERED
from hub.staff.models import Membership


def dispatch(now: datetime | None = None) -> int:
    """End what ran out, move on who waited too long, and offer what waits; return offers made.

    The net under the nudges: whatever was forgotten, for whatever reason, is found here.
    """
    now = now or timezone.now()
    offers.withdraw_needless(now)
    offers.expire_due(now)
    capacity.release_due(now)
    overflowing.overflow_due(now)
    return sum(offer_next(department_id, now) for department_id in departments_with_waits(now))


def look_for_work(user_id: int, now: datetime | None = None) -> int:
    """Offer what waits in a person's departments; return offers made."""
    departments = Membership.objects.filter(user_id=user_id).order_by("department_id")
    return sum(offer_next(pk, now) for pk in departments.values_list("department_id", flat=True))


def departments_with_waits(now: datetime) -> list[int]:
    """Return the departments in which something may have to be offered. Two queries.

    A department's texts, which may be thousands, are looked at only where they are offered.
    """
    by_default = [channel for channel, offered in OFFERED.items() if offered]
    special = ChannelRules.objects.filter(offers=True).exclude(channel__in=by_default)
    may_be_offered = Q(channel__in=by_default)
    for department_id, channel in special.values_list("department_id", "channel"):
        may_be_offered |= Q(channel=channel, department_id=department_id)
    being_offered = Offer.objects.filter(queue_entry=OuterRef("pk"), ended_at__isnull=True)
    found = QueueEntry.objects.filter(
        may_be_offered,
        Q(not_before__isnull=True) | Q(not_before__lte=now),
        ~Exists(being_offered),
        ended_at__isnull=True,
    )
    return sorted(found.values_list("department_id", flat=True).distinct())
