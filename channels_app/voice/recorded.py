"""What came of a recording: the sound is there, or there is none.

The provider tells it by callback, once or twice, in any order, or not at all; then it is asked
(`ask_about_unreported`). Either way it comes to `heard`, which believes each thing once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from channels_app.twilio.client import MEDIA_HOST, client
from channels_app.twilio.failures import FAILURES
from channels_app.voice import commands, voicemail
from channels_app.voice.models import Call, Recording
from channels_app.voice.questions import locked_by_id
from channels_app.voice.recordings import DONE
from hub.conversations.actions import calls
from hub.conversations.actions.outbox import write_command
from hub.conversations.models import Attachment, Channel, Delivery, Entry

#: How long after the end of a call its recordings should have been told of.
UNREPORTED = timedelta(minutes=10)
#: After this nobody waits for the provider any more.
GIVEN_UP = timedelta(days=1)
#: How long a sound that could not be fetched or deleted rests before it is tried anew.
REST = timedelta(hours=1)
MOST_AT_ONCE = 100

State = Recording.State
#: Twilio's words for a recording that will have no sound.
NO_SOUND = frozenset({"absent", "failed"})

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Report:
    """What the provider says of one recording."""

    sid: str
    status: str
    seconds: int | None = None


def provider_says(payload: dict[str, Any]) -> None:
    """Take a callback; runs in the inbox's transaction."""
    pk = Recording.objects.filter(uuid=payload["r"]).values_list("pk", flat=True).first()
    if pk is None:
        log.info("event_of_unknown_recording")
        return
    seconds = str(payload.get("RecordingDuration", ""))
    heard(
        pk,
        Report(
            sid=str(payload.get("RecordingSid", "")),
            status=str(payload.get("RecordingStatus", "")),
            seconds=int(seconds) if seconds.isdecimal() else None,
        ),
    )


def heard(recording_id: int, report: Report) -> None:
    """Note what the provider says of a recording, and have its sound fetched if there is one.

    What is complete stays so, whatever comes later; what was said to be absent may still turn up.
    Runs in the caller's transaction.
    """
    call = locked_by_id(Recording.objects.values_list("call_id", flat=True).get(pk=recording_id))
    recording = _of(call, recording_id, report.sid)
    if recording.state == State.COMPLETE:
        return
    now = timezone.now()
    if report.status == "completed":
        _complete(call, recording, report, now)
    elif report.status in NO_SOUND and recording.state != State.ABSENT:
        recording.state, recording.ended_at = State.ABSENT, recording.ended_at or now
        if recording.kind == Recording.Kind.VOICEMAIL:
            voicemail.nothing_said(call, at=now)
    elif report.status == "in-progress" and recording.state == State.WANTED:
        recording.state = State.RUNNING
    recording.save()


def _of(call: Call, recording_id: int, sid: str) -> Recording:
    """Return the row of the recording that is meant, locked.

    The order to record may have been carried out twice; the second recording gets a row of its
    own: it is stopped, since nobody could pause it, and fetched and deleted like the first.
    """
    rows = Recording.objects.select_for_update(of=("self",), no_key=True)
    recording = rows.get(pk=recording_id)
    if not sid or recording.sid in ("", sid):
        recording.sid = recording.sid or sid
        return recording
    known = rows.filter(sid=sid).first()
    return known or adopt(call, sid, recording.kind)


def adopt(call: Call, sid: str, kind: str) -> Recording:
    """Return a new row for a recording that the provider has and we do not know."""
    log.error("recorded_twice", call_id=call.pk)
    now = timezone.now()
    stray = Recording.objects.create(
        call=call,
        kind=kind,
        sid=sid,
        state=State.RUNNING,
        wanted="stopped",
        started_at=now,
        ended_at=now,
    )
    if kind == Recording.Kind.CALL and call.ended_at is None:
        commands.record(stray)
    return stray


def _complete(call: Call, recording: Recording, report: Report, now: datetime) -> None:
    recording.seconds = report.seconds
    recording.state, recording.ended_at = State.COMPLETE, recording.ended_at or now
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
        source=address_of(recording.sid),
    )
    write_command(Delivery.Kind.FETCH, call.leg, [recording.attachment])
    if is_message:
        voicemail.needs_listening(call, at=now)


