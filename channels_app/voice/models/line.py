"""What a number of ours says and offers to its callers; written by administrators, not by code."""

from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PhoneLine(models.Model):
    """One of our numbers, as its callers hear it.

    Words are kept by language code: {"en": "…", "es": "…"}. The emergency notice is spoken before
    everything else and is not among them: nobody can leave it out.
    """

    hub_address = models.OneToOneField(
        "conversations.HubAddress", on_delete=models.CASCADE, related_name="phone_line"
    )
    # In the order in which callers are offered them; one alone is not offered, but spoken.
    languages = ArrayField(models.CharField(max_length=8), default=list)
    greeting = models.JSONField(default=dict, blank=True)
    closed_greeting = models.JSONField(default=dict, blank=True)
    # Whether callers are asked for their birth date by keypad before they wait.
    asks_birth_date = models.BooleanField(default=False)
    # Where a call goes when the hub itself fails, in E.164.
    fallback_number = models.CharField(max_length=20, blank=True)

    def __str__(self) -> str:
        return f"phone line {self.pk}"


class MenuItem(models.Model):
    """One choice of a line's menu: a digit, or words, and what happens then."""

    class Action(models.TextChoices):
        MENU = "menu", _("Another menu")
        DEPARTMENT = "department", _("Wait for a department")
        ANNOUNCEMENT = "announcement", _("Hear an announcement")
        VOICEMAIL = "voicemail", _("Leave a message")
        CALLBACK = "callback", _("Ask to be called back")
        TEXT = "text", _("Get an answer by text message")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    line = models.ForeignKey(PhoneLine, on_delete=models.CASCADE, related_name="menu_items")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="children"
    )
    digit = models.CharField(max_length=1)
    action = models.CharField(max_length=16, choices=Action.choices)
    # What the menu says of it, by language: {"en": "appointments"}.
    label = models.JSONField(default=dict)
    # Words that choose it as the digit does, by language: {"en": ["appointment", "book"]}.
    spoken = models.JSONField(default=dict, blank=True)
    # The announcement, or the text message, by language.
    text = models.JSONField(default=dict, blank=True)
    department = models.ForeignKey(
        "staff.Department", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    skills = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        ordering = ("digit",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["line", "digit"],
                condition=Q(parent__isnull=True),
                name="one_choice_a_digit_of_a_line",
            ),
            models.UniqueConstraint(
                fields=["parent", "digit"],
                condition=Q(parent__isnull=False),
                name="one_choice_a_digit_of_a_menu",
            ),
            models.CheckConstraint(
                condition=Q(digit__regex=r"^[0-9]$"), name="menu_digit_is_a_digit"
            ),
            models.CheckConstraint(
                condition=~Q(action__in=["department", "voicemail", "callback"])
                | Q(department__isnull=False),
                name="menu_choice_names_a_department",
            ),
        ]

    def __str__(self) -> str:
        return f"menu item {self.pk}"


class RecordingRule(models.Model):
    """Whether calls of a department are recorded. Without a row they are not.

    The notice is given always, whatever the state: callers move, and a third may join from one
    where all must agree (notes on compliance, section 2).
    """

    department = models.OneToOneField(
        "staff.Department",
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="recording_rule",
    )
    records = models.BooleanField(default=False)
    # The state whose law the department goes by, such as "CA": where all must agree, a recording
    # begins only after everybody heard the notice.
    jurisdiction = models.CharField(max_length=8, blank=True)
    transcribes = models.BooleanField(default=False)
    keep_days = models.PositiveIntegerField(default=2190)  # six years

    def __str__(self) -> str:
        return f"recording rule {self.pk}"
