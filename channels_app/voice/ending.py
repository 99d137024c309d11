"""How a call ends, and what is left to do after it."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels_app.voice import callbacks, commands, parties
from channels_app.voice.lining_up import line_up_again, wait_of
from channels_app.voice.models import Call, Party, WrapUp
from channels_app.voice.questions import locked_by_id
from hub.conversations.actions import calls
from hub.conversations.append import Happened, lock, log_events
from hub.conversations.models import ContactEvent, Conversation
from hub.routing import capacity, offers, queue
from hub.routing.models import Offer
from hub.staff.models import User

#: How long somebody is left to their notes after a call, unless they say before that they are done.
WRAP_UP = timedelta(seconds=120)

#: Twilio's words for a phone that was not answered because its owner pressed "reject".
REJECTED = frozenset({"busy"})


def line_ended(call_id: int, reason: str) -> None:
    """The patient's line is over, by whichever signal told us first."""
    with transaction.atomic():
        call = locked_by_id(call_id)
        end(call, reason, at=timezone.now())
        call.save()


def end(call: Call, reason: str, *, at: datetime) -> None:
    """End the call, which is locked and which the caller saves; nothing if it has ended."""
    if call.state == Call.State.ENDED:
        return
    was = call.state
    lost = parties.lost_agent(call)
    call.state, call.ended_at, call.end_reason = Call.State.ENDED, at, reason[:24]
    call.alone_since = None
    if was in (Call.State.QUEUED, Call.State.MENU, Call.State.VOICEMAIL) and _waits(call):
        # Left before anybody came: to be called back by whoever finds it in the list.
        queue.abandon(call.conversation, at=at, follow_up=True)
    open_parties = list(call.parties.filter(left_at__isnull=True).select_related("user"))
    for party in open_parties:
        party.call = call
        out(party, "call_ended", at=at)
    if lost is not None:
        start_wrap_up(call, lost, at=at)
    commands.close(call)
    # Of a call to which no agent came, and for which no patient's phone rang, nothing is said.
    came = call.sid or any(party.joined_at for party in call.parties.all())
    calls.end(
        call.leg,
        at=at,
        quiet=call.callback_id is not None and not came,
        reason=reason[:32],
        seconds=round((at - call.started_at).total_seconds()),
        left_something=was == Call.State.VOICEMAIL,
        **({"talked": round((at - call.answered_at).total_seconds())} if call.answered_at else {}),
    )
    callbacks.call_ended(call, at=at)
    if was != Call.State.VOICEMAIL:  # A message is seen to when it has come (voicemail.py).
        _leave_to_the_list(call, at)


def _leave_to_the_list(call: Call, at: datetime) -> None:
    """What was given back while its patient was on the line is work for somebody from now on."""
    [conversation] = lock([call.conversation_id])
    if conversation.holder_id is None and conversation.status == Conversation.Status.OPEN:
        queue.enter_again(conversation, at=at, place_since=conversation.waiting_since)


def out(party: Party, why: str, *, at: datetime) -> None:
    """Take a party out of the rows; who had the patient is left to their notes, others are free."""
    led = (
        party.kind == Party.Kind.AGENT
        and party.state == Party.State.JOINED
        and not party.is_consulted
    )
    parties.leave(party, why, at=at)
    if led:
        start_wrap_up(party.call, party, at=at)
    elif party.user_id:
        free(party.user_id, at=at)


def give_up_waiting(call: Call, *, at: datetime) -> None:
    """End the caller's wait, if they still wait: they go another way than to an agent."""
    if _waits(call):
        queue.go_elsewhere(call.conversation, at=at)


def _waits(call: Call) -> bool:
    """Whether the caller's own wait runs (a promise to call back outlives the call)."""
    return wait_of(call) is not None


def agent_did_not_come(call: Call, party: Party, why: str, *, at: datetime) -> None:
    """An agent's phone rang and was not answered: the next one is asked."""
    assert party.user is not None
    if call.state == Call.State.QUEUED:
        _end_offer(call, party, why, at)
        wait_on(call, party, at=at)
    elif call.state == Call.State.DIALLING and not parties.agents_in(call):
        _end_offer(call, party, why, at)
        end(call, "agent_did_not_come", at=at)
    elif party.is_consulted:
        calls.note(
            call.conversation, "colleague_did_not_come", at=at, leg=call.leg, to=party.user_id
        )
    else:
        return  # Their line was lost, and they do not come back yet: they are still awaited.
    # Also who took a caller from the list while they had notes to write, and was done with them.
    free(party.user.pk, at=at)


def end_deserted(call_id: int) -> None:
    """End a call out whose agent was let go before they came to the phone."""
    with transaction.atomic():
        call = locked_by_id(call_id)
        waited_for = call.parties.filter(kind=Party.Kind.AGENT, left_at__isnull=True)
        if call.state == Call.State.DIALLING and not waited_for.exists():
            end(call, "agent_did_not_come", at=timezone.now())
            call.save()


