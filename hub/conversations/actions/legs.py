"""A stretch of a conversation on one channel begins or ends."""

from datetime import datetime
from typing import Any

from django.db import transaction

from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.models import ContactEvent, Conversation, Entry, HubAddress, Leg
from patients import contact_points
from patients.models import ContactPoint


def open_leg(
    conversation: Conversation,
    channel: str,
    contact_point: ContactPoint,
    hub_address: HubAddress,
    at: datetime,
    *,
    kind: str = Entry.Kind.LEG,
    detail: dict[str, Any] | None = None,
) -> Leg:
    """Open a new leg in `conversation`, which is then reached there, and say so in its timeline.

    A leg that is open between the same two addresses ends (one may be open, MODEL.md); its
    conversation goes on. `kind` and `detail` are those of the entry that records the opening.
    """
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        before = (
            Leg.objects.select_related("conversation")
            .filter(contact_point=contact_point, hub_address=hub_address, ended_at__isnull=True)
            .first()
        )
        lock(sorted({conversation.pk, *([before.conversation_id] if before else [])}))
        if before is not None:
            same = before.conversation_id == conversation.pk
            _end(before, conversation if same else before.conversation, at)
        leg = Leg.objects.create(
            conversation=conversation,
            channel=channel,
            contact_point=contact_point,
            hub_address=hub_address,
            opened_at=at,
        )
        append(
            conversation,
            Line(
                kind=kind,
                author_kind=Entry.Author.SYSTEM,
                at=at,
                leg=leg,
                detail={"what": "opened", "channel": channel} if detail is None else detail,
            ),
            channel=channel,
            contact_point_id=contact_point.pk,
        )
        log_events(conversation, Happened(ContactEvent.Kind.LEG_CONNECTED, at, leg))
    return leg


def end_leg(leg: Leg, at: datetime) -> bool:
    """End `leg`, if it is open; its conversation goes on. Returns whether it was open."""
    with transaction.atomic():
        contact_points.lock(leg.contact_point_id)
        [conversation] = lock([leg.conversation_id])
        if not Leg.objects.filter(pk=leg.pk, ended_at__isnull=True).exists():
            return False
        _end(leg, conversation, at)
    return True


def _end(leg: Leg, conversation: Conversation, at: datetime) -> None:
    leg.ended_at = at
    leg.save(update_fields=["ended_at"])
    append(
        conversation,
        Line(
            kind=Entry.Kind.LEG,
            author_kind=Entry.Author.SYSTEM,
            at=at,
            leg=leg,
            detail={"what": "ended", "channel": leg.channel},
        ),
    )
    log_events(conversation, Happened(ContactEvent.Kind.LEG_ENDED, at, leg))