def address_of(sid: str) -> str:
    """Return where the provider keeps a recording; made here, never taken from a callback."""
    account = settings.TWILIO_ACCOUNT_SID
    return f"https://{MEDIA_HOST}/2010-04-01/Accounts/{account}/Recordings/{sid}"


def ask_about_unreported(now: datetime | None = None) -> int:
    """Ask about recordings of ended calls of which no callback told; return how many were found."""
    now = now or timezone.now()
    due = Call.objects.filter(
        Exists(Recording.objects.filter(call=OuterRef("pk")).exclude(state__in=DONE)),
        ended_at__lt=now - UNREPORTED,
    ).order_by("ended_at")[:MOST_AT_ONCE]
    found = 0
    for call in due:
        try:
            found += _ask_about(call, now)
        except FAILURES:
            log.warning("provider_not_asked", call_id=call.pk, exc_info=True)
            break
    return found


def _ask_about(call: Call, now: datetime) -> int:
    """Compare what the provider has of one call with what we have. Raises what the SDK raises."""
    there = {one.sid: one for one in _recordings_of(call)}
    rows = list(call.recordings.all())
    unknown = [there[sid] for sid in sorted(set(there) - {row.sid for row in rows})]
    settled = 0
    for row in rows:
        if row.state in DONE:
            continue
        one = there.get(row.sid) or next((u for u in unknown if _kind_of(u) == row.kind), None)
        if one in unknown:
            unknown.remove(one)
        report = Report(row.sid, "absent")
        if one is not None:
            seconds = str(one.duration or "")
            length = int(seconds) if seconds.isdecimal() else None
            report = Report(one.sid, str(one.status), length)
            if report.status not in NO_SOUND | {"completed"}:
                if now - (call.ended_at or now) < GIVEN_UP:
                    continue  # the provider is still at it
                log.error("recording_never_finished", recording_id=row.pk)
                report = Report(one.sid, "absent")
        with transaction.atomic():
            heard(row.pk, report)
        settled += 1
    for one in unknown:
        if str(one.status) == "completed":
            with transaction.atomic():
                stray = adopt(locked_by_id(call.pk), one.sid, _kind_of(one))
                seconds = str(one.duration or "")
                length = int(seconds) if seconds.isdecimal() else None
                heard(stray.pk, Report(one.sid, "completed", length))
            settled += 1
    return settled


def _recordings_of(call: Call) -> list[Any]:
    """Return what the provider has of a call; nothing of one that it does not know."""
    if not call.sid:
        return []
    try:
        return list(client().calls(call.sid).recordings.list())
    except FAILURES as error:
        if getattr(error, "status", None) == 404:
            return []
        raise


def _kind_of(one: Any) -> str:
    """Return what we call it: Twilio says by which way it came to be."""
    is_message = str(one.source) == "RecordVerb"
    return str(Recording.Kind.VOICEMAIL if is_message else Recording.Kind.CALL)


def order_again(now: datetime | None = None) -> int:
    """Order anew what was given up: sounds not fetched, and not deleted there; return how many."""
    now = now or timezone.now()
    return _again(Delivery.Kind.FETCH, now, attachment__state=Attachment.State.PENDING) + _again(
        Delivery.Kind.DELETE, now
    )


def _again(kind: str, now: datetime, **more: Any) -> int:
    alive = Delivery.objects.filter(attachment=OuterRef("attachment"), kind=kind).exclude(
        state=Delivery.State.FAILED
    )
    newer = Delivery.objects.filter(
        attachment=OuterRef("attachment"), kind=kind, created_at__gt=now - REST
    )
    failed = Delivery.objects.filter(
        ~Exists(alive),
        ~Exists(newer),
        channel=Channel.VOICE,
        kind=kind,
        state=Delivery.State.FAILED,
        attachment__isnull=False,
        **more,
    ).select_related("attachment", "leg")
    given_up = {delivery.attachment_id: delivery for delivery in failed[:MOST_AT_ONCE]}
    for delivery in given_up.values():
        assert delivery.attachment is not None
        with transaction.atomic():
            write_command(kind, delivery.leg, [delivery.attachment])
    return len(given_up)
