"""Whatever lines and people do, in whatever order: no caller is left without a way on."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from channels_app.voice import (
    commands,
    desk,
    ending,
    events,
    handover,
    placing,
    provider,
    reconcile,
    rooms,
    supervise,
)
from channels_app.voice.models import Call, Party, WrapUp
from channels_app.voice.parties import agents_in, lost_agent, patient_in
from hub.conversations import errors
from hub.conversations.actions import holder
from hub.conversations.models import Conversation
from hub.routing.models import QueueEntry, Readiness
from hub.staff.models import User
from tests.voice.floor import Floor, new_sid, orders, unfinished

NUMBERS = ("+15550100501", "+15550100502")
GUEST = "+15550100900"

picks = st.integers(0, 5)
people = st.sampled_from(["ana", "ben", "cleo", "sue"])
#: The ends of a line, in the provider's words.
ends = st.sampled_from(["completed", "busy", "no-answer", "canceled", "20404"])


class Phones(RuleBasedStateMachine):
    """Two patients' phones, three agents, a supervisor, and the provider's events."""

    @initialize()
    def open_the_clinic(self) -> None:
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.floor = Floor()
        self.floor.arrive(self.floor.ana, self.floor.ben, self.floor.cleo, self.floor.sue)
        self.floor.record_calls(self.floor.front)
        # Most of what is to be broken begins with a call that runs.
        self.floor.go(self.floor.ben)
        self.floor.talking(self.floor.ana, NUMBERS[0])
        self.floor.arrive(self.floor.ben)

    def teardown(self) -> None:
        if hasattr(self, "atomic"):
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)
            connection.run_on_commit.clear()

    # --- Patients and the provider ---

    @rule(number=st.sampled_from(NUMBERS))
    def a_patient_calls(self, number: str) -> None:
        if not Call.objects.filter(contact_point__value=number, ended_at=None).exists():
            self.floor.ring_in(number)

    @rule()
    def what_waits_is_offered(self) -> None:
        self.floor.offer()
        self.floor.offer(self.floor.billing)

    @rule(pick=picks)
    def a_phone_is_answered(self, pick: int) -> None:
        """Also one that has been: events come twice, and after the end."""
        parties = Party.objects.exclude(kind=Party.Kind.PATIENT)
        open_first = list(parties.order_by("state", "-pk"))
        ringing = [one for one in open_first if one.state in ("wanted", "ringing")]
        found = (ringing or open_first)[pick % len(ringing or open_first) :] if open_first else []
        for party in found[:1]:
            sid = party.sid or new_sid()
            rooms.rings(party.pk, sid)
            rooms.joined(party.pk, sid)

    @rule(pick=picks, why=ends)
    def a_line_ends(self, pick: int, why: str) -> None:
        lines = list(Party.objects.filter(left_at=None).exclude(kind=Party.Kind.PATIENT))
        for party in lines[pick % len(lines) :][:1] if lines else []:
            rooms.left(party.pk, why)
            rooms.left(party.pk, why)

    @rule(pick=picks)
    def an_order_finds_no_line(self, pick: int) -> None:
        lines = list(Party.objects.filter(left_at=None))
        for party in lines[pick % len(lines) :][:1] if lines else []:
            events.order_failed({"do": commands.Do.SET.value, "party": party.pk}, "20404")

    @rule(pick=picks, hears=st.booleans())
    def a_patient_leaves_the_room(self, pick: int, hears: bool) -> None:
        """What the room tells of that comes before, or after, what the line does."""
        for call in self._calls(pick):
            rooms.patient_left(call.pk)
            if hears:
                ending.line_ended(call.pk, "completed")

    @rule(pick=picks)
    def a_patient_hangs_up(self, pick: int) -> None:
        for call in self._calls(pick):
            ending.line_ended(call.pk, "completed")

    @rule(pick=picks)
    def a_line_asks_where_to_go(self, pick: int) -> None:
        for call in self._calls(pick):
            if call.state in ("queued", "room"):
                placing.place(call)

    @rule()
    def time_goes_by(self) -> None:
        reconcile.return_to_queue(timezone.now() + rooms.RETURN_GRACE + timedelta(seconds=1))

    @rule()
    def notes_are_done(self) -> None:
        ending.finish_due_wrap_ups(timezone.now() + ending.WRAP_UP + timedelta(seconds=1))

    # --- The desk ---

    @rule(pick=picks, who=people)
    def hang_up(self, pick: int, who: str) -> None:
        self._do(pick, lambda call, by: desk.hang_up(call.uuid, by=by), who)

    @rule(pick=picks, who=people, on=st.booleans())
    def hold(self, pick: int, who: str, on: bool) -> None:
        self._do(pick, lambda call, by: desk.hold(call.uuid, on, by=by), who)

    @rule(pick=picks, who=people, on=st.booleans())
    def pause(self, pick: int, who: str, on: bool) -> None:
        self._do(pick, lambda call, by: desk.pause_recording(call.uuid, on, by=by), who)

    @rule(pick=picks, who=people)
    def refuse(self, pick: int, who: str) -> None:
        self._do(pick, lambda call, by: desk.refuse_recording(call.uuid, by=by), who)

    @rule(pick=picks, who=people)
    def take_from_the_list(self, pick: int, who: str) -> None:
        self._do(pick, lambda call, by: holder.claim(call.conversation, by), who)

    @rule(who=people)
    def come_back(self, who: str) -> None:
        desk.ready(self._user(who))

    @rule(pick=picks, who=people, billing=st.booleans())
    def to_department(self, pick: int, who: str, billing: bool) -> None:
        to = self.floor.billing if billing else self.floor.front
        self._do(pick, lambda call, by: handover.to_department(call.uuid, to, by=by), who)

    @rule(pick=picks, who=people, to=people)
    def to_person(self, pick: int, who: str, to: str) -> None:
        user = self._user(to)
        self._do(pick, lambda call, by: handover.to_person(call.uuid, user, by=by), who)

    @rule(pick=picks, to=people)
    def consult(self, pick: int, to: str) -> None:
        user = self._user(to)
        self._lead(pick, lambda call, by: handover.consult(call.uuid, user, by=by))

    @rule(pick=picks)
    def complete(self, pick: int) -> None:
        self._lead(pick, lambda call, by: handover.complete(call.uuid, by=by))

    @rule(pick=picks)
    def give_up(self, pick: int) -> None:
        self._lead(pick, lambda call, by: handover.give_up(call.uuid, by=by))

    @rule(pick=picks, who=people)
    def add_guest(self, pick: int, who: str) -> None:
        role = "interpreter"
        self._do(pick, lambda call, by: handover.add_guest(call.uuid, GUEST, role, by=by), who)

    @rule(pick=picks, who=people)
    def remove_guest(self, pick: int, who: str) -> None:
        for guest in Party.objects.filter(kind=Party.Kind.GUEST).order_by("-pk")[:1]:
            self._do(pick, lambda call, by, one=guest: handover.remove(one.uuid, by=by), who)

    @rule(pick=picks, mode=st.sampled_from(["listen", "whisper", "talk"]))
    def supervise(self, pick: int, mode: str) -> None:
        self._do(pick, lambda call, by: supervise.begin(call.uuid, mode, by=by), "sue")

    @rule(pick=picks)
    def stop_supervising(self, pick: int) -> None:
        self._do(pick, lambda call, by: supervise.leave(call.uuid, by=by), "sue")

    # --- What must be so ---

    @invariant()
    def every_patient_has_music_or_a_person_and_a_way_on(self) -> None:
        for call in Call.objects.filter(ended_at=None).select_related("queue_entry"):
            patient = patient_in(call)
            if call.state == "queued":
                wait = call.queue_entry
                assert wait is not None and wait.kind == QueueEntry.Kind.LIVE
                assert wait.ended_at is None or self._rings(call, wait.accepted_by)
                assert patient is None
            elif call.state == "room":
                leads = [one for one in agents_in(call) if not one.is_consulted]
                assert patient is not None and patient.sid == call.sid
                if patient.leaving:
                    continue  # they hung up: the end of their line is on its way
                if call.alone_since is None:
                    assert len(leads) == 1
                    assert call.conversation.holder_id == leads[0].user_id
                else:
                    assert patient.held and lost_agent(call) is not None
                    assert agents_in(call) == []
            else:
                assert call.state == "menu"

    @invariant()
    def no_order_ends_the_line_of_a_patient_who_goes_on(self) -> None:
        for call in Call.objects.filter(ended_at=None):
            about = {one.get("party") for one in orders(call, "set")}
            for party in call.parties.filter(kind=Party.Kind.PATIENT, pk__in=about):
                assert not party.sid or party.leaving or "status" not in provider._wanted(party)

    @invariant()
    def what_began_has_ended_with_the_call(self) -> None:
        for call in Call.objects.exclude(ended_at=None):
            assert unfinished(call) == []
            assert not call.parties.filter(left_at=None).exists()
            assert call.conversation.holder_id is None or call.queue_entry is not None

    @invariant()
    def the_orders_end_whoever_left(self) -> None:
        """Who was taken out, and did not go by themself, is hung up on; or the room ended."""
        for party in Party.objects.filter(why_left__in=["given_up", "removed", "taken_over"]):
            assert {"do": "set", "party": party.pk} in orders(party.call)

    @invariant()
    def people_are_kept_free_for_what_they_do(self) -> None:
        lost = {
            agent.user_id
            for call in Call.objects.exclude(alone_since=None)
            if (agent := lost_agent(call)) is not None
        }
        busy = set(Readiness.objects.filter(occupied=True).values_list("pk", flat=True))
        noting = set(WrapUp.objects.filter(done_at=None).values_list("user_id", flat=True))
        on_the_phone = Party.objects.filter(left_at=None, user__isnull=False)
        joined = set(on_the_phone.filter(state="joined").values_list("user_id", flat=True))
        open_ones = set(on_the_phone.values_list("user_id", flat=True))
        assert joined | noting <= busy
        assert busy <= open_ones | noting | lost

    @invariant()
    def a_refused_recording_runs_for_nobody(self) -> None:
        for call in Call.objects.filter(recording_refused=True):
            assert not call.recordings.exclude(wanted="stopped").exists()

    @invariant()
    def the_phones_show_it(self) -> None:
        for name in ("ana", "ben", "cleo", "sue"):
            user = self._user(name)
            state = desk.state_of(user)
            has = Party.objects.filter(user=user, left_at=None, leaving=False).first()
            if has is not None:
                assert state is not None and state.call == has.call.uuid
                assert state.stage in ("ringing", "talking")

    # --- Means ---

    def _user(self, name: str) -> User:
        return getattr(self.floor, name)

    def _rings(self, call: Call, user: User | None) -> bool:
        return call.parties.filter(user=user, left_at=None).exists()

    def _calls(self, pick: int) -> list[Call]:
        calls = list(Call.objects.filter(ended_at=None).order_by("pk"))
        return calls[pick % len(calls) :][:1] if calls else []

    def _do(self, pick: int, deed: Callable[[Call, User], object], who: str) -> None:
        """Let somebody do something, twice, as with two presses; refusals are sentences."""
        for call in self._calls(pick) or list(Call.objects.order_by("-pk")[:1]):
            for _ in range(2):
                with suppress(errors.ConversationError):
                    deed(call, self._user(who))

    def _lead(self, pick: int, deed: Callable[[Call, User], object]) -> None:
        """The same by whoever leads the call."""
        for call in self._calls(pick):
            for name in ("ana", "ben", "cleo", "sue"):
                if any(one.user == self._user(name) for one in agents_in(call)):
                    self._do(pick, deed, name)


@pytest.mark.django_db
def test_any_order_leaves_nobody_on_the_line_without_a_way() -> None:
    run_state_machine_as_test(
        Phones,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            database=None,
            print_blob=False,
        ),
    )
    assert not Conversation.objects.exists(), "each run was rolled back"
