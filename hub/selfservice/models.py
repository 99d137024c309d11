"""A wish to be called, until it is proved and promised."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


class CallWish(models.Model):
    """Somebody on the web wants a number to be called; it counts once they prove that it is theirs.

    The proof is a code texted to it: six digits, good once, for ten minutes and five tries. Of the
    code and of the token that carries the wish from page to page only keyed hashes are kept.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    code_hash = models.CharField(max_length=64)
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.CASCADE, related_name="+"
    )
    department = models.ForeignKey("staff.Department", on_delete=models.CASCADE, related_name="+")
    # The leg by which the code went; null where none was sent (no text line, or a STOP to texts).
    leg = models.ForeignKey(
        "conversations.Leg", null=True, on_delete=models.CASCADE, related_name="+"
    )
    # Whether a conversation, or a leg of one that was over, was opened for the code alone: if
    # nothing comes of it, it ends.
    opened = models.BooleanField(default=False)
    language = models.CharField(max_length=8, default="en")
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "call wishes"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | Q(proved_at__isnull=False),
                name="what_is_promised_was_proved",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="call_wish_over"),
        ]

    def __str__(self) -> str:
        return f"call wish {self.pk}"
