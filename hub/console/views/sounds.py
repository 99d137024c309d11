"""Sound in the timeline: recordings, voice messages, and sound files that a patient sent.

A recording is played only after its listener has said why; what they said stands in the audit
trail, which is also what lets their browser have the bytes for a while.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django import forms
from django.db.models import TextChoices
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from channels_app.voice.models import Recording
from hub.audit.models import AuditEvent
from hub.audit.record import AuditAction, record
from hub.console.gate import for_staff, refused, user_of
from hub.console.views.attachments import CHUNK
from hub.conversations import access
from hub.conversations.errors import ConversationError
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding
from hub.staff.models import User

#: Entries whose sound is played only for a reason.
WITH_A_REASON = frozenset(("recording",))

LISTENING = timedelta(minutes=30)
"""How long after its reason a recording can be played and sought in."""

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class ListeningReason(TextChoices):
    """Why somebody listens to a recorded call."""

    CARE = "care", _("To care for this patient")
    QUALITY = "quality", _("Quality review or training")
    COMPLAINT = "complaint", _("A complaint or an incident")
    REQUEST = "request", _("A request by the patient or by law")


class ReasonMissing(ConversationError):
    """A recording was asked for, and nobody said why."""

    def __init__(self) -> None:
        super().__init__(_("Say first why you listen."))


class ReasonForm(forms.Form):
    """Why a recording is listened to: one of the usual reasons, and words if they help."""

    reason = forms.ChoiceField(choices=ListeningReason.choices)
    words = forms.CharField(max_length=500, required=False)


@require_POST
@for_staff
def listen(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Write down why the person listens; from now on their browser gets the sound."""
    found = _find(request, uuid)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return refused(ReasonMissing(), status=422)
    record(
        AuditAction.PLAY_RECORDING,
        actor=user_of(request),
        conversation=found.entry.conversation_id,
        patient=found.entry.conversation.patient_id,
        objects=[found],
        why=form.cleaned_data["words"],
        detail={"reason": form.cleaned_data["reason"]},
    )
    return HttpResponse(status=204)


@require_GET
@for_staff
def sound(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """Play a sound from any place in it (RFC 9110, section 14: one range of bytes)."""
    found = _find(request, uuid)
    if (refusal := _record_listening(request, found)) is not None:
        return refusal
    first, last = _range(request.headers.get("Range", ""), found.size)
    if first is None or last is None:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{found.size}"})
    is_part = bool(_RANGE.fullmatch(request.headers.get("Range", "").strip()))
    response = StreamingHttpResponse(
        _pieces(found, first, last), status=206 if is_part else 200, content_type=found.content_type
    )
    if is_part:
        response["Content-Range"] = f"bytes {first}-{last}/{found.size}"
    response["Accept-Ranges"] = "bytes"
    response["Content-Length"] = str(last - first + 1)
    response["Content-Disposition"] = "inline"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@require_GET
@for_staff
def transcript(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show what was said, where it was written down; by the rules of the sound itself."""
    found = _find(request, uuid)
    if (refusal := _record_listening(request, found)) is not None:
        return refusal
    recording = Recording.objects.filter(attachment=found).first()
    if recording is None or recording.transcribed_at is None:
        return HttpResponse(status=204)
    context = {"text": recording.transcript, "language": recording.call.language}
    response = render(request, "console/partials/transcript.html", context)
    response["Cache-Control"] = "private, no-store"
    return response


def _record_listening(request: HttpRequest, found: Attachment) -> HttpResponse | None:
    """Write down that the person gets the sound, unless that stands there; refuse without a reason.

    A recorded call needs a reason before (`listen`); the refusal is returned.
    """
    user = user_of(request)
    if _listens_already(user, found):
        return None
    if found.entry.kind in WITH_A_REASON:
        record(AuditAction.DENIED, actor=user, detail={"attachment": str(found.uuid)})
        return refused(ReasonMissing(), status=403)
    record(
        AuditAction.PLAY_RECORDING,
        actor=user,
        conversation=found.entry.conversation_id,
        patient=found.entry.conversation.patient_id,
        objects=[found],
    )
    return None


def _find(request: HttpRequest, uuid: UUID) -> Attachment:
    """Return the sound if the person may hear it; else 404, and a row of the refusal."""
    found = (
        Attachment.objects.select_related("entry__conversation")
        .filter(
            uuid=uuid,
            state=Attachment.State.STORED,
            content_type__startswith="audio/",
            entry__erased_at=None,
            entry__moved_to=None,
            entry__conversation__in=access.visible_to(user_of(request)).values("pk"),
        )
        .first()
    )
    if found is None:
        record(AuditAction.DENIED, actor=user_of(request), detail={"attachment": str(uuid)})
        raise Http404
    return found


def _listens_already(user: User, found: Attachment) -> bool:
    return AuditEvent.objects.filter(
        actor=user,
        at__gte=timezone.now() - LISTENING,
        action=AuditAction.PLAY_RECORDING.value,
        object_kind=Attachment._meta.label,
        object_ids__contains=[found.pk],
    ).exists()


def _range(asked: str, size: int) -> tuple[int | None, int | None]:
    """Return the first and last byte of the one range `asked`; all where there is none.

    (None, None): it cannot be satisfied. Several ranges at once, or what is no range of bytes, are
    answered with the whole, as RFC 9110 allows.
    """
    match = _RANGE.fullmatch(asked.strip())
    if match is None:
        return 0, size - 1
    if match.groups() == ("", ""):
        return None, None
    start, end = match.groups()
    if not start:
        length = min(int(end), size)
        return (size - length, size - 1) if length else (None, None)
    first, last = int(start), min(int(end), size - 1) if end else size - 1
    return (first, last) if first <= last and first < size else (None, None)


def _pieces(found: Attachment, first: int, last: int) -> Iterator[bytes]:
    left = last - first + 1
    with EncryptedFileStorage().open(found.storage_name, binding(found, "storage_name")) as file:
        file.seek(first)
        while left > 0 and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
