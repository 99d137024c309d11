"""Recordings: begun only after the notice, paused on demand, fetched, and deleted at the provider.

Twilio's address of a recording is never kept or shown: it is made from the recording's id, and the
sound is fetched with our password, stored encrypted, and deleted there (notes on compliance).
"""

from datetime import datetime
from typing import Any

import requests
import structlog
from django.conf import settings
from django.utils import timezone

from channels_app.adapter import Refused, TryLater
from channels_app.files import FileRefused, accept_bytes
from channels_app.twilio.client import MEDIA_HOST, MediaRefused, client, delete_media, open_media
from channels_app.twilio.failures import FAILURES, meaning
from channels_app.voice import commands, twiml
from channels_app.voice.models import Call, Recording, RecordingRule
from channels_app.voice.questions import locked_by_id
from hub.conversations.actions import attach, calls
from hub.conversations.actions.outbox import write_command
from hub.conversations.models import Attachment, Delivery, Entry
from hub.encryption.files import EncryptedFileStorage
from hub.routing import queue
from hub.routing.models import QueueEntry

_CHUNK = 64 * 1024

log = structlog.get_logger(__name__)


def is_due(call: Call) -> bool:
    """Whether the call is to be recorded: by its department's rule, unless the patient refused."""
    return (
        not call.recording_refused
        and RecordingRule.objects.filter(
            department_id=call.conversation.department_id, records=True
        ).exists()
    )


def begin_if_due(call: Call, *, at: datetime) -> Recording | None:
    """Have the call recorded if it is due and its patient heard the notice; `call` is locked."""
    if call.notice_at is None or not is_due(call):
        return None
    recording, is_new = Recording.objects.get_or_create(
        call=call, kind=Recording.Kind.CALL, ended_at=None, defaults={"started_at": at}
    )
    if is_new:
        commands.record(recording)
    return recording


def running(call: Call) -> Recording | None:
    """Return the recording of the call that runs or is paused; None where nobody is recorded."""
    return (
        call.recordings.filter(kind=Recording.Kind.CALL, ended_at__isnull=True)
        .exclude(wanted="stopped")
        .first()
    )


def steer(recording: Recording, wanted: str) -> bool:
    """Have a recording go on ("running"), pause or stop; returns whether that is new.

    Runs in the caller's transaction, the call being locked.
    """
    if recording.wanted == wanted:
        return False
    recording.wanted = wanted
    recording.save(update_fields=["wanted"])
    commands.record(recording)
    return True


def follow(call: Call) -> None:
    """The call was handed on: go by the rule of the department that has it now.

    What was paused for one agent's question goes on for the next one.
    """
    recording = running(call)
    if recording is not None:
        steer(recording, "running" if is_due(call) else "stopped")


def carry_out(recording_id: int) -> None:
    """Bring the provider to what the recording's row wants. Raises Refused, TryLater.

    What was sent is compared with the row once more, so that a pause or a refusal that came while
    the recording was being started is not lost.
    """
    sent = ""
    while True:
        recording = Recording.objects.select_related("call").get(pk=recording_id)
        call, wanted = recording.call, recording.wanted
        if call.ended_at is not None or recording.ended_at is not None or not call.sid:
            return
        if wanted == sent or (not recording.sid and wanted != "running"):
            return  # not started yet: whoever starts it looks again
        try:
            _send(call, recording, wanted)
        except FAILURES as error:
            failure = meaning(error)
            raise failure if isinstance(failure, Refused) else TryLater(failure.code) from None
        sent = wanted


def _send(call: Call, recording: Recording, wanted: str) -> None:
    if not recording.sid:
        made = (
            client()
            .calls(call.sid)
            .recordings.create(
                recording_channels="dual",
                recording_status_callback=twiml.event("recording", r=recording.uuid),
                recording_status_callback_event=["in-progress", "completed", "absent"],
            )
        )
        Recording.objects.filter(pk=recording.pk, sid="").update(
            sid=made.sid, state=Recording.State.RUNNING
        )
        return
    more = {"pause_behavior": "skip"} if wanted == "paused" else {}
    status = "in-progress" if wanted == "running" else wanted
    client().calls(call.sid).recordings(recording.sid).update(status=status, **more)
    Recording.objects.filter(pk=recording.pk, ended_at__isnull=True).update(state=wanted)


