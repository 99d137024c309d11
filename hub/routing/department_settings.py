"""What an administrator sets of a department: the writers, each one transaction and audited."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db import models, transaction

from hub.audit.record import AuditAction, record
from hub.conversations import privacy
from hub.conversations.models import ChannelPrivacy
from hub.routing import nudges
from hub.routing.models import ChannelRules, DepartmentRules, Holiday
from hub.staff.models import Department, User


@transaction.atomic
def set_holidays(department: Department, days: Iterable[date], *, since: date, by: User) -> None:
    """Keep `department` closed on exactly these days from `since` on; the past stays as it was."""
    wanted = {day for day in days if day >= since}
    there = Holiday.objects.filter(department=department, day__gte=since)
    known = set(there.values_list("day", flat=True))
    there.exclude(day__in=wanted).delete()
    Holiday.objects.bulk_create(
        Holiday(department=department, day=day) for day in sorted(wanted - known)
    )
    detail = {
        "added": [day.isoformat() for day in sorted(wanted - known)],
        "removed": [day.isoformat() for day in sorted(known - wanted)],
    }
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[department], detail=detail)


@transaction.atomic
def set_rules(department: Department, said: dict[str, Any], *, by: User) -> None:
    """Set the rules of a department to `said` (fields of DepartmentRules)."""
    before = DepartmentRules.objects.filter(department=department).first()
    before = before or DepartmentRules(department=department)
    changes = _changes(before, said)
    DepartmentRules.objects.update_or_create(department=department, defaults=said)
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[department], detail=changes)
    nudges.dispatch_on_commit(department.pk)


@transaction.atomic
def set_channel(department: Department, channel: str, said: dict[str, Any], *, by: User) -> None:
    """Set the rules of one channel of a department to `said` (fields of ChannelRules)."""
    before = ChannelRules.objects.filter(department=department, channel=channel).first()
    before = before or ChannelRules(department=department, channel=channel)
    changes = _changes(before, said)
    ChannelRules.objects.update_or_create(department=department, channel=channel, defaults=said)
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=by,
        objects=[department],
        detail={"channel": channel, **changes},
    )
    nudges.dispatch_on_commit(department.pk)


@transaction.atomic
def set_privacy(department: Department, said: dict[str, bool], *, by: User) -> None:
    """Set on which channels (keys of `said`) answers go out by secure link alone."""
    before = privacy.secure_channels(department.pk)
    for channel, secure in said.items():
        ChannelPrivacy.objects.update_or_create(
            department=department, channel=channel, defaults={"secure": secure}
        )
    detail = {
        channel: {"before": channel in before, "after": secure}
        for channel, secure in said.items()
        if (channel in before) != secure
    }
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[department], detail=detail)


def _changes(before: models.Model, said: dict[str, Any]) -> dict[str, Any]:
    """Return what changes, as the audit trail keeps it: codes, numbers and ids."""

    def plain(value: Any) -> Any:
        return value.pk if isinstance(value, models.Model) else value

    return {
        name: {"before": plain(getattr(before, name)), "after": plain(value)}
        for name, value in said.items()
        if plain(getattr(before, name)) != plain(value)
    }
