"""The visitor's app says up to which line it has the conversation, and up to which it was read."""

from django.db.models import Q

from channels_app.chat import timeline
from channels_app.chat.models import ChatSession
from hub.conversations.actions.delivery_status import RANK, report
from hub.conversations.models import Channel, Delivery

State = Delivery.State


def note(session: ChatSession, place: int, state: str) -> None:
    """Move the deliveries of what stands up to line `place` on to `state`, delivered or read."""
    if place < 1:
        return
    seen = timeline.visible(session)
    last = seen.values_list("pk", flat=True)[place - 1 : place].first()
    seen_entries = seen.filter(pk__lte=last) if last is not None else seen
    behind = [one for one, rank in RANK.items() if rank < RANK[State(state)]]
    open_deliveries = Delivery.objects.filter(
        Q(state__in=behind) & ~Q(state__in=[State.FAILED, State.SUPPRESSED]),
        kind=Delivery.Kind.MESSAGE,
        channel=Channel.CHAT,
        entry__in=seen_entries.order_by(),
    )
    for pk in open_deliveries.order_by("pk").values_list("pk", flat=True):
        report(pk, state)
