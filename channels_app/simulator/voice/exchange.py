"""The telephone exchange: every call, room, queue and recording, and the words with the hub."""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import format_datetime
from typing import Any

from ..chaos import Chaos
from ..clock import Clock
from ..events import Broadcaster
from ..store import Attempt, Store
from ..webhooks import Answer, Dispatcher, Webhook, describe
from .devices import Devices
from .leg import CLIENT, Leg, Source
from .lines import Lines
from .media import Sounds
from .model import Conference, Queue
from .recordings import Recording
from .views import show_leg, show_line

VERSION = "2010-04-01"
#: Calls and recordings kept at most, so that a simulator left running for weeks stays small.
LEGS_KEPT = 20_000
CONFERENCES_KEPT = 5_000
RECORDINGS_KEPT = 2_000

Fields = list[tuple[str, str]]


class Exchange:
    """The virtual telephone network around one simulated account."""

    def __init__(
        self,
        account_sid: str,
        store: Store,
        chaos: Chaos,
        clock: Clock,
        dispatcher: Dispatcher,
        events: Broadcaster,
    ) -> None:
        self.account_sid = account_sid
        self.store = store
        self.chaos = chaos
        self.clock = clock
        self.dispatcher = dispatcher
        self.events = events
        self.legs: dict[str, Leg] = {}
        self.conferences: dict[str, Conference] = {}
        #: Those that have not ended, by name.
        self.open_rooms: dict[str, Conference] = {}
        self.queues: dict[str, Queue] = {}
        self.recordings: dict[str, Recording] = {}
        self.devices = Devices()
        self.lines = Lines(clock)
        self.sounds = Sounds(dispatcher)

    # Calls ---------------------------------------------------------------------------------------

    def new_leg(self, direction: str, from_: str, to: str, outside: str, **more: Any) -> Leg:
        """A new call leg, known from now on."""
        leg = Leg(
            sid=self.store.new_sid("CA"),
            clock=self.clock,
            direction=direction,
            from_=from_,
            to=to,
            outside=outside,
            created=self.clock.now(),
            tell=self._tell_page,
            **more,
        )
        self.legs[leg.sid] = leg
        if len(self.legs) > LEGS_KEPT:
            _forget_oldest(self.legs)
        return leg

    def going_on(self) -> list[Leg]:
        """The calls that are not over."""
        return [leg for leg in self.legs.values() if not leg.over]

    def keep_conference(self, room: Conference) -> None:
        """Keep a new conference; the oldest that are over go when there are too many."""
        self.conferences[room.sid] = self.open_rooms[room.name] = room
        if len(self.conferences) > CONFERENCES_KEPT:
            _forget_oldest(self.conferences)

    def keep_recording(self, recording: Recording) -> None:
        """Keep a recording; the oldest go when there are too many."""
        self.recordings[recording.sid] = recording
        while len(self.recordings) > RECORDINGS_KEPT:
            del self.recordings[next(iter(self.recordings))]

    def show(self, leg: Leg) -> None:
        """Tell pages that a call changed."""
        leg.updated = self.clock.now()
        leg.revision += 1
        self._tell_page(leg, "call", {})

    def _tell_page(self, leg: Leg, kind: str, content: dict[str, Any]) -> None:
        if kind == "heard":
            line = content["line"]
            self.events.publish("heard", sid=leg.sid, phone=leg.outside, line=show_line(line))
            self.devices.tell_heard(leg, line)
        else:
            self.events.publish("call", call=show_leg(leg))

    # Words with the hub ---------------------------------------------------------------------------

    def parameters(self, leg: Leg, status: str = "") -> Fields:
        """The fields of every webhook about a call, empty ones included as Twilio has them."""
        fields = [
            ("CallSid", leg.sid),
            ("AccountSid", self.account_sid),
            ("From", leg.from_),
            ("To", leg.to),
            ("Caller", leg.from_),
            ("Called", leg.to),
            ("CallStatus", status or leg.status),
            ("Direction", leg.direction),
            ("ApiVersion", VERSION),
        ]
        if leg.parent is not None:
            fields.append(("ParentCallSid", leg.parent.sid))
        if leg.answered_by is not None:
            fields.append(("AnsweredBy", leg.answered_by))
        for side, number in (("From", leg.from_), ("To", leg.to)):
            if not number.startswith(CLIENT):
                again = {"From": "Caller", "To": "Called"}[side]
                for name in (side, again):
                    places = (("City", ""), ("State", ""), ("Zip", ""), ("Country", "US"))
                    fields += [(name + place, value) for place, value in places]
        return fields

    async def ask(self, leg: Leg, source: Source, more: Iterable[tuple[str, str]] = ()) -> Answer:
        """Ask the hub what to do with a call."""
        return await self.dispatcher.ask(
            Webhook(
                kind="question",
                label=source.label,
                url=source.url,
                method=source.method,
                parameters=[*self.parameters(leg), *source.fields, *more],
                phone=self.patient(leg),
            )
        )

    def ask_in_passing(self, leg: Leg, source: Source) -> None:
        """Ask a question whose answer no longer matters, as the call went elsewhere or ended."""
        self.clock.spawn(self.ask(leg, source))

    def tell(
        self, kind: str, label: str, leg: Leg | None, fields: Fields, url: str, **more: Any
    ) -> None:
        """Tell the hub of an event; ``after`` keeps the order among those of one key."""
        phone = self.patient(leg) if leg is not None else ""
        self.dispatcher.post(Webhook(kind, label, url, fields, phone, **more))

    def warn(self, leg: Leg, url: str, outcome: str) -> None:
        """Put a line into the webhook log, as Twilio's debugger would."""
        attempt = Attempt(
            number=self.store.next_attempt_number(),
            at=self.clock.now(),
            kind="warning",
            label="answer not understood",
            url=url,
            method="",
            parameters=[("CallSid", leg.sid)],
            token="",
            try_number=1,
            outcome=outcome,
        )
        self.store.attempts.append(attempt)
        self.events.publish("webhook", webhook=describe(attempt))

    def timestamp(self) -> str:
        """Now, as webhooks write it."""
        return format_datetime(self.clock.now())

    def patient(self, leg: Leg) -> str:
        """The far end of a call, or of the one that it belongs to, when that is a number."""
        if leg.identity and leg.parent is not None:
            return leg.parent.outside
        return leg.outside


def _forget_oldest(kept: dict[str, Any]) -> None:
    """Drop the oldest that is over; what still goes on is never dropped."""
    oldest = next((sid for sid, known in kept.items() if known.over), None)
    if oldest is not None:
        del kept[oldest]
