"""A caller waits: what they hear, how they keep their place without waiting, how they leave."""

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import arriving, callbacks, ending, twiml, voicemail, words
from channels_app.voice.lining_up import wait_of
from channels_app.voice.models import Call
from hub.conversations.models import Channel
from hub.routing import waits
from hub.routing.models import QueueEntry
from hub.routing.rules import Rules, rules_of

Kind = QueueEntry.Kind

#: Twilio's words (QueueResult) for a line that was not parked, or not for long.
FULL = frozenset({"queue-full"})
FAILED = frozenset({"error", "system-error"})


def hear(call: Call) -> VoiceResponse:
    """Say the place in line and the expected wait, offer a callback, and play music."""
    entry = wait_of(call) if call.state == Call.State.QUEUED else None
    if entry is None:
        return twiml.wait(call, "", may_leave=False)
    rules = rules_of(entry.department_id)
    outlook = waits.outlook(entry, rules=rules)
    minutes = None if outlook.seconds is None else max(1, round(outlook.seconds / 60))
    said = words.place_in_line(call.language, outlook.place, minutes)
    return twiml.wait(call, said, may_leave=_may_leave(call, rules))


def choose(call: Call, digits: str) -> VoiceResponse:
    """Follow a digit that was pressed while waiting; "1" keeps the place and ends the wait."""
    doc = VoiceResponse()
    now = timezone.now()
    if digits == "1" and _may_keep_place(call):
        callbacks.from_queue(call, at=now)
        call.save()
    if digits == "1" and _keeps_place(call):
        twiml.say(doc, callbacks.promised_in_words(call, now), call.language)
        doc.leave()
    elif call.state == Call.State.ENDED:
        doc.leave()
    else:
        # They wait on; or are on the way to an agent, who must not lose them to a late digit.
        doc.redirect(twiml.question("wait"), method="POST")
    return doc


def left(call: Call, result: str) -> VoiceResponse:
    """The line is out of the provider's queue: see why, and what it does next."""
    now = timezone.now()
    doc = VoiceResponse()
    if result == "hangup":
        ending.end(call, "abandoned", at=now)
        call.save()
        return doc
    if call.state != Call.State.QUEUED:
        # On the way elsewhere; or promised a callback, and with that they were told goodbye.
        if result == "leave":
            doc.hangup()
        return doc
    if result in FULL or result in FAILED:
        said = words.queue_full if result in FULL else words.went_wrong
        ending.give_up_waiting(call, at=now)
        arriving.no_way_in(call, call.conversation.department, said(call.language), doc, now)
        return doc
    return doc


def way_out(call: Call, digits: str) -> VoiceResponse:
    """Follow the choice between a callback and a message."""
    doc = VoiceResponse()
    now = timezone.now()
    department = call.conversation.department
    rules = rules_of(department.pk).of(Channel.VOICE)
    if digits == "1" and rules.callbacks and callbacks.can_call(call, now):
        return callbacks.from_menu(call, department, doc, now)
    if digits == "2" and rules.voicemail:
        return voicemail.begin(call, department, doc, now)
    return twiml.goodbye(doc, call.language)


def _may_keep_place(call: Call) -> bool:
    """Whether the caller still stands in line, and may leave it; not once somebody took them."""
    if call.state != Call.State.QUEUED or wait_of(call) is None:
        return False
    return _may_leave(call, rules_of(call.conversation.department_id))


def _keeps_place(call: Call) -> bool:
    """Whether the caller was promised a call in their turn."""
    kept = call.queue_entry
    return call.state == Call.State.MENU and kept is not None and kept.kind == Kind.CALLBACK


def _may_leave(call: Call, rules: Rules) -> bool:
    return rules.of(Channel.VOICE).callbacks and callbacks.can_call(call, timezone.now())
