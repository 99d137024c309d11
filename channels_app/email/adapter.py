"""E-mail: out by SMTP; in by the mailboxes' own fetching (fetching.py)."""

from typing import Any

from channels_app.adapter import Adapter, HandedOver
from channels_app.email import sending
from hub.conversations.models import Channel, Delivery


class EmailAdapter(Adapter):
    """Mail, by the mailbox of the hub address."""

    channel = Channel.EMAIL
    #: A server cannot be asked whether it took a mail: a person decides whether to write it again.
    sends_again = False

    def send(self, delivery: Delivery) -> HandedOver:
        """See Adapter."""
        return sending.send(delivery)

    def find(self, delivery: Delivery) -> HandedOver | None:
        """See Adapter: nobody can be asked."""
        return None

    def handle(self, kind: str, payload: dict[str, Any]) -> None:
        """See Adapter; a mail is fetched, and taken at once (taking.py)."""
        raise NotImplementedError("Mail has no receipts: the mailbox keeps it until it is taken.")
