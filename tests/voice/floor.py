"""A small clinic with telephones, for tests of running calls; the provider is played by hand.

What the provider would tell is told to the rooms directly; what it is ordered to do is read from
the outbox's rows.
"""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.db import transaction

from channels_app.voice import arriving, ending, rooms
from channels_app.voice.models import Call, Party, RecordingRule
from hub.conversations.models import Channel, ContactEvent, Delivery, Entry, HubAddress
from hub.routing import dispatch
from hub.routing.models import Readiness
from hub.staff import presence
from hub.staff.models import Department, Tab, User
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory

_numbers = count(1)
Kind, State = Party.Kind, Party.State

STARTS_AND_ENDS = {
    ContactEvent.Kind.TALK_STARTED: ContactEvent.Kind.TALK_ENDED,
    ContactEvent.Kind.HOLD_STARTED: ContactEvent.Kind.HOLD_ENDED,
}


def new_sid() -> str:
    """An id of a line, as the provider gives them."""
    return f"CA{next(_numbers):032x}"


@dataclass
class Floor:
    """Two departments; Ana and Ben answer the first, Cleo the second; Sue supervises the first."""

    front: Department = field(default_factory=lambda: DepartmentFactory(name="Front desk"))
    billing: Department = field(default_factory=lambda: DepartmentFactory(name="Billing"))

    def __post_init__(self) -> None:
        self.ana: User = UserFactory(name="Ana Agent", departments=[self.front])
        self.ben: User = UserFactory(name="Ben Agent", departments=[self.front])
        self.cleo: User = UserFactory(name="Cleo Clerk", departments=[self.billing])
        self.sue: User = UserFactory(
            name="Sue Supervisor", supervisor=True, departments=[self.front]
        )
        self.line: HubAddress = HubAddressFactory(channel=Channel.VOICE, department=self.front)

    # --- People and rules ---

    def arrive(self, *people: User) -> None:
        """Have these people open their consoles."""
        for one in people:
            presence.open_tab(one, f"session-{one.pk}")

    def go(self, *people: User) -> None:
        """Have these people close their consoles."""
        Tab.objects.filter(user__in=people).delete()

    def record_calls(self, department: Department) -> None:
        """Have a department's calls recorded."""
        RecordingRule.objects.create(department=department, records=True)

    # --- What the provider tells ---

    def ring_in(self, number: str = "+15550100142") -> Call:
        """A patient calls, and waits in the queue."""
        sid = new_sid()
        with transaction.atomic():
            arriving.arrive(sid, number, self.line.value)
        return Call.objects.get(sid=sid)

    def offer(self, department: Department | None = None) -> None:
        """Have what waits in a department offered."""
        dispatch.offer_next((department or self.front).pk)

    def join(self, user: User) -> Party:
        """The phone of `user` rings, and they answer."""
        party = Party.objects.get(user=user, left_at__isnull=True)
        sid = party.sid or new_sid()
        rooms.rings(party.pk, sid)
        rooms.joined(party.pk, sid)
        if Call.objects.get(pk=party.call_id).state == Call.State.ROOM:
            rooms.patient_came(party.call_id)
        party.refresh_from_db()
        return party

    def lose(self, user: User) -> None:
        """The line of `user` ends though they did not hang up."""
        rooms.left(Party.objects.get(user=user, left_at__isnull=True).pk, "completed")

    def miss(self, user: User) -> None:
        """The phone of `user` rings, and nobody takes it."""
        party = Party.objects.get(user=user, left_at__isnull=True)
        rooms.rings(party.pk, new_sid())
        rooms.left(party.pk, "busy")

    def guest_joins(self, guest: Party) -> None:
        """A guest answers."""
        rooms.joined(guest.pk, new_sid())
        guest.refresh_from_db()

    def patient_hangs_up(self, call: Call) -> None:
        """The patient's line ends."""
        ending.line_ended(call.pk, "completed")

    # --- What is so ---

    def talking(self, user: User | None = None, number: str = "+15550100142") -> Call:
        """A call that `user` (Ana) has answered."""
        user = user or self.ana
        if presence.presence_of([user.pk])[user.pk] == "offline":
            self.arrive(user)
        call = self.ring_in(number)
        self.offer()
        self.join(user)
        call.refresh_from_db()
        assert call.state == Call.State.ROOM, "the call was answered"
        return call


def orders(call: Call, do: str | None = None) -> list[dict[str, Any]]:
    """What the provider is ordered to do about a call, the oldest first."""
    found = Delivery.objects.filter(leg=call.leg).order_by("pk").values_list("detail", flat=True)
    return [one for one in found if one and do in (None, one["do"])]


def told(call: Call) -> list[str]:
    """What the timeline says happened in the call."""
    entries = Entry.objects.filter(leg=call.leg).order_by("number")
    return [str(one.detail.get("what")) for one in entries]


def party_of(call: Call, user: User) -> Party:
    """The last line of `user` in the call."""
    return call.parties.filter(user=user).order_by("-pk")[0]


def patient_of(call: Call) -> Party | None:
    """The patient's line in the room."""
    return call.parties.filter(kind=Kind.PATIENT, left_at__isnull=True).first()


def is_occupied(user: User) -> bool:
    """Whether nothing is offered to `user`."""
    return Readiness.objects.filter(pk=user.pk, occupied=True).exists()


def unfinished(call: Call) -> list[str]:
    """Which intervals of the event log have a start without an end, or the other way round."""
    wrong = []
    events = ContactEvent.objects.filter(leg=call.leg)
    for start, end in STARTS_AND_ENDS.items():
        begun = set(events.filter(kind=start).values_list("interval", flat=True))
        over = list(events.filter(kind=end).values_list("interval", flat=True))
        if set(over) != begun or len(over) != len(set(over)):
            wrong.append(start.value)
    return wrong
