"""A message left by voice: an entry with its sound, and work for whoever listens."""

from datetime import datetime

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import ending, twiml, words
from channels_app.voice.models import Call, Recording
from channels_app.voice.questions import Fields
from hub.conversations.actions import calls
from hub.routing import queue
from hub.routing.models import QueueEntry
from hub.staff.models import Department


def begin(
    call: Call, department: Department, doc: VoiceResponse, at: datetime, *, greeting: str = ""
) -> VoiceResponse:
    """Invite the caller to speak; the conversation belongs to `department` from now.

    `greeting` is what the administrator wrote for this choice of the menu, in the call's language.
    """
    if call.conversation.department_id != department.pk:
        calls.belongs_to(call.conversation, department, call.leg, at=at)
    ending.give_up_waiting(call, at=at)
    recording = Recording.objects.create(
        call=call, kind=Recording.Kind.VOICEMAIL, state=Recording.State.RUNNING, started_at=at
    )
    call.state = Call.State.VOICEMAIL
    twiml.voicemail(doc, call, recording.uuid, greeting)
    call.save()
    return doc


def left(call: Call, fields: Fields) -> VoiceResponse:
    """Thank for the message; that it is there, and whether, the recording's own event tells."""
    recording = (
        call.recordings.filter(kind=Recording.Kind.VOICEMAIL, ended_at__isnull=True)
        .order_by("-pk")
        .first()
    )
    if recording is not None:
        sid = fields.get("RecordingSid", "")
        recording.sid = recording.sid or sid
        recording.state, recording.ended_at = Recording.State.STOPPED, timezone.now()
        recording.save()
    doc = VoiceResponse()
    twiml.say(doc, words.message_taken(call.language), call.language)
    doc.hangup()
    return doc


def needs_listening(call: Call, *, at: datetime) -> None:
    """A message is there: the conversation waits for somebody who listens to it and follows it up.

    `call` is locked. Nobody is on the line, so it is no live wait and counts as no second contact.
    """
    held_by = calls.needs_person(call.conversation, call.conversation.department, call.leg, at=at)
    queue.enter(
        call.conversation,
        at=at,
        kind=QueueEntry.Kind.FOLLOW_UP,
        parent_id=call.queue_entry_id,
        language=call.language,
        prefer=held_by,
    )


def nothing_said(call: Call, *, at: datetime) -> None:
    """They hung up, or said nothing: a call that was missed, which somebody sees to as well."""
    calls.note(call.conversation, "no_message", at=at, leg=call.leg)
    needs_listening(call, at=at)
