"""When a department is open."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class OpeningHours(models.Model):
    """One stretch of one weekday (0 = Monday) in the department's time zone."""

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="opening_hours"
    )
    weekday = models.PositiveSmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering = ("weekday", "opens")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="weekday_known"),
            models.CheckConstraint(
                condition=Q(opens__lt=models.F("closes")), name="opens_before_it_closes"
            ),
        ]


class Holiday(models.Model):
    """A day on which a department stays closed."""

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="holidays"
    )
    day = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["department", "day"], name="one_holiday"),
        ]
