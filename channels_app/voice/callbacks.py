"""Promises to call back: made, kept in turn, and tried again. Three tries at most."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import outbound, parties, recordings, twiml, words
from channels_app.voice.models import Call, Callback
from channels_app.voice.questions import UnknownCall, locked_by_id
from hub.conversations.actions import calls
from hub.conversations.append import Happened, log_events
from hub.conversations.models import Channel, ContactEvent, Entry
from hub.routing import queue
from hub.routing.models import Offer, QueueEntry
from hub.staff.models import Department

MOST_TRIES = 3
TRY_AGAIN_AFTER = timedelta(minutes=15)


def from_queue(call: Call, *, at: datetime) -> Callback:
    """Let the caller hang up and keep their place; `call` is locked and saved by the caller."""
    entry = queue.call_back(call.conversation, at=at)
    call.state = Call.State.MENU
    call.queue_entry = entry
    return _promise(call, Callback.Source.QUEUE, at)


def from_menu(
    call: Call, department: Department, doc: VoiceResponse, at: datetime
) -> VoiceResponse:
    """Promise a call to somebody who does not wait; they come to the end of the line."""
    waits = call.queue_entry
    if waits is not None and waits.ended_at is None:
        from_queue(call, at=at)
    else:
        calls.needs_person(call.conversation, department, call.leg, at=at)
        # A text that waits in it waits for the call from now, at its place.
        less = queue.withdraw(call.conversation, at=at)
        call.queue_entry = queue.enter(
            call.conversation,
            at=at,
            place_since=less.place_since if less else None,
            channel=Channel.VOICE,
            kind=QueueEntry.Kind.CALLBACK,
            language=call.language,
        )
        _promise(call, Callback.Source.MENU, at)
    call.save()
    twiml.say(doc, words.callback_promised(call.language), call.language)
    doc.hangup()
    return doc


def reserve(offer: Offer) -> None:
    """Ring the agent who is offered a callback; the patient is rung when they are there.

    Runs in the transaction of the offer.
    """
    callback = Callback.objects.filter(
        conversation_id=offer.queue_entry.conversation_id, ended_at__isnull=True
    ).first()
    if callback is None:
        return
    call = outbound.begin(
        callback.conversation,
        callback.contact_point,
        callback.hub_address,
        at=offer.made_at,
        callback=callback,
    )
    call.queue_entry = offer.queue_entry
    call.save(update_fields=["queue_entry"])
    parties.want_agent(call, offer.agent, until=offer.until)


def reached(call_uuid: UUID, sid: str) -> VoiceResponse:
    """A patient whom we rang has answered: greet them, and bring them to their agent."""
    call_id = Call.objects.filter(uuid=call_uuid).values_list("pk", flat=True).first()
    if call_id is None:
        raise UnknownCall
    call = locked_by_id(call_id)
    now = timezone.now()
    call.sid = call.sid or sid
    doc = VoiceResponse()
    if call.state != Call.State.DIALLING:
        doc.hangup()
        call.save()
        return doc
    call.state, call.answered_at, call.heard_at = Call.State.ROOM, now, now
    log_events(call.conversation, Happened(ContactEvent.Kind.LEG_CONNECTED, now, call.leg))
    parties.patient_joined(call, at=now)
    calls.note(call.conversation, "patient_answered", at=now, leg=call.leg)
    said = words.hello_from(call.language)
    if recordings.is_due(call):
        said = f"{said} {words.recording_notice(call.language)}"
        call.notice_at = now
        recordings.begin_if_due(call, at=now)
    document = twiml.room(call, said)
    call.save()
    return document


def call_ended(call: Call, *, at: datetime) -> None:
    """See what a call out meant for the promise behind it; `call` is locked."""
    if call.callback_id is None:
        return
    callback = Callback.objects.select_for_update(of=("self",), no_key=True).get(
        pk=call.callback_id
    )
    if callback.ended_at is not None:
        return
    if call.answered_at is not None and call.end_reason != "machine":
        callback.state, callback.ended_at = Callback.State.REACHED, at
        callback.save()
        return
    if not call.sid:
        callback.state = Callback.State.WAITING
        callback.save()
        return  # no agent came; the wait stands as it was, and the next one is asked
    callback.tries += 1
    if callback.tries >= MOST_TRIES:
        callback.state, callback.ended_at = Callback.State.GIVEN_UP, at
        _note(call, "given_up", at, tries=callback.tries)
    else:
        callback.state, callback.next_try_at = Callback.State.WAITING, at + TRY_AGAIN_AFTER
        _note(call, "not_reached", at, tries=callback.tries)
        held_by = calls.needs_person(
            call.conversation, call.conversation.department, call.leg, at=at
        )
        queue.enter(
            call.conversation,
            at=at,
            channel=Channel.VOICE,
            kind=QueueEntry.Kind.CALLBACK,
            language=call.language,
            not_before=callback.next_try_at,
            parent_id=call.queue_entry_id,
            prefer=held_by,
        )
    callback.save()


def _promise(call: Call, source: str, at: datetime) -> Callback:
    callback, _ = Callback.objects.get_or_create(
        conversation=call.conversation,
        ended_at=None,
        defaults={
            "contact_point_id": call.contact_point_id,
            "hub_address_id": call.hub_address_id,
            "source": source,
            "language": call.language,
            "requested_at": at,
        },
    )
    _note(call, "requested", at, source=source)
    return callback


def _note(call: Call, what: str, at: datetime, **detail: Any) -> None:
    calls.note(call.conversation, what, at=at, leg=call.leg, kind=Entry.Kind.CALLBACK, **detail)
