"""Promises to call back: made, changed, taken back, and kept or not. Three tries at most.

How one is kept, from the reserved agent to the patient's answer, is in calling_back.py; what finds
those that were forgotten in callback_sweep.py. A promise waits in the queue like everybody else, as
a wait of the kind "callback". The contact point is locked by whoever calls these, then the call.
"""

from datetime import datetime, timedelta
from typing import Any

from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import slots, twiml, words
from channels_app.voice.errors import BeingCalled, NeverOpen, NobodyToCall
from channels_app.voice.lining_up import wait_of
from channels_app.voice.models import Call, Callback, Party
from channels_app.voice.slots import Slot
from hub.conversations import errors
from hub.conversations.actions import calls
from hub.conversations.append import Happened, lock, log_events
from hub.conversations.models import (
    Channel,
    ContactEvent,
    Conversation,
    Entry,
    HubAddress,
    Leg,
)
from hub.routing import nudges, queue
from hub.routing.after_hours import moment_in_words
from hub.routing.locks import lock_wait
from hub.routing.models import QueueEntry
from hub.staff.models import Department, User
from patients import consent
from patients.models import ContactPoint

MOST_TRIES = 3
#: How long after a try in vain the next one comes, at the earliest.
TRY_AGAIN_AFTER = (timedelta(minutes=15), timedelta(hours=2))
#: When it is tried anew after something that the patient's phone had no part in.
SOON = timedelta(minutes=1)
#: When somebody is looked at again who is on the line with us right now, if nobody told that they
#: hung up.
ON_THE_LINE = timedelta(minutes=2)
LONGEST_REASON = 500

#: How a call out ends that never came as far as the patient's phone, by no fault of theirs.
OURS = frozenset(
    ["agent_hung_up", "never_rung", "not_allowed", "not_wanted", "on_the_line", "taken", "too_late"]
)


def promise(
    conversation: Conversation,
    point: ContactPoint,
    address: HubAddress,
    *,
    source: str,
    at: datetime,
    language: str,
    slot: Slot | None = None,
    by: User | None = None,
    reason: str = "",
    leg: Leg | None = None,
    department: Department | None = None,
) -> Callback:
    """Promise the patient a call, in their turn or in a slot; a promise that stands is changed.

    Nobody holds the conversation any more; whoever promised it, or held it, is asked first.

    Args:
        conversation: what it is about.
        point: which phone is rung; locked by the caller.
        address: which of our numbers the patient sees.
        source: a Callback.Source.
        at: when it was asked for.
        language: in which they are spoken with.
        slot: the time that was chosen (slots.py); None = as soon as their turn comes.
        by: the member of staff who promises it.
        reason: what it is about, in words.
        leg: where it was asked for, if that is where the patient is reached.
        department: who is to call; default is whose conversation it is.

    Raises:
        NobodyToCall: that is no phone number.
        errors.OptedOut: it said STOP to calls.
        NeverOpen: it may be called at no time.
        BeingCalled: it is being made right now.
    """
    if point.system != ContactPoint.System.PHONE:
        raise NobodyToCall
    if consent.is_stopped(point.pk, Channel.VOICE):
        raise errors.OptedOut
    lock([conversation.pk])
    before = open_of(conversation, lock_it=True)
    if before is not None and _is_being_made(before):
        raise BeingCalled
    # While they talk, they talk: the promise waits once the call is over (callback_sweep.py).
    talking = Call.objects.filter(conversation=conversation, ended_at__isnull=True).exists()
    held_by = None
    if not talking:
        held_by = calls.waits_for_call(conversation, at=at, leg=leg, department=department)
    due = slot.start if slot else _due(conversation, point, at)
    callback = before or Callback(conversation=conversation)
    callback.conversation = conversation
    callback.contact_point, callback.hub_address = point, address
    callback.source, callback.language = source, language
    callback.requested_at, callback.requested_by = at, by
    callback.reason = reason.strip()[:LONGEST_REASON]
    callback.slot_from = slot.start if slot else None
    callback.slot_until = slot.end if slot else None
    callback.next_try_at = due
    callback.save()
    _note(callback, "changed" if before else "requested", at, by=by, source=source)
    if not talking:
        wait(callback, at=at, prefer=by.pk if by else held_by)
    return callback


def wait(
    callback: Callback,
    *,
    at: datetime,
    parent: QueueEntry | None = None,
    prefer: int | None = None,
) -> QueueEntry | None:
    """Let the promise wait for its turn; the conversation is locked and nobody's.

    What else waits in the conversation (a text, a chat, a follow-up) waits for the call from now,
    at its place.
    """
    conversation = callback.conversation
    less = queue.withdraw(conversation, at=at)
    parent = parent or less
    due = callback.next_try_at
    return queue.enter(
        conversation,
        at=at,
        place_since=parent.place_since if parent else callback.requested_at,
        parent_id=parent.pk if parent else None,
        channel=Channel.VOICE,
        kind=QueueEntry.Kind.CALLBACK,
        skills=parent.skills if parent else (),
        language=callback.language,
        not_before=due if due and due > at else None,
        prefer=prefer or (parent.prefer_id if parent else None),
    )


