"""A promise is kept: an agent is reserved, then the patient's phone rings, then they talk."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import (
    callbacks,
    commands,
    ending,
    lining_up,
    outbound,
    parties,
    recordings,
    slots,
    twiml,
    words,
)
from channels_app.voice.models import Call, Callback, Party
from channels_app.voice.questions import UnknownCall, locked_by_id
from hub.conversations.actions import calls, holder
from hub.conversations.append import Happened, lock, log_events
from hub.conversations.errors import ConversationError
from hub.conversations.models import Channel, ContactEvent, Entry
from hub.routing.ending import end_offer
from hub.routing.models import Offer, QueueEntry
from patients import allowed_hours, consent

#: When it is looked at again whether somebody can be rung who now can at no time: what is known of
#: where they are may change.
NEVER = timedelta(days=1)
#: How long the patient's phone may wait to be rung once their agent is there.
RING_WITHIN = timedelta(seconds=30)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """What an agent is told of a promise before the patient's phone rings.

    Attributes:
        source: how it was asked for, in words.
        reason: what it is about, in the words of whoever asked; may be empty.
        requested_at: when it was asked for.
        requested_by: the name of who promised it, if a member of staff did.
        slot_from, slot_until: the time that was chosen, if one was.
        tries: how often their phone was rung in vain.
    """

    source: str
    reason: str
    requested_at: datetime
    requested_by: str
    slot_from: datetime | None
    slot_until: datetime | None
    tries: int


def about(call: Call) -> About | None:
    """Return what is told of the promise behind a call; None where there is none."""
    callback = (
        Callback.objects.filter(pk=call.callback_id).select_related("requested_by").first()
        if call.callback_id
        else None
    )
    if callback is None:
        return None
    return About(
        source=callback.get_source_display(),
        reason=callback.reason,
        requested_at=callback.requested_at,
        requested_by=callback.requested_by.name if callback.requested_by else "",
        slot_from=callback.slot_from,
        slot_until=callback.slot_until,
        tries=callback.tries,
    )


def reserve(offer: Offer) -> None:
    """Ring the agent who is offered a callback; the patient is rung when they are there.

    Runs in the transaction of the offer, which has locked the conversation. Outside of the
    patient's hours, and while they are on the line with us, nobody is rung: the wait is put off.
    """
    conversation = offer.queue_entry.conversation
    callback = callbacks.open_of(conversation, lock_it=True)
    if callback is None:
        log.error("callback_wait_without_promise", queue_entry_id=offer.queue_entry_id)
        return
    callback.conversation = conversation
    at = offer.made_at
    if consent.is_stopped(callback.contact_point_id, Channel.VOICE):
        callbacks.cancel(callback, "stopped", at=at)
        return
    later = _not_now(callback, at)
    if later is not None:
        _put_off(offer, callback, later, at)
        return
    if Party.objects.filter(user=offer.agent, left_at__isnull=True).exists():
        # Routing offers nobody two calls; should it have, this one runs out and goes on.
        log.error("offered_while_on_the_phone", offer_id=offer.pk)
        return
    call = outbound.begin(
        conversation, callback.contact_point, callback.hub_address, at=at, callback=callback
    )
    call.queue_entry = offer.queue_entry
    call.save(update_fields=["queue_entry"])
    parties.want_agent(call, offer.agent, until=offer.until)


def agent_joined(call: Call, party: Party, *, at: datetime) -> bool:
    """The agent of a call out is in the room: ring the patient. Both are locked.

    Whoever was reserved takes the conversation by that. All is asked once more, since a while may
    lie between the offer and the answer. Returns False where the call is not made after all.
    """
    assert party.user is not None
    if lining_up.on_the_line(call.conversation_id).exclude(pk=call.pk).exists():
        # They call us at this moment: it is their own call that is answered.
        return _let_go(call, party, "on_the_line", at, later=at + callbacks.ON_THE_LINE)
    if call.callback_id is None:
        commands.ring_patient(call, until=at + RING_WITHIN)
        return True
    lock([call.conversation_id])
    callback = Callback.objects.select_for_update(of=("self",), no_key=True).get(
        pk=call.callback_id
    )
    callback.conversation = call.conversation
    if callback.ended_at is not None:
        return _let_go(call, party, "not_wanted", at)
    if call.queue_entry_id is not None and not _may_ring(callback, at):
        # Whoever dials of their own accord knows why; who was reserved only answered their phone.
        later = _next_time(callback, at)
        return _let_go(call, party, "not_allowed", at, later=later)
    try:
        holder.claim(call.conversation, party.user)
    except ConversationError:
        # A colleague took it meanwhile, from the list, and sees the promise there.
        return _let_go(call, party, "taken", at)
    callback.state = Callback.State.DIALLING
    callback.save()
    calls.note(
        call.conversation,
        "calling",
        at=at,
        leg=call.leg,
        by=party.user,
        kind=Entry.Kind.CALLBACK,
        callback=str(callback.uuid),
        tries=callback.tries,
    )
    commands.ring_patient(call, until=at + RING_WITHIN)
    return True


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
    calls.reached(call.conversation, call.leg, at=now)
    said = words.hello_from(call.language)
    if recordings.is_due(call):
        said = f"{said} {words.recording_notice(call.language)}"
        call.notice_at = now
    document = twiml.room(call, said)
    call.save()
    parties.tell_all(call)
    return document


def _let_go(
    call: Call, party: Party, why: str, at: datetime, *, later: datetime | None = None
) -> bool:
    """End a call out before the patient's phone has rung. Its agent was not needed, and is free.

    The wait that they answered goes on `later`, if that is given.
    """
    party.state, party.joined_at = Party.State.RINGING, None
    party.call = call
    ending.out(party, "not_needed", at=at)
    commands.set_party(party)
    ending.end(call, why, at=at)
    if later is not None:
        _put_off_wait(call, party, later, at)
    return False


def _may_ring(callback: Callback, at: datetime) -> bool:
    return allowed_hours.allowed(callback.contact_point, callback.conversation.patient, at)


def _not_now(callback: Callback, at: datetime) -> datetime | None:
    """Return until when the patient must not be rung, None where they may be now."""
    point = callback.contact_point
    if not _may_ring(callback, at):
        return _next_time(callback, at)
    on_the_line = Call.objects.filter(contact_point=point, ended_at__isnull=True)
    # One of ours to which no agent came may be about to be ended.
    on_the_line = on_the_line.exclude(callback=callback)
    return at + callbacks.ON_THE_LINE if on_the_line.exists() else None


def _next_time(callback: Callback, at: datetime) -> datetime:
    conversation = callback.conversation
    later = slots.first_time(
        conversation.department, callback.contact_point, conversation.patient, at
    )
    return later or at + NEVER


def _put_off_wait(call: Call, party: Party, until: datetime, at: datetime) -> None:
    """Let the wait that its agent answered too late go on at `until`."""
    callback = callbacks.open_of(call.conversation, lock_it=True)
    offer = (
        Offer.objects.filter(
            queue_entry_id=call.queue_entry_id, agent_id=party.user_id, ended_at__isnull=True
        )
        .select_related("queue_entry__conversation")
        .first()
    )
    if callback is not None and offer is not None:
        callback.conversation = call.conversation
        _put_off(offer, callback, until, at)


def _put_off(offer: Offer, callback: Callback, until: datetime, at: datetime) -> None:
    QueueEntry.objects.filter(pk=offer.queue_entry_id).update(not_before=until)
    offer.queue_entry.not_before = until
    callback.next_try_at = until
    callback.save(update_fields=["next_try_at"])
    end_offer(callback.conversation, offer, Offer.Outcome.WITHDRAWN, at=at)
