"""A mail is taken: read, kept as it came, and put where it belongs. The one way in for all mail."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from uuid import UUID, uuid4

import structlog
from django.db import connection, transaction
from django.utils import timezone

from channels_app.email import bounces
from channels_app.email.models import MailMessage
from channels_app.email.reading import Mail, MailFile, MailKind, MailRefused, read
from channels_app.email.reply_address import own_address
from channels_app.email.threading import Thread, digest, thread_of
from channels_app.files import FileRefused, accept_bytes
from hub.conversations.actions.receive import receive
from hub.conversations.inbound import Inbound, ReceivedFile, RefusedFile
from hub.conversations.models import Channel, Conversation, HubAddress
from hub.encryption.files import EncryptedFileStorage, binding
from patients import contact_points, normal_form
from patients.models import ContactPoint

#: How the stand-in for the address of somebody begins whose mail names no sender.
NO_SENDER = "no-sender-"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail.

    Attributes:
        outcome: "stored", "duplicate" or "refused".
        reason: why it was refused: a code.
        mail: what was read; None where it could not be.
        conversation: where it stands.
    """

    outcome: str
    reason: str = ""
    mail: Mail | None = None
    conversation: UUID | None = None


def take(raw: bytes, address: HubAddress, *, historical: bool = False) -> Taken:
    """Take a mail that came to `address`; never raises for what is in it.

    The same mail again (another mailbox, another folder, fetched once more) changes nothing. What
    cannot be read is on record with its bytes and the reason.

    Args:
        raw: the whole message, RFC 5322.
        address: the mailbox it came to.
        historical: from before the hub: on record, and nothing else follows from it.
    """
    try:
        mail = read(raw)
    except MailRefused as error:
        return refuse(raw, address, error.code, historical=historical)
    key = _key(mail, raw)
    known = _known(key)
    if known is not None:
        return _duplicate(known, mail)
    stored: list[str] = []
    try:
        with transaction.atomic():
            _one_at_a_time(key)
            known = _known(key)
            if known is not None:
                return _duplicate(known, mail)
            conversation = _put(raw, mail, key, address, stored, historical=historical)
    except BaseException:
        _delete(stored)
        raise
    return Taken("stored", mail=mail, conversation=conversation.uuid)


def _put(
    raw: bytes,
    mail: Mail,
    key: bytes,
    address: HubAddress,
    stored: list[str],
    *,
    historical: bool,
) -> Conversation:
    """Write the mail and its line; `stored` gets the names of the files that were written."""
    now = timezone.now()
    row = MailMessage(
        uuid=uuid4(),
        direction=MailMessage.Direction.IN,
        kind=_kind(mail, address),
        hub_address=address,
        id_digest=digest(mail.message_id),
        key=key,
        message_id=mail.message_id,
        subject=mail.subject,
        quoted=mail.quoted,
        html=mail.html,
        has_remote_images=mail.has_remote_images,
        historical=historical,
        at=_when(mail, now, historical=historical),
        received_at=now,
    )
    row.raw_name = EncryptedFileStorage().save(BytesIO(raw), binding(row, "raw_name"))
    stored.append(row.raw_name)
    system, value = _sender(mail, key)
    point = contact_points.hold(system, value)
    thread = thread_of(mail, address.value, point, historical=historical)
    received, refused, row.inline = _files(mail.files, stored)
    result = receive(
        Inbound(
            channel=Channel.EMAIL,
            contact_system=system,
            contact_value=value,
            hub_address_id=address.pk,
            text=_text(mail, thread),
            at=row.at,
            received_files=tuple(received),
            refused_files=tuple(refused),
            conversation_id=thread.conversation_id,
            needs_person=row.kind == MailMessage.Kind.MESSAGE,
            historical=historical,
            detail=_detail(row, thread),
        )
    )
    row.conversation, row.entry = result.conversation, result.entry
    row.save()
    if mail.bounce is not None and not historical:
        bounces.note(mail.bounce)
    return result.conversation


def _kind(mail: Mail, address: HubAddress) -> str:
    """Return what it is; what comes from an address of ours is a loop, and nobody's mail."""
    kind = {
        MailKind.MESSAGE: MailMessage.Kind.MESSAGE,
        MailKind.AUTO_REPLY: MailMessage.Kind.AUTO_REPLY,
        MailKind.BOUNCE: MailMessage.Kind.BOUNCE,
        MailKind.LIST: MailMessage.Kind.LIST,
    }[mail.kind]
    if kind == MailMessage.Kind.MESSAGE and own_address(mail.from_address) == address.value:
        return MailMessage.Kind.AUTO_REPLY
    return kind


