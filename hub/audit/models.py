"""The audit trail's tables. They are append-only: a trigger refuses UPDATE, DELETE and TRUNCATE.

Two doors are left in the trigger, each opened by a session setting inside one transaction:
``hub.audit_maintenance = 'retention'`` lets `hub.audit.retention` delete whole seals with their
rows; ``hub.reencrypting = 'on'`` lets ``rotate_keys`` replace ``why``, and nothing but ``why``.
The trigger keeps accidents out. Whoever owns the database can switch it off: what shows that are
the HMACs, which cover the text of ``why`` as well.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NoReturn
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.encryption.fields import EncryptedTextField

MAINTENANCE_SETTING = "hub.audit_maintenance"
RETENTION = "retention"


class AppendOnly(Exception):
    """Somebody tried to change or delete a row of the audit trail."""


class AppendOnlyModel(models.Model):
    """A row that is written once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raises AppendOnly when the row already stands."""
        if not self._state.adding:
            raise AppendOnly("Audit rows are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Always raises AppendOnly."""
        raise AppendOnly("Audit rows are never deleted; see hub.audit.retention.")


class AuditEvent(AppendOnlyModel):
    """One thing that a person read or wrote. Write it by `hub.audit.record.record`."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    #: Who; null for somebody who is not logged in, and for commands.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
    )
    #: A code of `AuditAction`; no choices here, so that a new code needs no migration.
    action = models.CharField(max_length=40)
    #: "app.Model" of `object_ids`, which holds every id that a list page showed.
    object_kind = models.CharField(max_length=80, blank=True, default="")
    object_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    # No foreign keys upward: this room knows nothing of those above, and outlives their rows.
    patient_id = models.BigIntegerField(null=True)
    conversation_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=timezone.now)
    ip = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True, default="")
    session = models.CharField(max_length=16, blank=True, default="")
    #: A reason in somebody's own words can hold health information, hence encrypted.
    why = EncryptedTextField(blank=True, default="")
    #: Ids, numbers and codes only; see `record`.
    detail = models.JSONField(default=dict, blank=True)
    hmac = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("audit event")
        indexes: ClassVar = [
            models.Index(
                fields=["patient_id", "-at"],
                name="audit_event_of_patient",
                condition=models.Q(patient_id__isnull=False),
            ),
            models.Index(
                fields=["conversation_id", "-at"],
                name="audit_event_of_conversation",
                condition=models.Q(conversation_id__isnull=False),
            ),
            models.Index(fields=["actor", "-at"], name="audit_event_of_user"),
            BrinIndex(fields=["at"], name="audit_event_at"),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.pk}"


class UnsealedEvent(models.Model):
    """The ids of rows that no seal covers yet; a trigger adds them, the sealer takes them out.

    It becomes visible in the same commit as its row. So a row that commits late, behind rows with
    higher ids, is sealed late, but never missed, and no guess about running transactions is made.
    """

    # No foreign key: an id that stays here without its row shows that the row was deleted.
    event_id = models.BigIntegerField(primary_key=True)

    def __str__(self) -> str:
        return f"#{self.event_id}"


class AuditSeal(AppendOnlyModel):
    """Closes over the rows committed since the seal before it, which it names."""

    class Kind(models.TextChoices):
        """What a seal closes over."""

        SEAL = "seal", _("Rows")
        CHECKPOINT = "checkpoint", _("What retention removed")

    number = models.BigIntegerField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SEAL)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    event_ids = ArrayField(models.BigIntegerField(), default=list)
    count = models.PositiveIntegerField(default=0)
    #: SHA-256 over the (id, HMAC) of each row, in order of `event_ids`.
    root = models.BinaryField(max_length=32)
    #: The first eight bytes of each row's leaf, to tell which row of a seal is wrong.
    marks = models.BinaryField(default=b"")
    #: The HMAC of the seal before this one.
    previous = models.BinaryField(max_length=32)
    #: A checkpoint: the last seal removed, its HMAC, and how many rows went with all of them.
    purged_through = models.BigIntegerField(null=True)
    purged_events = models.BigIntegerField(null=True)
    purged_link = models.BinaryField(max_length=32, default=b"")
    hmac = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("audit seal")

    def __str__(self) -> str:
        return f"{self.kind} {self.number}"


def head_name(number: int, mac: Iterable[int]) -> str:
    """A seal as an operator notes it elsewhere: its number and half of its HMAC.

    Groups of four digits, so that no log filter takes it for a phone number.
    """
    digits = bytes(mac)[:16].hex()
    return ":".join([str(number), *(digits[i : i + 4] for i in range(0, len(digits), 4))])
