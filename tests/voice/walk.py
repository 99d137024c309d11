"""A walk through what patients, lines and people do, in an order that dice choose.

Each step does one of the things that can happen now, so that a walk comes as far as handovers and
their ends; now and then it does something that nobody should, or tells an event twice or late.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from django.db.models import Prefetch
from django.utils import timezone

from channels_app.voice import (
    calling_back,
    commands,
    desk,
    ending,
    events,
    handover,
    outbound,
    placing,
    reconcile,
    rooms,
    supervise,
    waiting,
)
from channels_app.voice.lining_up import wait_of
from channels_app.voice.models import Call, Party, WrapUp
from hub.conversations.actions import holder
from hub.conversations.errors import ConversationError
from hub.conversations.models import Conversation
from hub.routing import offers, queue
from hub.routing.models import Offer, QueueEntry, Readiness
from hub.staff.models import Department, Membership, User
from tests.factories import UserFactory
from tests.voice.floor import Floor, new_sid

NUMBERS = ("+15550100501", "+15550100502")
GUEST = "+15550100900"
#: The ends of a line, in the provider's words.
ENDS = ("completed", "busy", "no-answer", "canceled")

#: How much more likely is what was not done before.
NEW = 5

Deed = Callable[[], object]
Option = tuple[float, str, Deed]
State, Kind = Call.State, Party.Kind


@dataclass
class Walk:
    """One clinic, and what is done in it.

    Attributes:
        did: what was done, and how often; by the walks before as well, since what was never done is
            more likely.
        refused: how often a person was told that they cannot do so.
        trail: what was done, in order.
    """

    seed: int
    did: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    trail: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.floor = floor = Floor()
        self.dora: User = UserFactory(name="Dora Clerk", departments=[floor.billing])
        self.staff = [floor.ana, floor.ben, floor.cleo, self.dora, floor.sue]
        Membership.objects.create(user=floor.sue, department=floor.billing)
        floor.arrive(*self.staff)
        floor.record_calls(floor.front)
        self.look()

    def look(self) -> None:
        """See which calls run, and who is on them."""
        everybody = Party.objects.select_related("user").order_by("pk")
        self.calls = list(
            Call.objects.filter(ended_at=None)
            .select_related("conversation", "contact_point")
            .prefetch_related(Prefetch("parties", queryset=everybody))
            .order_by("pk")
        )

    def step(self) -> None:
        """Do one of the things that can happen now."""
        options = list(self.options())
        weights = [weight * (1 if self.did[what] else NEW) for weight, what, _ in options]
        [(_, what, deed)] = self.dice.choices(options, weights)
        times = 2 if self.dice.random() < 0.25 else 1
        self.trail.append(f"{what} ×{times}")
        for _ in range(times):
            try:
                deed()
                self.did[what] += 1
            except ConversationError as refusal:
                self.refused += 1
                self.trail[-1] += f" ({type(refusal).__name__})"
        for call in Call.objects.filter(state=State.DIALLING):
            ending.end_deserted(call.pk)  # what follows the commit of an offer's end
        self.look()

    def finish(self) -> None:
        """Everybody hangs up, and is done with their notes."""
        for call in self.calls:
            ending.line_ended(call.pk, "completed")
        self._notes_are_done()
        self.look()

    # --- What can happen ---

    def options(self) -> Iterator[Option]:
        """Yield what can happen now: how likely it is, its name, and how it is done."""
        yield from self._of_the_clinic()
        for call in self.calls:
            yield from self._of_patient(call)
            for party in open_parties(call):
                yield from self._of_line(call, party)
            if call.state == State.QUEUED:
                yield from self._of_waiting(call)
            if call.state == State.ROOM:
                yield from self._of_room(call)
            if call.state == State.DIALLING and any(map(is_joined, open_parties(call))):
                yield 6, "reached", partial(self._reached, call)
                yield 1, "not reached", partial(ending.line_ended, call.pk, "no-answer")

    def _of_the_clinic(self) -> Iterator[Option]:
        on_the_line = {call.contact_point.value for call in self.calls if call.sid}
        for number in NUMBERS:
            # Who redials is here before we are told that they had hung up; and families share one.
            yield (
                (0.2, "a second call of a number", partial(self.floor.ring_in, number))
                if number in on_the_line
                else (3, "a call", partial(self.floor.ring_in, number))
            )
        open_offers = list(Offer.objects.filter(ended_at=None).select_related("agent"))
        waits = QueueEntry.objects.filter(ended_at=None).exclude(kind="follow_up")
        offered = {offer.queue_entry_id for offer in open_offers}
        found = [wait for wait in waits if wait.pk not in offered]
        if found and self._free():
            yield 5, "an offer", partial(self._offer, found[0])
        if WrapUp.objects.filter(done_at=None).exists():
            yield 2, "notes are done", self._notes_are_done
        for offer in open_offers:
            now = timezone.now()
            yield 0.5, "an offer runs out", partial(offers.expire_due, offer.until)
            yield 0.5, "an offer is refused", partial(offers.refuse, offer, offer.agent, at=now)
            yield 0.8, "an offer is accepted", partial(offers.accept, offer, offer.agent, at=now)
        yield 0.7, "a late event", self._late_event
        yield 0.5, "what nobody should", self._anything
        for conversation in Conversation.objects.filter(holder__isnull=False):
            if all(call.conversation_id != conversation.pk for call in self.calls):
                number = conversation.contact_point
                dial = partial(outbound.dial, conversation, number, by=conversation.holder)
                yield 1.5, "an agent dials", dial

    def _of_patient(self, call: Call) -> Iterator[Option]:
        over = partial(ending.line_ended, call.pk, "completed")
        if call.state != State.DIALLING:
            yield 0.2, "a patient hangs up", over
        if call.state in (State.QUEUED, State.ROOM):
            yield 0.3, "a line asks where to go", partial(self._place, call)
        if call.state == State.MENU:
            yield 4, "a patient leaves the menu", over
        if call.state == State.ROOM:
            yield 0.2, "a patient leaves the room", partial(rooms.patient_left, call.pk)
            if patient(call).leaving:
                yield 3, "their line has ended", over
            yield 0.3, "a patient came into the room", partial(rooms.patient_came, call.pk)

    def _of_line(self, call: Call, party: Party) -> Iterator[Option]:
        why = self.dice.choice(ENDS)
        if party.state != Party.State.JOINED:
            yield 6, "an answer", partial(self._answers, party)
            yield 1.2, "no answer", partial(self._does_not_answer, call, party, why)
            if party.user is not None:
                yield 0.4, "a ring is declined", partial(desk.hang_up, call.uuid, by=party.user)
        else:
            yield 0.6, "a line is lost", partial(rooms.left, party.pk, why)
            if party.kind == Kind.SUPERVISOR:
                yield 4, "a supervisor goes", partial(supervise.leave, call.uuid, by=party.user)
            elif party.user is not None:
                yield (
                    0.3 + party.is_consulted,
                    "an agent hangs up",
                    partial(desk.hang_up, call.uuid, by=party.user),
                )
        if party.kind == Kind.GUEST and (lead := leads(call)[:1]):
            remove = partial(handover.remove, party.uuid, by=lead[0].user)
            yield 2, "a guest is removed", remove
        order = {"do": commands.Do.SET.value, "party": party.pk}
        yield 0.2, "an order finds no line", partial(events.order_failed, order, "20404")

    def _of_waiting(self, call: Call) -> Iterator[Option]:
        conversation, to = call.conversation, self._other_department(call)
        user, sue = self.dice.choice(self._free(call) or self.staff), self.floor.sue
        give = partial(
            holder.assign, conversation, by=sue, expected_holder_id=conversation.holder_id
        )
        if wait_of(call) is not None:
            yield 1, "taken from the list", partial(holder.claim, conversation, user)
            yield 0.3, "given to somebody", partial(give, user)
            now = timezone.now()
            over = partial(queue.overflow, conversation, at=now, to_department=to)
            yield 0.3, "an overflow", over
            yield 0.7, "a callback is chosen", partial(self._chooses, call)
        else:
            yield 0.5, "taken from who was to come", partial(give, sue)
            yield 0.5, "given back by who was to come", partial(give, None)
            yield 0.2, "a digit too late", partial(self._chooses, call)
        move = partial(holder.move_to_department, conversation, to, by=sue, reason="moved")
        yield 0.3, "moved while waiting", move

    def _of_room(self, call: Call) -> Iterator[Option]:
        if call.alone_since is not None:
            yield 1, "time goes by", self._time_goes_by
            for party in list(call.parties.all())[-4:]:
                if party.user is not None:
                    yield 3, "an agent is back", partial(desk.ready, party.user)
                    over = partial(desk.hang_up, call.uuid, by=party.user)
                    yield 0.2, "who was lost hangs up", over
            return
        for lead in leads(call):
            assert lead.user is not None
            yield from self._of_lead(call, lead.user)

    def _of_lead(self, call: Call, by: User) -> Iterator[Option]:
        on = self.dice.random() < 0.5
        asked = [one for one in open_parties(call) if one.is_consulted]
        if not asked:
            to = self.dice.choice(self._free() or self.staff)
            yield 5, "a consult", partial(handover.consult, call.uuid, to, by=by)
            department = self.dice.choice([self.floor.front, self.floor.billing])
            send = partial(handover.to_department, call.uuid, department, by=by)
            yield 1.2, "handed to a department", send
            lose = partial(rooms.left, _party(call, by).pk, "completed")
            yield 1, "a line is lost", lose
            yield 1.5, "handed to a person", partial(handover.to_person, call.uuid, to, by=by)
        elif is_joined(asked[0]):
            yield 4, "a handover is completed", partial(handover.complete, call.uuid, by=by)
            yield 2, "who asks is lost", partial(rooms.left, _party(call, by).pk, "completed")
        else:
            yield 2, "who asks is lost", partial(rooms.left, _party(call, by).pk, "completed")
            yield 0.3, "completed too early", partial(handover.complete, call.uuid, by=by)
        if asked:
            yield 1.5, "a handover is given up", partial(handover.give_up, call.uuid, by=by)
        yield 0.4, "hold", partial(desk.hold, call.uuid, on, by=by)
        yield 0.8, "a recording is paused", partial(desk.pause_recording, call.uuid, on, by=by)
        yield 0.2, "a recording is refused", partial(desk.refuse_recording, call.uuid, by=by)
        guest = partial(handover.add_guest, call.uuid, GUEST, "interpreter", by=by)
        yield 0.7, "a guest is rung", guest
        mode = self.dice.choice(["listen", "whisper", "talk"])
        listen = partial(supervise.begin, call.uuid, mode, by=self.floor.sue)
        yield 1, "a supervisor comes", listen
        conversation, sue = call.conversation, self.floor.sue
        to_whom = self.dice.choice([sue, None])
        yield (
            0.3,
            "taken from who talks",
            partial(
                holder.assign,
                conversation,
                to_whom,
                by=sue,
                expected_holder_id=conversation.holder_id,
            ),
        )
        to_other = self._other_department(call)
        move = partial(holder.move_to_department, conversation, to_other, by=sue, reason="moved")
        yield 0.3, "moved while they talk", move

    # --- How it is done ---

    def _offer(self, wait: QueueEntry) -> None:
        QueueEntry.objects.filter(pk=wait.pk).update(not_before=None)
        self.floor.offer(wait.department)

    def _answers(self, party: Party) -> None:
        sid = party.sid or new_sid()
        rooms.rings(party.pk, sid)
        rooms.joined(party.pk, sid)
        if party.kind == Kind.AGENT and self.dice.random() < 0.7:
            rooms.patient_came(party.call_id)

    def _does_not_answer(self, call: Call, party: Party, why: str) -> None:
        if party.kind == Kind.AGENT and call.state == State.QUEUED and wait_of(call) is None:
            self.did["who took it did not come"] += 1
        rooms.rings(party.pk, party.sid or new_sid())
        rooms.left(party.pk, why)

    def _chooses(self, call: Call) -> None:
        """A digit is pressed in the queue."""
        fresh = Call.objects.select_related("conversation", "contact_point").get(pk=call.pk)
        said = str(waiting.choose(fresh, "1"))
        assert ("<Leave" in said) == (fresh.state == State.MENU)

    def _reached(self, call: Call) -> None:
        calling_back.reached(call.uuid, call.sid or new_sid())

    def _place(self, call: Call) -> None:
        placing.place(Call.objects.select_related("conversation").get(pk=call.pk))

    def _time_goes_by(self) -> None:
        long_ago = timezone.now() - rooms.RETURN_GRACE - timedelta(seconds=1)
        Call.objects.exclude(alone_since=None).update(alone_since=long_ago)
        reconcile.return_to_queue()

    def _notes_are_done(self) -> None:
        WrapUp.objects.filter(done_at=None).update(until=timezone.now())
        ending.finish_due_wrap_ups()

    def _late_event(self) -> None:
        """Something is told again of a line that has gone, or of a call that is over."""
        gone = list(Party.objects.exclude(left_at=None).exclude(kind=Kind.PATIENT))
        if gone:
            party = self.dice.choice(gone)
            sid = party.sid or new_sid()
            tell = self.dice.choice([rooms.rings, rooms.joined])
            tell(party.pk, sid)
            rooms.left(party.pk, "completed")
        over = list(Call.objects.exclude(ended_at=None))
        if over:
            call = self.dice.choice(over)
            rooms.patient_left(call.pk)
            rooms.patient_came(call.pk)
            ending.line_ended(call.pk, "completed")

    def _anything(self) -> None:
        """Somebody tries what is not theirs to do."""
        if not self.calls:
            return
        call, by, to = (self.dice.choice(one) for one in (self.calls, self.staff, self.staff))
        uuid = call.uuid
        tries: list[Deed] = [
            partial(desk.hang_up, uuid, by=by),
            partial(desk.hold, uuid, True, by=by),
            partial(desk.ready, by),
            partial(handover.to_department, uuid, self.floor.billing, by=by),
            partial(handover.to_person, uuid, to, by=by),
            partial(handover.consult, uuid, to, by=by),
            partial(handover.complete, uuid, by=by),
            partial(handover.give_up, uuid, by=by),
            partial(handover.add_guest, uuid, GUEST, "interpreter", by=by),
            partial(supervise.leave, uuid, by=by),
            partial(holder.claim, call.conversation, by),
        ]
        with suppress(ConversationError):
            self.dice.choice(tries)()

    def _free(self, call: Call | None = None) -> list[User]:
        """Who is on no call; of the department of `call`, if that is given."""
        busy = {one.user_id for each in self.calls for one in open_parties(each)}
        there = [one for one in self.staff if one.pk not in busy]
        if call is None:
            busy = set(Readiness.objects.filter(occupied=True).values_list("pk", flat=True))
            return [one for one in there if one.pk not in busy]
        members = Membership.objects.filter(department=call.conversation.department_id)
        ids = set(members.values_list("user_id", flat=True))
        return [one for one in there if one.pk in ids]

    def _other_department(self, call: Call) -> Department:
        floor = self.floor
        return floor.front if call.conversation.department_id == floor.billing.pk else floor.billing


# --- Who is on a call, as it was looked at ---


def open_parties(call: Call) -> list[Party]:
    """Who is on the call or rung for it, but for the patient."""
    return [one for one in call.parties.all() if one.left_at is None and one.kind != Kind.PATIENT]


def is_joined(party: Party) -> bool:
    return party.state == Party.State.JOINED


def leads(call: Call) -> list[Party]:
    """The agents who speak with the patient, and are not only asked."""
    return [
        one
        for one in open_parties(call)
        if one.kind == Kind.AGENT and is_joined(one) and not one.is_consulted
    ]


def patient(call: Call) -> Party:
    """The patient's line in the room."""
    [found] = [one for one in call.parties.all() if one.kind == Kind.PATIENT and not one.left_at]
    return found


def _party(call: Call, user: User) -> Party:
    return next(one for one in open_parties(call) if one.user_id == user.pk)
