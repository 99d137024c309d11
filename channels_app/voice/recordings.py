"""Recordings: begun only after the notice, paused on demand, fetched, and deleted at the provider.

Twilio's address of a recording is never kept or shown: it is made from the recording's id, and the
sound is fetched with our password, stored encrypted, and deleted there (notes on compliance).
"""

from datetime import datetime

import requests
import structlog
from django.conf import settings

from channels_app.adapter import Refused, TryLater
from channels_app.files import FileRefused, accept_stream
from channels_app.twilio.client import MediaRefused, client, delete_media, open_media
from channels_app.twilio.failures import FAILURES, meaning
from channels_app.voice import commands, parties, transcribing, twiml
from channels_app.voice.models import Call, Recording, RecordingRule
from hub.conversations.actions import attach
from hub.conversations.models import Delivery
from hub.encryption.files import EncryptedFileStorage

_CHUNK = 64 * 1024

#: Nothing more is expected of these, and nothing can be done with them.
DONE = frozenset({Recording.State.COMPLETE, Recording.State.ABSENT})

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


def carry_out(recording_id: int, *, again: bool = False) -> None:
    """Bring the provider to what the recording's row wants. Raises Refused, TryLater.

    What was sent is compared with the row once more, so that a pause or a refusal that came while
    the recording was being started is not lost.

    `again`: it was tried before, and nobody knows how far that came; so what runs there is taken
    over rather than started twice, since of two recordings only one would be paused.
    """
    sent = ""
    while True:
        recording = Recording.objects.select_related("call").get(pk=recording_id)
        call, wanted = recording.call, recording.wanted
        if call.ended_at is not None or recording.state in DONE or not call.sid:
            return
        if wanted == sent or (not recording.sid and wanted != "running"):
            return  # not started yet: whoever starts it looks again
        try:
            _send(call, recording, wanted, again)
        except FAILURES as error:
            failure = meaning(error)
            raise failure if isinstance(failure, Refused) else TryLater(failure.code) from None
        sent = wanted
        parties.tell_all(call)


def _send(call: Call, recording: Recording, wanted: str, again: bool) -> None:
    if not recording.sid:
        sid = (_runs_already(call) if again else "") or _start(call, recording)
        Recording.objects.filter(pk=recording.pk, sid="").update(
            sid=sid, state=Recording.State.RUNNING
        )
        return
    more = {"pause_behavior": "skip"} if wanted == "paused" else {}
    status = "in-progress" if wanted == "running" else wanted
    client().calls(call.sid).recordings(recording.sid).update(status=status, **more)
    Recording.objects.filter(pk=recording.pk, ended_at__isnull=True).update(state=wanted)


def _start(call: Call, recording: Recording) -> str:
    """Start a recording; return its id. Raises what the SDK raises."""
    made = (
        client()
        .calls(call.sid)
        .recordings.create(
            recording_channels="dual",
            recording_status_callback=twiml.event("recording", r=recording.uuid),
            recording_status_callback_event=["in-progress", "completed", "absent"],
        )
    )
    return str(made.sid)


def _runs_already(call: Call) -> str:
    """Return the id of a recording that runs and that no row of ours knows; or ""."""
    known = set(call.recordings.exclude(sid="").values_list("sid", flat=True))
    for one in client().calls(call.sid).recordings.list():
        if one.sid not in known and str(one.status) in ("in-progress", "paused"):
            return str(one.sid)
    return ""


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
            file = accept_stream(
                response.iter_content(_CHUNK),
                attachment.uuid,
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
            return
        transcribing.want(attachment)


def delete(delivery: Delivery) -> None:
    """Delete a recording at the provider, now that we have it. Raises Refused, TryLater."""
    assert delivery.attachment is not None
    try:
        delete_media(delivery.attachment.source)
    except MediaRefused:
        raise Refused("foreign_address") from None
    except requests.exceptions.RequestException:
        raise TryLater("unreachable") from None
