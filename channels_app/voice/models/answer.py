"""What was answered to a provider's question."""

from typing import ClassVar
from uuid import uuid4

from django.db import models

from hub.encryption.fields import EncryptedTextField


class Answer(models.Model):
    """The document (TwiML) given for one step of one call, so that it is the same when asked again.

    It may hold words meant for one patient, so it is encrypted; it goes when the call is old.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    call_sid = models.CharField(max_length=34)
    step = models.CharField(max_length=64)
    body = EncryptedTextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["call_sid", "step"], name="one_answer_a_step"),
        ]
        indexes: ClassVar = [models.Index(fields=["at"], name="answer_at")]

    def __str__(self) -> str:
        return f"answer {self.pk}"
