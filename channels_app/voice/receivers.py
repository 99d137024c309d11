"""What the phone does when routing offers a wait, or ends it; inside routing's transaction.

Only rows are written here; what they ask of the provider is carried out after the commit, and found
again by the outbox's sweep.
"""

from datetime import datetime
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from channels_app.voice import (
    callbacks,
    calling_back,
    commands,
    ending,
    lining_up,
    outbound,
    parties,
)
from channels_app.voice.models import Call, Callback, Party
from hub.conversations.append import lock
from hub.conversations.models import Channel, Conversation
from hub.conversations.signals import holder_not_needed
from hub.routing import capacity, signals
from hub.routing.models import Offer, QueueEntry
from patients.models import Consent
from patients.signals import contact_point_stopped

log = structlog.get_logger(__name__)


@receiver(signals.offer_made)
def ring(*, offer: Offer, **_: Any) -> None:
    """Ring the phone of an agent who is offered a call."""
    if offer.channel != Channel.VOICE:
        return
    if offer.queue_entry.kind == QueueEntry.Kind.CALLBACK:
        calling_back.reserve(offer)
        return
    call = lining_up.caller_of(offer.queue_entry)
    if call is None:
        return
    if Party.objects.filter(user=offer.agent, left_at__isnull=True).exists():
        # Routing offers nobody two calls; should it have, this one runs out and goes on.
        log.error("offered_while_on_the_phone", offer_id=offer.pk)
        return
    parties.want_agent(call, offer.agent, until=offer.until)


@receiver(signals.offer_ended)
def stop_ringing(*, offer: Offer, **_: Any) -> None:
    """An offer that was not accepted rings no longer."""
    if offer.channel != Channel.VOICE or offer.outcome == Offer.Outcome.ACCEPTED:
        return
    ringing = Party.objects.filter(
        user_id=offer.agent_id,
        call__conversation_id=offer.queue_entry.conversation_id,
        kind=Party.Kind.AGENT,
        is_consulted=False,
        left_at__isnull=True,
        state__in=[Party.State.WANTED, Party.State.RINGING],
    )
    for party in ringing.select_related("call"):
        parties.leave(party, f"offer_{offer.outcome}", at=offer.ended_at or offer.until)
        commands.set_party(party)
        if party.call.direction == Call.Direction.OUTBOUND:
            # A callback: with its agent goes the call. Calls are locked before conversations, so
            # not here; should we die before, the phone's sweep ends it.
            transaction.on_commit(partial(ending.end_deserted, party.call_id), robust=True)


@receiver(contact_point_stopped)
def call_no_more(*, consent: Consent, **_: Any) -> None:
    """Who said STOP to calls is not called back."""
    if consent.channel not in (None, Channel.VOICE) or consent.purpose is not None:
        return
    waiting = Callback.objects.filter(
        contact_point_id=consent.contact_point_id, ended_at__isnull=True
    )
    ids = sorted(waiting.values_list("conversation_id", flat=True))
    for conversation in lock(ids):
        callbacks.cancel_open(conversation, "stopped", at=timezone.now())


@receiver(holder_not_needed)
def need_no_call(*, conversation: Conversation, at: datetime, **_: Any) -> None:
    """What is resolved needs no callback; what is put aside needs it when it wakes."""
    if conversation.status == Conversation.Status.RESOLVED:
        callbacks.cancel_open(conversation, "resolved", at=at)


@receiver(signals.entry_ended)
def ring_whoever_took_it(*, queue_entry: QueueEntry, **_: Any) -> None:
    """A caller's conversation was taken from the list, and not at the phone, which rings now.

    Raises OnThePhone, so that whoever is on another call does not take a caller who waits.
    """
    if queue_entry.outcome != QueueEntry.Outcome.ACCEPTED or queue_entry.ended_at is None:
        return
    call = lining_up.caller_of(queue_entry)
    user = queue_entry.accepted_by
    if call is None or user is None:
        return
    there = call.parties.filter(user=user, left_at__isnull=True).first()
    if there is not None and there.state == Party.State.JOINED:
        return
    if there is None:
        until = queue_entry.ended_at + outbound.AGENT_SECONDS
        parties.want_agent(call, user, until=until, answers_itself=True)
    # Their offer is over, and the conversation not theirs before they answer: nothing else tells
    # routing that their phone rings.
    capacity.occupy(user.pk, until=queue_entry.ended_at + 2 * outbound.AGENT_SECONDS)


@receiver(signals.overflow_due)
def find_a_way_out(*, queue_entry: QueueEntry, to: str, **_: Any) -> None:
    """A caller waited as long as their department lets them: offer what else there is."""
    call = lining_up.caller_of(queue_entry)
    if call is None:
        return
    # place() offers the ways out; the wait ends when the caller chooses one, or hangs up.
    call.state = Call.State.VOICEMAIL if to == "voicemail" else Call.State.MENU
    commands.move(call)
    call.save(update_fields=["state", "moves"])
