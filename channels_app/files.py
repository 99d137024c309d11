"""Files that patients and staff send: sniffed, not trusted; limited; encrypted before any disk."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain
from uuid import UUID, uuid4

import puremagic
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from hub.conversations.inbound import ReceivedFile
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding

#: What may pass, and the ending that a download of it gets. Nothing here runs in a browser.
ALLOWED = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
    "audio/mpeg": ".mp3",
    "audio/amr": ".amr",
    "audio/ogg": ".ogg",
    "audio/x-wav": ".wav",
    "video/mp4": ".mp4",
    "video/3gpp": ".3gp",
    "text/plain": ".txt",
}
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/heif": "image/heic",
    "audio/mp3": "audio/mpeg",
    "audio/wav": "audio/x-wav",
    "audio/wave": "audio/x-wav",
    "audio/vnd.wave": "audio/x-wav",
    "application/ogg": "audio/ogg",
}
_SNIFFED_BYTES = 8192
_CONTROL = frozenset(range(32)) - {9, 10, 12, 13}


class FileRefused(Exception):
    """A file may not pass. `code` is for the log and the row, the message for the person."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def accept_upload(file: UploadedFile) -> ReceivedFile:
    """Check and store an uploaded file. Raises FileRefused."""
    return accept_bytes(file.chunks(), file.name or "")


def accept_bytes(
    chunks: Iterable[bytes],
    file_name: str,
    uuid: UUID | None = None,
    *,
    limit: int | None = None,
) -> ReceivedFile:
    """Check and store a file that comes in `chunks`; what its sender calls it proves nothing.

    `uuid` is that of the attachment it belongs to, where there is one already; `limit` the most
    bytes, where it is not settings.ATTACHMENT_MAX_BYTES.

    Raises FileRefused where it is empty, too large, or by its content of no allowed type.
    """
    limit = limit or settings.ATTACHMENT_MAX_BYTES
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > limit:
            raise too_large(limit)
    if not content:
        raise FileRefused("empty", _("This file is empty."))
    content_type = sniff(bytes(content[:_SNIFFED_BYTES]))
    if content_type is None:
        raise FileRefused(
            "type_not_allowed", _("Only pictures, PDF, sound, video and plain text can be sent.")
        )
    uuid = uuid or uuid4()
    storage_name = EncryptedFileStorage().save(
        BytesIO(content), binding(Attachment(uuid=uuid), "storage_name")
    )
    return ReceivedFile(
        uuid=uuid,
        storage_name=storage_name,
        content_type=content_type,
        size=len(content),
        file_name=_plain_name(file_name),
    )


def accept_stream(chunks: Iterable[bytes], uuid: UUID, *, limit: int) -> ReceivedFile:
    """As `accept_bytes`, for a file too large to be held in memory: it is encrypted as it comes.

    The first of `chunks` must be long enough to tell the type by. What is refused leaves nothing.
    """
    pieces = iter(chunks)
    first = next(pieces, b"")
    if not first:
        raise FileRefused("empty", _("This file is empty."))
    content_type = sniff(first[:_SNIFFED_BYTES])
    if content_type is None:
        raise FileRefused(
            "type_not_allowed", _("Only pictures, PDF, sound, video and plain text can be sent.")
        )
    counted = _Counted(chain([first], pieces), limit)
    storage_name = EncryptedFileStorage().save(
        counted, binding(Attachment(uuid=uuid), "storage_name")
    )
    return ReceivedFile(
        uuid=uuid,
        storage_name=storage_name,
        content_type=content_type,
        size=counted.size,
        file_name="",
    )


class _Counted:
    """Pieces that are counted as they pass, up to a limit. Raises FileRefused beyond it."""

    def __init__(self, pieces: Iterable[bytes], limit: int) -> None:
        self._pieces = pieces
        self._limit = limit
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            if self.size > self._limit:
                raise too_large(self._limit)
            yield piece


def too_large(limit: int) -> FileRefused:
    """Return the refusal of a file of more than `limit` bytes."""
    return FileRefused(
        "too_large", _("Files may have at most %(limit)d MB.") % {"limit": limit // 1024 // 1024}
    )


def sniff(head: bytes) -> str | None:
    """Return the allowed type that `head`, the first bytes, shows; None: not allowed."""
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        matches = []
    for match in sorted(matches, key=lambda one: one.confidence, reverse=True):
        mime = _SAME.get(match.mime_type, match.mime_type)
        if mime in ALLOWED and mime != "text/plain":
            return mime
    return "text/plain" if not matches and _is_plain_text(head) else None


def _is_plain_text(head: bytes) -> bool:
    if head.lstrip()[:1] in (b"<", b"#", b"%", b"{") or _CONTROL & set(head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # cut within a character
    return True


def _plain_name(name: str) -> str:
    """Return the last part of a file name, without what could mislead a reader or a header."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:120].strip(". ")
