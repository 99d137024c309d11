"""The event log that every KPI is computed from."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from hub.conversations.models.conversation import Conversation, Leg


class ContactEvent(models.Model):
    """Something that happened, with the department and agent of that moment; no content.

    Append-only (a trigger holds it), written in the transaction of the change itself.
    """

    class Kind(models.TextChoices):
        CONVERSATION_OPENED = "conversation_opened"
        REOPENED = "reopened"
        RESOLVED = "resolved"
        LEG_CONNECTED = "leg_connected"
        LEG_ENDED = "leg_ended"
        PATIENT_MESSAGE = "patient_message"
        PERSON_ANSWERED = "person_answered"
        AUTOMATIC_ANSWER = "automatic_answer"
        QUEUE_ENTERED = "queue_entered"
        QUEUE_ACCEPTED = "queue_accepted"
        QUEUE_ABANDONED = "queue_abandoned"
        QUEUE_WITHDRAWN = "queue_withdrawn"
        QUEUE_CALLED_BACK = "queue_called_back"
        QUEUE_OVERFLOWED = "queue_overflowed"
        OFFER_MADE = "offer_made"
        OFFER_REFUSED = "offer_refused"
        OFFER_EXPIRED = "offer_expired"
        ASSIGNED = "assigned"
        UNASSIGNED = "unassigned"
        ACTIVE_STARTED = "active_started"  # the holder turns to the conversation …
        ACTIVE_ENDED = "active_ended"  # … and away: their sum is a text's handle time
        DELIVERY_FAILED = "delivery_failed"
        # Of a call: who speaks with the patient from when to when, the holds within, and the work
        # after it. `agent` is the one concerned, `interval` joins the two ends.
        TALK_STARTED = "talk_started"
        TALK_ENDED = "talk_ended"
        HOLD_STARTED = "hold_started"
        HOLD_ENDED = "hold_ended"
        WRAP_UP_STARTED = "wrap_up_started"
        WRAP_UP_ENDED = "wrap_up_ended"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    at = models.DateTimeField()
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="events")
    leg = models.ForeignKey(Leg, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # An id of a room above; the log stays when the row goes.
    queue_entry_id = models.BigIntegerField(null=True, blank=True)
    department = models.ForeignKey("staff.Department", on_delete=models.PROTECT, related_name="+")
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    partner_id = models.BigIntegerField(null=True, blank=True)
    channel = models.CharField(max_length=16)
    reason = models.CharField(max_length=32, blank=True)
    patient = models.ForeignKey(
        "patients.Patient", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # Joins the two ends of an active interval.
    interval = models.UUIDField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["at", "kind"], name="event_at_kind"),
            models.Index(fields=["conversation", "id"], name="event_conversation"),
        ]
