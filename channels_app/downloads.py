"""Stored files on their way to a patient: a download from a sandbox, nothing that a page runs."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from hub.conversations.models import Attachment
from hub.encryption.files import binding, storage


def download(attachment: Attachment) -> HttpResponse:
    """Return the file; whoever asks was allowed to see it already."""
    with storage.open(attachment.storage_name, binding(attachment, "storage_name")) as stored:
        content = stored.read()
    return HttpResponse(
        content,
        headers={
            "Content-Type": attachment.content_type,
            "Content-Disposition": content_disposition_header(
                as_attachment=True, filename=attachment.file_name or "file"
            ),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
        },
    )
