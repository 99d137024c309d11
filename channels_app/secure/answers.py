"""The patient answers on the secure page.

The answer belongs to the leg that the notice went out by. So it lands in the link's conversation,
whoever answers it answers by the same way, and an address still has one open leg (invariant 4).
"""

from collections.abc import Sequence
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from channels_app.chat import refusals
from channels_app.files import FileRefused, accept_upload
from channels_app.secure import links
from channels_app.secure.models import SecureLink
from hub.audit.record import AuditAction, record
from hub.conversations.actions.receive import receive
from hub.conversations.actions.send import LIMITS
from hub.conversations.inbound import Inbound, ReceivedFile
from hub.conversations.models import Channel, Entry
from hub.encryption.files import storage

LONGEST = LIMITS[Channel.CHAT]


def write(
    link: SecureLink, text: str, *, intent: UUID, language: str, uploads: Sequence[UploadedFile]
) -> Entry:
    """Append what the patient wrote; the same `intent` twice is one message.

    Raises NothingToSay, TooLong, BadFile (channels_app.chat.refusals).
    """
    if not text.strip() and not uploads:
        raise refusals.NothingToSay
    if len(text) > LONGEST:
        raise refusals.TooLong(LONGEST)
    files: list[ReceivedFile] = []
    try:
        for upload in uploads:
            files.append(accept_upload(upload))  # noqa: PERF401  (what is stored is forgotten below)
        entry = _receive(link, text, intent, language, files)
        kept = set(entry.attachments.values_list("storage_name", flat=True)) if files else set()
    except FileRefused as refused:
        _forget(files)
        raise refusals.BadFile(str(refused)) from refused
    except BaseException:
        _forget(files)
        raise
    # Where the same press of "send" came twice, the first one's files stand.
    _forget([file for file in files if file.storage_name not in kept])
    return entry


def _receive(
    link: SecureLink, text: str, intent: UUID, language: str, files: Sequence[ReceivedFile]
) -> Entry:
    with transaction.atomic():
        received = receive(
            Inbound(
                channel=link.leg.channel,
                contact_system=link.contact_point.system,
                contact_value=link.contact_point.value,
                hub_address_id=link.leg.hub_address_id,
                text=text,
                at=timezone.now(),
                received_files=tuple(files),
                conversation_id=link.conversation_id,
                is_secure=True,
                intent=intent,
                language=language,
            )
        )
        record(
            AuditAction.SEND_MESSAGE,
            actor=None,
            conversation=link.conversation,
            patient=link.session_patient,
            objects=[link],
        )
        links.keep_open(link)
    return received.entry


def _forget(files: Sequence[ReceivedFile]) -> None:
    for file in files:
        storage.delete(file.storage_name)
