"""Files of an entry: stored, fetched from the provider, or refused."""

from django.db import transaction

from hub.audit.record import AuditAction, record
from hub.conversations.actions.outbox import write_command
from hub.conversations.append import advance, lock
from hub.conversations.inbound import ReceivedFile
from hub.conversations.models import Attachment, Delivery, Entry, Leg
from hub.encryption.files import EncryptedFileStorage


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


def erase(attachment: Attachment, reason: str) -> bool:
    """Erase a stored file for good, by a rule of the house; its line stays, with the reason.

    The bytes go before the row says so is committed: whatever dies in between, the next run finds
    the row as it was, and a file that is gone already is no error. Returns whether it was there.
    """
    with transaction.atomic():
        entry = Entry.objects.select_related("conversation").get(pk=attachment.entry_id)
        [conversation] = lock([entry.conversation_id])
        row = Attachment.objects.select_for_update().get(pk=attachment.pk)
        if row.state != Attachment.State.STORED:
            return False
        EncryptedFileStorage().delete(row.storage_name)
        row.state, row.reason = Attachment.State.REFUSED, reason
        row.storage_name, row.size = "", 0
        row.save()
        advance(conversation)
        Entry.objects.filter(pk=entry.pk).update(revision=conversation.revision)
        record(
            AuditAction.ERASE,
            actor=None,
            patient=conversation.patient_id,
            conversation=conversation,
            objects=[row],
            detail={"reason": reason},
        )
    return True


def touch(attachment: Attachment) -> None:
    """Have the line of a file drawn anew: something about the file changed."""
    with transaction.atomic():
        entry = Entry.objects.get(pk=attachment.entry_id)
        [conversation] = lock([entry.conversation_id])
        advance(conversation)
        Entry.objects.filter(pk=entry.pk).update(revision=conversation.revision)


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
