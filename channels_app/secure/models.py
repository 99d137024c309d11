"""Links to the secure page. Of tokens only hashes are kept."""

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q

#: Wrong birth dates after which a link is dead.
MOST_TRIES = 5


class SecureLink(models.Model):
    """The link that went out for one delivery, and the one session that it has open now.

    It opens the page again until it expires, each time for the birth date: patients come back, and
    change from the browser within their mail to another one. The newest opening ends the one
    before.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    delivery = models.OneToOneField(
        "conversations.Delivery", on_delete=models.CASCADE, related_name="secure_link"
    )
    # The notice's: asked for again, it must have the same words (channels_app/secure/outgoing.py).
    language = models.CharField(max_length=8, default="en")
    # The delivery's, kept here since they are what the page shows and answers.
    conversation = models.ForeignKey(
        "conversations.Conversation", on_delete=models.CASCADE, related_name="secure_links"
    )
    leg = models.ForeignKey("conversations.Leg", on_delete=models.CASCADE, related_name="+")
    contact_point = models.ForeignKey(
        "patients.ContactPoint", on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Birth dates that were compared and were not right, since the last that was.
    tries = models.PositiveSmallIntegerField(default=0)
    dead_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    # Whose birth date opened it; no longer theirs, and the session is over.
    session_hash = models.CharField(max_length=64, null=True, blank=True, unique=True)
    session_patient = models.ForeignKey(
        "patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    session_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(tries__lte=MOST_TRIES), name="secure_link_tries_are_few"
            ),
            models.CheckConstraint(
                condition=Q(dead_at__isnull=True) | Q(session_hash__isnull=True),
                name="dead_secure_link_has_no_session",
            ),
            models.CheckConstraint(
                condition=Q(
                    session_hash__isnull=True,
                    session_patient__isnull=True,
                    session_until__isnull=True,
                )
                | Q(
                    session_hash__isnull=False,
                    session_patient__isnull=False,
                    session_until__isnull=False,
                    opened_at__isnull=False,
                ),
                name="secure_session_is_somebodys",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["contact_point", "expires_at"], name="secure_links_of_address"),
        ]

    def __str__(self) -> str:
        return f"secure link {self.pk}"

    def may_be_opened(self, at: datetime) -> bool:
        """Whether a birth date is worth comparing."""
        return self.dead_at is None and self.expires_at > at