def can_call(call: Call, at: datetime) -> bool:
    """Whether somebody who rings us could be called back at their number."""
    point = call.contact_point
    return (
        point.system == ContactPoint.System.PHONE
        and not consent.is_stopped(point.pk, Channel.VOICE)
        and _first_time(call.conversation, point, at) is not None
    )


def from_queue(call: Call, *, at: datetime) -> Callback:
    """Let the caller hang up and keep their place; `call` is locked and saved by the caller."""
    callback = _of_caller(call, Callback.Source.QUEUE, at)
    due = callback.next_try_at
    call.queue_entry = queue.call_back(
        call.conversation, at=at, not_before=due if due and due > at else None
    )
    call.state = Call.State.MENU
    return callback


def from_menu(
    call: Call, department: Department, doc: VoiceResponse, at: datetime
) -> VoiceResponse:
    """Promise a call to somebody who does not wait; they come to the end of the line."""
    if wait_of(call) is not None:
        from_queue(call, at=at)
    else:
        calls.needs_person(call.conversation, department, call.leg, at=at)
        callback = _of_caller(call, Callback.Source.MENU, at)
        call.queue_entry = wait(callback, at=at)
    call.save()
    twiml.say(doc, promised_in_words(call, at), call.language)
    doc.hangup()
    return doc


def promised_in_words(call: Call, at: datetime) -> str:
    """Return what a caller hears who will be called back: when, unless it is in their turn."""
    callback = open_of(call.conversation)
    due = callback.next_try_at if callback else None
    when = ""
    if due is not None and due > at + SOON:
        zone = slots.zone_of(
            call.conversation.department, call.contact_point, call.conversation.patient
        )
        when = moment_in_words(due.astimezone(zone), at, call.language)
    return words.callback_promised(call.language, when)


def open_of(conversation: Conversation, *, lock_it: bool = False) -> Callback | None:
    """Return the promise that stands in a conversation, if one does."""
    found = Callback.objects.filter(conversation=conversation, ended_at__isnull=True)
    if lock_it:
        found = found.select_for_update(of=("self",), no_key=True)
    return found.select_related("contact_point", "hub_address", "requested_by").first()


def withdraw(callback: Callback, *, by: User, at: datetime) -> bool:
    """Take a promise back by a person's word; what it was about is work for somebody still.

    Raises BeingCalled while the patient's phone rings for it.
    """
    [conversation] = lock([callback.conversation_id])
    locked = open_of(conversation, lock_it=True)
    if locked is None or locked.pk != callback.pk:
        return False
    if _is_being_made(locked):
        raise BeingCalled
    cancel(locked, "by_staff", at=at, by=by)
    if conversation.holder_id is None and conversation.status == Conversation.Status.OPEN:
        queue.enter(conversation, at=at, kind=QueueEntry.Kind.FOLLOW_UP, prefer=by.pk)
    return True


def cancel(callback: Callback, why: str, *, at: datetime, by: User | None = None) -> None:
    """End a promise that is needed no longer, and its wait; both are locked by the caller."""
    callback.state, callback.ended_at = Callback.State.CANCELLED, at
    callback.save()
    waits = lock_wait(callback.conversation_id)
    if waits is not None and waits.kind == QueueEntry.Kind.CALLBACK:
        queue.withdraw(callback.conversation, at=at)
    _note(callback, "cancelled", at, by=by, why=why)


def cancel_open(conversation: Conversation, why: str, *, at: datetime) -> None:
    """End the promise of a conversation, if one stands; the conversation is locked."""
    callback = open_of(conversation, lock_it=True)
    if callback is not None:
        callback.conversation = conversation
        cancel(callback, why, at=at)


def call_ended(call: Call, *, at: datetime) -> None:
    """See what a call out meant for the promise behind it; `call` is locked."""
    if call.callback_id is None:
        _off_the_line(call, at)
        return
    [conversation] = lock([call.conversation_id])
    callback = Callback.objects.select_for_update(of=("self",), no_key=True).get(
        pk=call.callback_id
    )
    if callback.ended_at is not None:
        return
    callback.conversation = conversation
    came = call.parties.filter(kind=Party.Kind.AGENT, joined_at__isnull=False).first()
    if call.answered_at is not None and call.end_reason != "machine":
        _reached(call, callback, came, at)
    elif came is None or call.end_reason == "taken":
        # No agent came; the wait stands as it was, and the next one is asked (if not already).
        if not _is_being_made(callback):
            callback.state = Callback.State.WAITING
            callback.save()
    elif consent.is_stopped(callback.contact_point_id, Channel.VOICE):
        cancel(callback, "stopped", at=at)
    else:
        _not_reached(call, callback, at)