def provider_says(payload: dict[str, Any]) -> None:
    """A recording is complete, or there is none: note it, and have the sound fetched."""
    recording = Recording.objects.filter(uuid=payload["r"]).first()
    if recording is None:
        log.info("event_of_unknown_recording")
        return
    status = str(payload.get("RecordingStatus", ""))
    call = locked_by_id(recording.call_id)
    recording = Recording.objects.select_for_update(of=("self",), no_key=True).get(pk=recording.pk)
    recording.sid = recording.sid or str(payload.get("RecordingSid", ""))
    now = timezone.now()
    if status == "absent":
        recording.state, recording.ended_at = Recording.State.ABSENT, recording.ended_at or now
    elif status == "completed" and recording.attachment_id is None:
        _complete(call, recording, payload, now)
    recording.save()


def _complete(call: Call, recording: Recording, payload: dict[str, Any], now: datetime) -> None:
    seconds = str(payload.get("RecordingDuration", ""))
    recording.seconds = int(seconds) if seconds.isdecimal() else None
    recording.state, recording.ended_at = Recording.State.COMPLETE, recording.ended_at or now
    is_message = recording.kind == Recording.Kind.VOICEMAIL
    entry = calls.note(
        call.conversation,
        "left" if is_message else "recorded",
        at=now,
        leg=call.leg,
        kind=Entry.Kind.VOICEMAIL if is_message else Entry.Kind.RECORDING,
        seconds=recording.seconds,
    )
    recording.attachment = Attachment.objects.create(
        entry=entry,
        state=Attachment.State.PENDING,
        content_type="audio/x-wav",
        source=_address(recording.sid),
    )
    write_command(Delivery.Kind.FETCH, call.leg, [recording.attachment])
    if is_message:
        calls.needs_person(call.conversation, call.conversation.department, call.leg, at=now)
        queue.enter(
            call.conversation,
            at=now,
            kind=QueueEntry.Kind.FOLLOW_UP,
            parent_id=call.queue_entry_id,
        )


def fetch(delivery: Delivery) -> None:
    """Bring a recording here, encrypted; it is deleted there then. Raises TryLater."""
    attachment = delivery.attachment
    assert attachment is not None
    try:
        with open_media(f"{attachment.source}.wav") as response:
            if response.status_code in (404, 410):
                attach.refused(attachment, "gone", delivery.leg)
                return
            response.raise_for_status()
            file = accept_bytes(
                response.iter_content(_CHUNK),
                "",
                uuid=attachment.uuid,
                limit=settings.RECORDING_MAX_BYTES,
            )
    except MediaRefused:
        attach.refused(attachment, "foreign_address", delivery.leg)
    except FileRefused as error:
        attach.refused(attachment, error.code, delivery.leg)
    except requests.exceptions.RequestException:
        raise TryLater("unreachable") from None
    else:
        if not attach.fetched(attachment, file, delivery.leg):
            EncryptedFileStorage().delete(file.storage_name)


def delete(delivery: Delivery) -> None:
    """Delete a recording at the provider, now that we have it. Raises Refused, TryLater."""
    assert delivery.attachment is not None
    try:
        delete_media(delivery.attachment.source)
    except MediaRefused:
        raise Refused("foreign_address") from None
    except requests.exceptions.RequestException:
        raise TryLater("unreachable") from None


def _address(sid: str) -> str:
    account = settings.TWILIO_ACCOUNT_SID
    return f"https://{MEDIA_HOST}/2010-04-01/Accounts/{account}/Recordings/{sid}"
