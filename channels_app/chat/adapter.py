"""Chat's side of the outbox. A chat message is in the timeline already: nothing is handed over.

Sockets fetch it from there; what the visitor's app has and shows, it says itself (receipts.py).
"""

from typing import Any

from channels_app.adapter import Adapter, HandedOver
from hub.conversations.models import Channel, Delivery


class ChatAdapter(Adapter):
    """The web chat."""

    channel = Channel.CHAT

    def send(self, delivery: Delivery) -> HandedOver:
        """See Adapter; it is sent at once, since the entry is committed."""
        return HandedOver(state=Delivery.State.SENT)

    def find(self, delivery: Delivery) -> HandedOver | None:
        """See Adapter; what is in the timeline was sent."""
        return HandedOver(state=Delivery.State.SENT)

    def handle(self, kind: str, payload: dict[str, Any]) -> None:
        """See Adapter; no provider stands behind the chat."""
        raise NotImplementedError("The chat has no receipts: a visitor is answered by commit.")
