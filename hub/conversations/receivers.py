"""Answers to what the patients' room announces."""

from itertools import groupby
from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from hub.conversations.actions.outbox import suppress_unsent
from hub.conversations.append import Line, append, lock
from hub.conversations.models import Conversation, Delivery, Entry
from hub.realtime.events import ConversationChanged
from hub.realtime.publish import publish_on_commit
from patients.models import Consent
from patients.signals import contact_point_stopped, patients_changed


@receiver(contact_point_stopped)
def suppress(*, consent: Consent, **_: Any) -> None:
    """Suppress what was not yet being handed over, and show it on each entry concerned.

    However the STOP came (by keyword, from the provider, taken down by staff): inside its
    transaction, the contact point being locked (MODEL.md, Delivery).
    """
    now = timezone.now()
    unsent = suppress_unsent(consent.contact_point_id, consent.channel)
    unsent.sort(key=lambda entry: (entry.conversation_id, entry.number))
    for conversation_id, entries in groupby(unsent, key=lambda entry: entry.conversation_id):
        [conversation] = lock([conversation_id])
        stopped = list(entries)
        append(
            conversation,
            *(
                Line(
                    kind=Entry.Kind.FAILED,
                    author_kind=Entry.Author.SYSTEM,
                    at=now,
                    detail={"number": entry.number, "reason": "opted_out"},
                )
                for entry in stopped
            ),
        )
        Entry.objects.filter(pk__in=[entry.pk for entry in stopped]).update(
            delivery_state=Delivery.State.SUPPRESSED,
            delivery_error="opted_out",
            revision=conversation.revision,
        )


@receiver(patients_changed)
def tell_consoles(*, patient_ids: tuple[int, ...], **_: Any) -> None:
    """Let open consoles draw the rows of these patients' open conversations anew (after commit)."""
    changed = Conversation.objects.filter(patient_id__in=patient_ids).exclude(
        status=Conversation.Status.RESOLVED
    )
    for pk, revision in changed.values_list("pk", "revision")[:50]:
        publish_on_commit(ConversationChanged(pk, revision))
