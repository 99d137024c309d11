"""Templates: the only words that may go out on WhatsApp or Messenger a day after the patient's."""

from typing import ClassVar
from uuid import uuid4

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hub.conversations.models.conversation import Channel
from hub.conversations.models.entry import Entry
from hub.encryption.fields import EncryptedJSONField


class MessageTemplate(models.Model):
    """Words that Meta has approved, kept at Twilio under a ContentSid; an administrator keeps it.

    Its variables are of a few kinds that the hub fills by itself, so that nobody can write health
    information into one.
    """

    class Variable(models.TextChoices):
        FIRST_NAME = "first_name", _("The patient's first name")
        CLINIC_NAME = "clinic_name", _("The name of the clinic")
        DATE = "date", _("A date")
        TIME = "time", _("A time of day")

    class Language(models.TextChoices):
        ENGLISH = "en", _("English")
        SPANISH = "es", _("Spanish")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    language = models.CharField(max_length=8, choices=Language.choices)
    content_sid = models.CharField(max_length=34)
    # As it was approved, with {{1}}, {{2}} …
    preview = models.TextField(max_length=1024)
    # What {{1}}, {{2}} … stand for, in their order.
    variables = ArrayField(
        models.CharField(max_length=16, choices=Variable.choices), default=list, blank=True
    )
    is_on = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["channel", "content_sid"], name="one_template_a_content_sid"
            ),
            models.CheckConstraint(
                condition=Q(content_sid__regex=r"^HX[0-9a-fA-F]{32}$"), name="template_content_sid"
            ),
            models.CheckConstraint(
                condition=Q(channel__in=["whatsapp", "messenger"]), name="template_channel"
            ),
            models.CheckConstraint(
                condition=Q(variables__contained_by=["first_name", "clinic_name", "date", "time"]),
                name="template_variables",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateUse(models.Model):
    """That an entry goes out as a template: which one, and what its variables are filled with."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    entry = models.OneToOneField(Entry, on_delete=models.CASCADE, related_name="template_use")
    template = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, related_name="uses")
    # Copied: what was sent does not change when the template does.
    content_sid = models.CharField(max_length=34)
    filled = EncryptedJSONField()

    def __str__(self) -> str:
        return f"template use {self.pk}"
