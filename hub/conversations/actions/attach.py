"""Files of an entry: stored, fetched from the provider, or refused."""

from django.db import transaction

from hub.conversations.actions.outbox import write_command
from hub.conversations.append import advance, lock
from hub.conversations.inbound import ReceivedFile
from hub.conversations.models import Attachment, Delivery, Entry, Leg


def stored(file: ReceivedFile, entry: Entry, position: int) -> Attachment:
    """Return the unsaved attachment of `entry` for a file that lies in our storage."""
    return Attachment(
        uuid=file.uuid,
        entry=entry,
        position=position,
        state=Attachment.State.STORED,
        content_type=file.content_type,
        size=file.size,
        storage_name=file.storage_name,
        file_name=file.file_name,
    )


def fetched(attachment: Attachment, file: ReceivedFile, leg: Leg) -> bool:
    """Note that a file which lay with the provider is here now; it is to be deleted there.

    Returns False, and changes nothing, if another worker fetched it before.
    """
    return _settle(
        attachment,
        leg,
        state=Attachment.State.STORED,
        content_type=file.content_type,
        size=file.size,
        storage_name=file.storage_name,
        file_name=file.file_name,
    )


def refused(attachment: Attachment, reason: str, leg: Leg) -> bool:
    """Note that a file which lay with the provider is not taken; it is to be deleted there too."""
    return _settle(attachment, leg, state=Attachment.State.REFUSED, reason=reason)


def _settle(attachment: Attachment, leg: Leg, **changes: object) -> bool:
    with transaction.atomic():
        entry = Entry.objects.get(pk=attachment.entry_id)
        [conversation] = lock([entry.conversation_id])
        row = Attachment.objects.select_for_update().get(pk=attachment.pk)
        if row.state != Attachment.State.PENDING:
            return False
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()
        advance(conversation)
        Entry.objects.filter(pk=entry.pk).update(revision=conversation.revision)
        write_command(Delivery.Kind.DELETE, leg, [row])
    return True