def _end_offer(call: Call, party: Party, why: str, at: datetime) -> None:
    """End the offer for which an agent's phone rang in vain."""
    assert party.user is not None
    offer = Offer.objects.filter(
        queue_entry__conversation_id=call.conversation_id,
        agent=party.user,
        ended_at__isnull=True,
    ).first()
    if offer is None:
        return
    if why in REJECTED:
        offers.refuse(offer, party.user, at=at)
    else:
        offers.not_answered(offer, at=at)


def wait_on(call: Call, missed: Party, *, at: datetime) -> None:
    """Let a caller wait on whose conversation somebody took, who does not come to the phone.

    If it has gone to somebody else since, they are asked first.
    """
    if not _waits(call):
        department = call.conversation.department
        held_by = calls.needs_person(call.conversation, department, call.leg, at=at)
        prefer = None if held_by == missed.user_id else held_by
        line_up_again(call, department, at=at, prefer=prefer)


def start_wrap_up(call: Call, party: Party, *, at: datetime) -> None:
    """Leave an agent to their notes; they are offered nothing until they are done."""
    assert party.user_id is not None
    wrap_up, is_new = WrapUp.objects.get_or_create(
        user_id=party.user_id,
        done_at=None,
        defaults={"call": call, "started_at": at, "until": at + WRAP_UP},
    )
    if not is_new:
        return
    capacity.occupy(party.user_id, until=wrap_up.until)
    log_events(
        call.conversation,
        Happened(
            ContactEvent.Kind.WRAP_UP_STARTED,
            at,
            call.leg,
            agent_id=party.user_id,
            interval=wrap_up.interval,
        ),
    )
    parties.tell(party.user_id)


def free(user_id: int, *, at: datetime) -> None:
    """Let somebody be offered contacts again, unless a call or the notes on one still have them.

    Also one to which their lost line is to return has them.
    """
    if Party.objects.filter(user_id=user_id, left_at__isnull=True).exists():
        return
    if parties.is_awaited(user_id):
        return
    notes = WrapUp.objects.filter(user_id=user_id, done_at=None).first()
    if notes is None:
        capacity.release(user_id, at=at)
    else:
        capacity.occupy(user_id, until=notes.until)


def finish_wrap_up(user: User, *, reason: str = "", outcome: str = "") -> WrapUp | None:
    """Note that `user` is done with their notes, and free; None where there was nothing open."""
    with transaction.atomic():
        wrap_up = _open_wrap_up(user.pk)
        if wrap_up is None:
            return None
        now = timezone.now()
        _finish(wrap_up, now, reason=reason, outcome=outcome)
    return wrap_up


def put_notes_aside(user_id: int, *, at: datetime) -> None:
    """End the wrap-up of an earlier call, since its person is on the phone again."""
    wrap_up = _open_wrap_up(user_id)
    if wrap_up is not None:
        _finish(wrap_up, at)


def _open_wrap_up(user_id: int) -> WrapUp | None:
    return (
        WrapUp.objects.select_for_update(of=("self",), no_key=True)
        .select_related("call__conversation", "call__leg")
        .filter(user_id=user_id, done_at=None)
        .first()
    )


def finish_due_wrap_ups(now: datetime | None = None) -> int:
    """End those whose time is over; return how many."""
    now = now or timezone.now()
    finished = 0
    for pk in list(
        WrapUp.objects.filter(done_at=None, until__lte=now).values_list("pk", flat=True)
    ):
        with transaction.atomic():
            wrap_up = (
                WrapUp.objects.select_for_update(of=("self",), no_key=True)
                .select_related("call__conversation", "call__leg")
                .filter(pk=pk, done_at=None)
                .first()
            )
            if wrap_up is not None:
                _finish(wrap_up, now)
                finished += 1
    return finished


def _finish(wrap_up: WrapUp, now: datetime, *, reason: str = "", outcome: str = "") -> None:
    wrap_up.done_at, wrap_up.reason, wrap_up.outcome = now, reason, outcome
    wrap_up.save()
    log_events(
        wrap_up.call.conversation,
        Happened(
            ContactEvent.Kind.WRAP_UP_ENDED,
            now,
            wrap_up.call.leg,
            agent_id=wrap_up.user_id,
            reason=reason,
            interval=wrap_up.interval,
        ),
    )
    if reason or outcome:
        calls.note(
            wrap_up.call.conversation,
            "wrapped_up",
            at=now,
            leg=wrap_up.call.leg,
            by=wrap_up.user,
            reason=reason,
            outcome=outcome,
        )
    free(wrap_up.user_id, at=now)
    parties.tell(wrap_up.user_id)