def _sender(mail: Mail, key: bytes) -> tuple[str, str]:
    """Return whose mail it is; who names no address gets a stand-in, and cannot be answered."""
    try:
        return ContactPoint.System.EMAIL, normal_form.email(mail.from_address)
    except normal_form.NotAnAddress:
        return ContactPoint.System.VISITOR, f"{NO_SENDER}{key.hex()[:32]}"


def _text(mail: Mail, thread: Thread) -> str:
    """Return the line: what was newly written, under its subject where it begins something."""
    if thread.conversation_id is not None or not mail.subject:
        return mail.text or mail.subject
    return f"{mail.subject}\n\n{mail.text}".strip()


def _detail(row: MailMessage, thread: Thread) -> dict[str, object]:
    detail: dict[str, object] = {"mail": str(row.uuid)}
    if row.kind != MailMessage.Kind.MESSAGE:
        detail["automatic"] = row.kind
    if row.historical:
        detail["historical"] = True
    if thread.pointer_id is not None:
        detail["refers_to"] = str(Conversation.objects.get(pk=thread.pointer_id).uuid)
    return detail


def _when(mail: Mail, now: datetime, *, historical: bool) -> datetime:
    """Return when it counts: now, but for what was over before the hub; never in the future."""
    return min(mail.date, now) if historical and mail.date is not None else now


def _files(
    files: Iterable[MailFile], stored: list[str]
) -> tuple[list[ReceivedFile], list[RefusedFile], dict[str, str]]:
    """Store the files; return those stored, those refused, and which Content-ID names which."""
    received: list[ReceivedFile] = []
    refused: list[RefusedFile] = []
    inline: dict[str, str] = {}
    for file in files:
        try:
            one = accept_bytes([file.content], file.name)
        except FileRefused as error:
            refused.append(RefusedFile(file.name, file.content_type[:100], error.code))
        else:
            stored.append(one.storage_name)
            received.append(one)
            if file.content_id:
                inline.setdefault(file.content_id, str(one.uuid))
    return received, refused, inline


def refuse(raw: bytes, address: HubAddress, code: str, *, historical: bool) -> Taken:
    """Keep the bytes of what cannot be read, once."""
    key = hashlib.sha256(raw).digest()
    now = timezone.now()
    stored: list[str] = []
    try:
        with transaction.atomic():
            _one_at_a_time(key)
            if _known(key) is None:
                row = MailMessage(
                    uuid=uuid4(),
                    direction=MailMessage.Direction.IN,
                    hub_address=address,
                    id_digest=b"",
                    key=key,
                    historical=historical,
                    refused=code[:32],
                    at=now,
                    received_at=now,
                )
                row.raw_name = EncryptedFileStorage().save(BytesIO(raw), binding(row, "raw_name"))
                stored.append(row.raw_name)
                row.save()
                log.warning("mail_refused", mail_id=row.pk, reason=code)
    except BaseException:
        _delete(stored)
        raise
    return Taken("refused", reason=code)


def _duplicate(known: MailMessage, mail: Mail) -> Taken:
    if known.refused or known.conversation is None:
        return Taken("refused", reason=known.refused, mail=mail)
    return Taken("duplicate", mail=mail, conversation=known.conversation.uuid)


def _known(key: bytes) -> MailMessage | None:
    return MailMessage.objects.select_related("conversation").filter(key=key).first()


def _key(mail: Mail, raw: bytes) -> bytes:
    """Return by what the same mail is known, by whichever way it comes.

    What its writer made of it, without what servers on the way add. A Message-ID alone is not
    enough: there are programs that use one twice, and nothing may be lost. Without one only the
    very same bytes are the same: somebody may write the same words again.
    """
    if not mail.message_id:
        return hashlib.sha256(raw).digest()
    said = hashlib.sha256()
    parts = [
        mail.message_id,
        mail.from_address,
        mail.date.isoformat() if mail.date else "",
        mail.subject,
        mail.text,
        mail.quoted,
        mail.html,
    ]
    for part in parts:
        content = part.encode("utf-8", "replace")
        said.update(len(content).to_bytes(8, "big") + content)
    for file in mail.files:
        said.update(hashlib.sha256(file.content).digest())
    return said.digest()


def _one_at_a_time(key: bytes) -> None:
    """Let a second fetcher of the same mail wait for the first; released at the end."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(key[:8], "big", signed=True)]
        )


def _delete(names: Iterable[str]) -> None:
    """Delete the files of what was not written after all."""
    storage = EncryptedFileStorage()
    for name in names:
        storage.delete(name)
