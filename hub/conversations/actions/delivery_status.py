"""What became of a delivery: the status moves forward only (invariant 2, MODEL.md)."""

from django.db import transaction
from django.utils import timezone

from hub.conversations.append import Happened, Line, advance, append, lock, log_events
from hub.conversations.models import ContactEvent, Conversation, Delivery, Entry

State = Delivery.State

#: How far along each state is; a report of a state that is not further is old news.
RANK = {
    State.READY: 0,
    State.CLAIMED: 1,
    State.SENDING: 2,
    State.UNKNOWN: 2,
    State.ACCEPTED: 3,
    State.SENT: 4,
    State.DELIVERED: 5,
    State.FAILED: 5,
    State.SUPPRESSED: 5,
    State.READ: 6,
}
_NOT_SHOWN = frozenset({State.CLAIMED, State.SENDING})


def report(
    delivery_id: int,
    state: str,
    *,
    provider_key: str = "",
    error_code: str = "",
) -> bool:
    """Move the delivery on to `state` if that is further; return whether it moved.

    Reports may be repeated and out of order. A final failure appends an entry of its own.
    """
    with transaction.atomic():
        entry = Entry.objects.filter(deliveries=delivery_id).first()
        # The conversation before the delivery, as everybody who locks both does.
        conversation = lock([entry.conversation_id])[0] if entry else None
        delivery = Delivery.objects.select_for_update(of=("self",)).get(pk=delivery_id)
        if RANK[State(state)] <= RANK[State(delivery.state)]:
            if provider_key and not delivery.provider_key:
                delivery.provider_key = provider_key
                delivery.save(update_fields=["provider_key"])
            return False
        delivery.state = state
        delivery.lease_until = None
        if provider_key:
            delivery.provider_key = provider_key
        if error_code:
            delivery.error_code = error_code
        if delivery.sent_at is None and RANK[State(state)] >= RANK[State.ACCEPTED]:
            delivery.sent_at = timezone.now()
        delivery.save()
        if conversation is not None and entry is not None and state not in _NOT_SHOWN:
            _show(delivery, entry, conversation)
    return True


def _show(delivery: Delivery, entry: Entry, conversation: Conversation) -> None:
    """Project the state onto the entry, and write a line of its own for a failure."""
    if delivery.state in (State.FAILED, State.SUPPRESSED):
        now = timezone.now()
        append(
            conversation,
            Line(
                kind=Entry.Kind.FAILED,
                author_kind=Entry.Author.SYSTEM,
                at=now,
                leg=delivery.leg,
                detail={"number": entry.number, "reason": delivery.error_code},
            ),
        )
        log_events(
            conversation,
            Happened(
                ContactEvent.Kind.DELIVERY_FAILED,
                now,
                delivery.leg,
                reason=delivery.error_code,
                agent_id=entry.author_id,
            ),
        )
    else:
        advance(conversation)
    Entry.objects.filter(pk=entry.pk).update(
        delivery_state=delivery.state,
        delivery_error=delivery.error_code,
        revision=conversation.revision,
    )
