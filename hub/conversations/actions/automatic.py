"""Answers that the hub gives by itself. They never count as an answer by a person."""

from collections.abc import Callable
from datetime import datetime, timedelta

from hub.conversations.actions.outbox import write_message
from hub.conversations.append import Happened, Line, append, log_events
from hub.conversations.models import ContactEvent, Conversation, Delivery, Entry, Leg
from patients import consent

#: One answer of a kind a day and contact point.
AT_MOST_EVERY = timedelta(hours=24)


def answer_automatically(
    conversation: Conversation, leg: Leg, body: Callable[[], str], *, what: str, at: datetime
) -> Entry | None:
    """Answer over `leg` in the caller's transaction, at most once a day and contact point.

    `body` makes the words, if they are needed; `what` names the kind of answer. Returns None where
    it was said already today, or where the address has opted out.
    """
    said = Entry.objects.filter(
        leg__contact_point_id=leg.contact_point_id,
        kind=Entry.Kind.MESSAGE,
        author_kind=Entry.Author.AUTOMATIC,
        detail__what=what,
        at__gt=at - AT_MOST_EVERY,
    )
    if said.exists() or consent.is_stopped(leg.contact_point_id, leg.channel):
        return None
    [entry] = append(
        conversation,
        Line(
            kind=Entry.Kind.MESSAGE,
            author_kind=Entry.Author.AUTOMATIC,
            at=at,
            audience=Entry.Audience.PATIENT,
            leg=leg,
            body=body(),
            detail={"what": what},
            delivery_state=Delivery.State.READY,
        ),
    )
    write_message(entry, leg)
    kind = what.partition(":")[0]  # without the id of what it is about
    log_events(conversation, Happened(ContactEvent.Kind.AUTOMATIC_ANSWER, at, leg, reason=kind))
    return entry
