"""Where a patient's line goes when we have sent it somewhere else (commands.move)."""

from datetime import timedelta

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import arriving, commands, ending, recordings, twiml, voicemail, words
from channels_app.voice.models import Call
from channels_app.voice.questions import Fields

#: How long the greeting before the notice, and the notice, may take to be spoken.
NOTICE_TAKES = timedelta(seconds=20)


def place(call: Call) -> VoiceResponse:
    """Return the document for where the call's state says that the line should be."""
    doc = VoiceResponse()
    match call.state:
        case Call.State.ROOM:
            doc = twiml.room(call, _notice_again(call))
        case Call.State.QUEUED:
            _empty_room(call)
            twiml.say(doc, words.connecting(call.language), call.language)
            if call.notice_at is None and recordings.is_due(call):
                # Handed over by a department that does not record.
                twiml.say(doc, words.recording_notice(call.language), call.language)
                call.notice_at = timezone.now()
            twiml.enqueue(doc, call, arriving.queue_name(call.conversation.department))
        case Call.State.MENU:
            return arriving.no_way_in(
                call,
                call.conversation.department,
                words.nobody_there(call.language),
                doc,
                timezone.now(),
            )
        case Call.State.VOICEMAIL:
            return voicemail.begin(call, call.conversation.department, doc, timezone.now())
        case _:
            doc.hangup()
    call.save()
    return doc


def _notice_again(call: Call) -> str:
    """Return the notice for somebody who was answered while it was spoken: that cut it off."""
    now = timezone.now()
    if call.notice_at is None or now - call.notice_at > NOTICE_TAKES:
        return ""
    if not recordings.is_due(call):
        return ""
    call.notice_at = now
    return words.recording_notice(call.language)


def _empty_room(call: Call) -> None:
    """End the lines that were left in the room; it ends with the patient's line, as a rule."""
    others = call.parties.filter(left_at__isnull=False).exclude(sid="")
    for party in others:
        commands.set_party(party)


def room_left(call: Call, fields: Fields) -> VoiceResponse:
    """The room is over for the patient: say goodbye, and end the call.

    The agent hung up, unless the patient's own line is over: then we are asked nevertheless.
    """
    doc = VoiceResponse()
    if call.state == Call.State.ROOM:
        status = fields.get("CallStatus", "")
        ending.end(call, status if status == "completed" else "agent_hung_up", at=timezone.now())
        call.save()
    if call.state == Call.State.ENDED:
        return twiml.goodbye(doc, call.language)
    # It was sent elsewhere meanwhile; the document for that is on its way.
    return doc
