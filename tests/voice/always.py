"""What must be so after each thing that happens on the phone, whatever came before it."""

from channels_app.voice import desk
from channels_app.voice.lining_up import wait_of
from channels_app.voice.models import Call, Party, WrapUp
from channels_app.voice.parties import lost_agent
from hub.conversations.models import Assignment, ContactEvent, Conversation, Delivery
from hub.routing.models import Offer, QueueEntry, Readiness
from hub.staff.models import User
from tests.voice.floor import unfinished
from tests.voice.walk import State, is_joined, leads, open_parties, patient

Kind = Party.Kind
#: They were taken out of the room by us: an order must end their line.
TAKEN_OUT = ("given_up", "removed", "taken_over", "not_needed", "handed_over", "hung_up")


def every_patient_has_music_or_a_person_and_a_way_on(calls: list[Call]) -> None:
    """Who waits is in the queue, or a phone rings for them; who talks, talks with one agent."""
    for call in calls:
        if call.state == State.QUEUED:
            rung = [one for one in open_parties(call) if one.kind == Kind.AGENT]
            assert wait_of(call) is not None or rung, "nobody comes to who waits"
            assert not any(map(is_joined, rung)), "who answered is in the room with them"
            assert not any(
                one.kind == Kind.PATIENT and not one.left_at for one in call.parties.all()
            )
        elif call.state == State.ROOM:
            _has_somebody(call)
        elif call.state == State.DIALLING:
            assert open_parties(call), "nobody is there for whom we ring"
        else:
            assert call.state == State.MENU


def _has_somebody(call: Call) -> None:
    caller = patient(call)
    assert caller.sid == call.sid
    assert wait_of(call) is None, "who talks does not wait"
    if caller.leaving:
        return  # They hung up: the end of their line is on its way.
    if call.alone_since is not None:
        assert caller.held and lost_agent(call) is not None, "music, for whom somebody may return"
        assert not any(one.kind == Kind.AGENT and is_joined(one) for one in open_parties(call))
        return
    found = leads(call)
    assert len(found) == 1, "one agent leads the call"
    last = Assignment.objects.filter(conversation=call.conversation_id).order_by("-pk")[0]
    if last.reason in ("answered", "handed_over"):
        assert call.conversation.holder_id == found[0].user_id, "who speaks with them holds it"


def an_old_line_of_a_patient_is_forgotten(calls: list[Call]) -> None:
    """Their line goes on elsewhere, so no order to a place that it has left may find it."""
    for call in calls:
        for party in call.parties.all():
            assert party.kind != Kind.PATIENT or party.left_at is None or party.sid == ""


def talks_are_noted_as_they_are(calls: list[Call]) -> None:
    """Who leads a call talks since some moment; who is only asked does not."""
    events = ContactEvent.objects.filter(leg__in=[call.leg_id for call in calls])
    found = list(events.values_list("kind", "interval"))
    begun = {interval for kind, interval in found if kind == ContactEvent.Kind.TALK_STARTED}
    over = {interval for kind, interval in found if kind == ContactEvent.Kind.TALK_ENDED}
    talking = {one.uuid for call in calls for one in leads(call)}
    assert begun - over == talking and over <= begun


def what_began_has_ended_with_the_call(checked: set[int]) -> None:
    """Nobody is left in a call that is over, and its intervals are closed; each is asked once."""
    for call in Call.objects.exclude(ended_at=None).exclude(pk__in=checked):
        checked.add(call.pk)
        assert unfinished(call) == []
    late = Party.objects.filter(left_at=None).exclude(call__ended_at=None)
    assert not late.exists(), "nobody is left in a call that is over"


def no_work_is_forgotten(calls: list[Call]) -> None:
    """What is open and nobody's waits, or its patient is on the line."""
    waits = QueueEntry.objects.filter(ended_at=None).values("conversation_id")
    forgotten = Conversation.objects.filter(status="open", holder=None).exclude(pk__in=waits)
    assert not forgotten.exclude(pk__in=[call.conversation_id for call in calls]).exists()


def the_orders_end_whoever_was_taken_out() -> None:
    """Who was taken out, and did not go by themself, is hung up on."""
    told = set(Delivery.objects.filter(detail__do="set").values_list("detail__party", flat=True))
    closed = set(Delivery.objects.filter(detail__do="close").values_list("leg_id", flat=True))
    out = Party.objects.filter(why_left__in=TAKEN_OUT).values_list("pk", "call__leg_id", "why_left")
    for pk, leg, why in out:
        ends_with_the_room = why == "handed_over" or leg in closed
        assert pk in told or ends_with_the_room, f"{why} and not hung up on"


def people_are_kept_free_for_what_they_do(calls: list[Call]) -> None:
    """Who talks, notes or is awaited is offered nothing; everybody else is free."""
    lost = {
        agent.user_id
        for call in calls
        if call.alone_since is not None and (agent := lost_agent(call)) is not None
    }
    busy = set(Readiness.objects.filter(occupied=True).values_list("pk", flat=True))
    noting = set(WrapUp.objects.filter(done_at=None).values_list("user_id", flat=True))
    parties = [one for call in calls for one in open_parties(call)]
    there = {one.user_id for one in parties if one.user_id}
    joined = {one.user_id for one in parties if one.user_id and is_joined(one)}
    assert joined | noting | lost <= busy, "nobody is offered a second thing"
    assert busy <= there | noting | lost, "who does nothing is free"


def an_offered_call_rings() -> None:
    """An offer of a call is a phone that rings."""
    for offer in Offer.objects.filter(ended_at=None, fills=True).select_related("queue_entry"):
        ringing = Party.objects.filter(
            user=offer.agent_id,
            left_at=None,
            call__conversation=offer.queue_entry.conversation_id,
        )
        assert ringing.exists(), "an offer for which no phone rings"


def a_refused_recording_runs_for_nobody(calls: list[Call]) -> None:
    """Who refused is not recorded, wherever the call goes."""
    for call in calls:
        if call.recording_refused:
            assert not call.recordings.exclude(wanted="stopped").exists()


def the_phone_shows_it(user: User, calls: list[Call]) -> None:
    """The console shows what somebody's phone does."""
    has = [
        (call, one)
        for call in calls
        for one in open_parties(call)
        if one.user_id == user.pk and not one.leaving
    ]
    state = desk.state_of(user)
    if has:
        [(call, party)] = has
        assert state is not None and state.call == call.uuid
        assert (state.stage == "ringing") == (not is_joined(party))
    else:
        assert state is None or state.stage in ("alone", "wrap_up")


def nothing_is_left_to_do(user_ids: list[int]) -> None:
    """Everybody has hung up and is done with their notes: all are free."""
    assert not Party.objects.filter(left_at=None).exists()
    assert not WrapUp.objects.filter(done_at=None).exists()
    assert not Readiness.objects.filter(pk__in=user_ids, occupied=True).exists()
