"""What is locked before a wait or an offer changes, in the order of the house.

Contact point, conversation, wait, person (`capacity.lock_person`): whoever writes about a wait
starts as far left as it must, and never goes back (MODEL.md, Locks and signals).
"""

from hub.conversations.append import lock
from hub.conversations.models import Conversation
from hub.routing.models import QueueEntry
from patients.models import ContactPoint


def lock_conversation(conversation_id: int) -> Conversation | None:
    """Lock a conversation and, before it, the contact points that it speaks with now.

    A receiver may write a delivery, and who writes a delivery locks its contact point first.
    """
    list(
        ContactPoint.objects.select_for_update(no_key=True)
        .filter(legs__conversation_id=conversation_id, legs__ended_at__isnull=True)
        .order_by("pk")
        .values_list("pk")
    )
    found = lock([conversation_id])
    return found[0] if found else None


def lock_wait(conversation_id: int) -> QueueEntry | None:
    """Return the open wait of a conversation, locked; None where it waits not."""
    return (
        QueueEntry.objects.select_for_update()
        .filter(conversation_id=conversation_id, ended_at__isnull=True)
        .first()
    )
