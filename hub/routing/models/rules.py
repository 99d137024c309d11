"""A department's rules of who is offered what. Without a row the defaults of rules.py hold."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class DepartmentRules(models.Model):
    """What holds for all of a department's channels. Times are in seconds."""

    department = models.OneToOneField(
        "staff.Department",
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="routing_rules",
    )
    # What everybody who is offered the department's contacts must know.
    skills = ArrayField(models.CharField(max_length=40), default=list, db_default=[], blank=True)
    # In which languages it looks for somebody who speaks them; empty = in all.
    languages = ArrayField(models.CharField(max_length=8), default=list, db_default=[], blank=True)
    offer_seconds = models.PositiveIntegerField(default=20)
    # How long the person who spoke with the patient last is waited for.
    prefer_last_seconds = models.PositiveIntegerField(default=30)
    # When whoever is free will do, if nobody who is free has the skills or the language.
    relax_skills_seconds = models.PositiveIntegerField(default=60)
    relax_languages_seconds = models.PositiveIntegerField(default=180)
    # How long whoever refused or missed an offer is left alone with that wait.
    offer_again_seconds = models.PositiveIntegerField(default=60)
    # A wait gains one step of priority in this time, up to just under urgent.
    ageing_seconds = models.PositiveIntegerField(default=120)
    offer_to_supervisors = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(offer_seconds__gte=5, offer_seconds__lte=600),
                name="offer_lasts_5_to_600_seconds",
            ),
            models.CheckConstraint(condition=Q(ageing_seconds__gte=1), name="ageing_takes_time"),
        ]


class ChannelRules(models.Model):
    """What holds for one channel of a department."""

    class Overflow(models.TextChoices):
        NONE = "", _("Wait on")
        DEPARTMENT = "department", _("To another department")
        CALLBACK = "callback", _("Offer a callback")
        VOICEMAIL = "voicemail", _("To voicemail")

    department = models.ForeignKey(
        "staff.Department", on_delete=models.CASCADE, related_name="channel_rules"
    )
    channel = models.CharField(max_length=16)
    # Whether people are offered contacts one by one; else they take them from the list.
    offers = models.BooleanField()
    # How many of them one person has at once; null = as many as capacity.py says.
    capacity = models.PositiveSmallIntegerField(null=True, blank=True)
    # Added to a wait's priority, so that a caller goes before a text; null = as rules.py says.
    precedence = models.PositiveSmallIntegerField(null=True, blank=True)
    overflow = models.CharField(
        max_length=16, choices=Overflow.choices, blank=True, default=Overflow.NONE
    )
    overflow_seconds = models.PositiveIntegerField(null=True, blank=True)
    overflow_to = models.ForeignKey(
        "staff.Department", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # What the phone may do with a caller who waits.
    callbacks = models.BooleanField(default=True)
    voicemail = models.BooleanField(default=True)
    # How many may wait; whoever comes then is told so. Null = however many.
    most_waiting = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["department", "channel"], name="one_set_of_rules_for_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(overflow="", overflow_seconds__isnull=True, overflow_to__isnull=True)
                | Q(
                    overflow="department",
                    overflow_seconds__isnull=False,
                    overflow_to__isnull=False,
                )
                | Q(
                    overflow__in=["callback", "voicemail"],
                    overflow_seconds__isnull=False,
                    overflow_to__isnull=True,
                ),
                name="overflow_says_when_and_where_to",
            ),
            models.CheckConstraint(
                condition=Q(overflow_to__isnull=True) | ~Q(overflow_to=F("department")),
                name="overflow_goes_elsewhere",
            ),
            models.CheckConstraint(
                condition=Q(precedence__isnull=True) | Q(precedence__lte=9),
                name="precedence_stays_below_urgent",
            ),
        ]
