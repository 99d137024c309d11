"""Files, decrypted on the way out and only for those who may read the conversation."""

from collections.abc import Iterator
from uuid import UUID

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from hub.audit.record import AuditAction, record
from hub.console.gate import for_staff, user_of
from hub.conversations import access
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding

CHUNK = 64 * 1024
"""Bytes handed on at a time; also the size of an encrypted piece."""


@require_GET
@for_staff
def attachment(request: HttpRequest, uuid: UUID) -> StreamingHttpResponse:
    """Stream a file as a download that no browser runs: sandboxed, and never sniffed."""
    user = user_of(request)
    found = (
        Attachment.objects.select_related("entry")
        .filter(
            uuid=uuid,
            state=Attachment.State.STORED,
            entry__erased_at=None,
            entry__moved_to=None,
            entry__conversation__in=access.visible_to(user).values("pk"),
        )
        .first()
    )
    if found is None:
        record(AuditAction.DENIED, actor=user, detail={"attachment": str(uuid)})
        raise Http404
    record(
        AuditAction.DOWNLOAD_ATTACHMENT,
        actor=user,
        conversation=found.entry.conversation_id,
        objects=[found],
    )
    response = StreamingHttpResponse(_pieces(found), content_type=found.content_type)
    name = found.file_name or f"file-{found.uuid}"
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Length"] = str(found.size)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _pieces(found: Attachment) -> Iterator[bytes]:
    storage = EncryptedFileStorage()
    with storage.open(found.storage_name, binding(found, "storage_name")) as file:
        while piece := file.read(CHUNK):
            yield piece