def _off_the_line(call: Call, at: datetime) -> None:
    """Let a promise go on that waited only for its patient to hang up."""
    lock([call.conversation_id])
    callback = open_of(call.conversation, lock_it=True)
    if callback is None or callback.contact_point_id != call.contact_point_id:
        return
    if callback.next_try_at is None or not at < callback.next_try_at <= at + ON_THE_LINE:
        return
    if callback.slot_from is not None and callback.slot_from > at:
        return
    wait = QueueEntry.objects.filter(
        conversation_id=call.conversation_id, kind=QueueEntry.Kind.CALLBACK, ended_at__isnull=True
    ).first()
    if wait is not None:
        callback.next_try_at = wait.not_before = at
        callback.save(update_fields=["next_try_at"])
        wait.save(update_fields=["not_before"])
        nudges.dispatch_on_commit(wait.department_id)


def _reached(call: Call, callback: Callback, agent: Party | None, at: datetime) -> None:
    callback.state, callback.ended_at = Callback.State.REACHED, at
    callback.save()
    # Known only now: what answers first may turn out to be a machine.
    log_events(
        call.conversation,
        Happened(
            ContactEvent.Kind.PERSON_ANSWERED,
            call.answered_at or at,
            call.leg,
            agent_id=agent.user_id if agent else None,
        ),
    )


def _not_reached(call: Call, callback: Callback, at: datetime) -> None:
    """Count the try, if their phone rang; let it wait for the next, or give up after the last."""
    rang = bool(call.sid) or call.end_reason not in OURS
    parent = call.queue_entry
    since = parent.place_since if parent else callback.requested_at
    callback.tries += rang
    callback.state = Callback.State.WAITING
    if callback.tries < MOST_TRIES:
        later = TRY_AGAIN_AFTER[callback.tries - 1] if rang else SOON
        callback.next_try_at = _first_time(
            callback.conversation, callback.contact_point, at + later
        )
    if callback.tries >= MOST_TRIES or callback.next_try_at is None:
        callback.state, callback.ended_at = Callback.State.GIVEN_UP, at
        callback.save()
        _note(callback, "given_up", at, leg=call.leg, why=call.end_reason)
        if not calls.is_work(callback.conversation, at=at, since=since):
            calls.waits_for_call(callback.conversation, at=at, since=since)
            queue.enter(
                callback.conversation,
                at=at,
                place_since=since,
                parent_id=parent.pk if parent else None,
                kind=QueueEntry.Kind.FOLLOW_UP,
            )
        return
    callback.save()
    if rang:
        _note(callback, "not_reached", at, leg=call.leg, why=call.end_reason)
    held_by = calls.waits_for_call(callback.conversation, at=at, since=since)
    wait(callback, at=at, parent=parent, prefer=held_by)


def _of_caller(call: Call, source: str, at: datetime) -> Callback:
    """Return the promise to somebody on the line: the one that stands, or a new one."""
    lock([call.conversation_id])
    callback = open_of(call.conversation, lock_it=True)
    if callback is None:
        callback = Callback(
            conversation=call.conversation,
            contact_point=call.contact_point,
            hub_address=call.hub_address,
            source=source,
            language=call.language,
            requested_at=at,
        )
    callback.conversation = call.conversation
    if callback.slot_from is None or callback.slot_from <= at:
        callback.next_try_at = _due(call.conversation, callback.contact_point, at)
    is_new = callback.pk is None
    callback.save()
    if is_new:
        _note(callback, "requested", at, leg=call.leg, source=source)
    return callback


def _is_being_made(callback: Callback) -> bool:
    """Whether an agent is on the line for it, or the patient's phone rings."""
    return Call.objects.filter(
        callback=callback,
        ended_at__isnull=True,
        parties__kind=Party.Kind.AGENT,
        parties__joined_at__isnull=False,
    ).exists()


def _due(conversation: Conversation, point: ContactPoint, at: datetime) -> datetime:
    moment = _first_time(conversation, point, at)
    if moment is None:
        raise NeverOpen
    return moment


def _first_time(conversation: Conversation, point: ContactPoint, at: datetime) -> datetime | None:
    return slots.first_time(conversation.department, point, conversation.patient, at)


def _note(
    callback: Callback,
    what: str,
    at: datetime,
    *,
    by: User | None = None,
    leg: Leg | None = None,
    **detail: Any,
) -> None:
    """Write a line: ids, codes and times; what the patient said stays with the promise."""
    if callback.next_try_at is not None and callback.ended_at is None:
        detail["due"] = callback.next_try_at.isoformat()
    if callback.slot_until is not None:
        detail["slot_until"] = callback.slot_until.isoformat()
    calls.note(
        callback.conversation,
        what,
        at=at,
        leg=leg,
        by=by,
        kind=Entry.Kind.CALLBACK,
        callback=str(callback.uuid),
        tries=callback.tries,
        **detail,
    )
