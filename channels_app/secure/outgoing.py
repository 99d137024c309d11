"""What goes out for a delivery: asked by every adapter, so that there is one answer for all."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels_app.secure import links, wording
from hub.conversations.models import Attachment, Delivery


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The words and files that leave the house."""

    body: str
    attachments: Sequence[Attachment] = ()
    #: Nothing of the message is in it.
    is_notice: bool = False
    #: Of a notice, for a mail: there nothing of the message may stand either.
    subject: str = ""


def words_of(delivery: Delivery) -> Outgoing:
    """Return the entry's own words and files, or the notice that they wait on the secure page.

    Which of the two was decided when the entry was written (hub.conversations.privacy). Asked again
    for the same delivery it says the same, so that an adapter can look for what it may have sent.
    """
    entry = delivery.entry
    assert entry is not None
    if entry.detail.get("secure"):
        link, address = links.link_for(delivery)
        return Outgoing(
            wording.message_waits(link.language, address),
            is_notice=True,
            subject=wording.message_waits_subject(link.language),
        )
    stored = entry.attachments.filter(state=Attachment.State.STORED).order_by("position")
    return Outgoing(entry.body, tuple(stored))
