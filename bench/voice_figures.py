"""What the hub made of a crowd of calls: its rows and its event log, held against one another."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import Q
from django.utils import timezone

from bench.crowd import Desk
from channels_app.voice import ending, tokens
from channels_app.voice.models import Call, MenuItem, Party, PhoneLine
from hub.conversations.models import Channel, ContactEvent, HubAddress
from hub.routing.models import QueueEntry
from hub.staff.models import Department, Membership, Tab, User
from hub.staff.presence import open_tab

Kind = ContactEvent.Kind

#: How each outcome of a wait stands in the event log.
ENDS = {
    QueueEntry.Outcome.ACCEPTED: Kind.QUEUE_ACCEPTED,
    QueueEntry.Outcome.ABANDONED: Kind.QUEUE_ABANDONED,
    QueueEntry.Outcome.CALLED_BACK: Kind.QUEUE_CALLED_BACK,
    QueueEntry.Outcome.OVERFLOWED: Kind.QUEUE_OVERFLOWED,
}


@dataclass(frozen=True, slots=True)
class Clinic:
    """A department with a phone line, and the agents at it."""

    department: Department
    agents: list[User]


def open_clinic(number: str, agents: int) -> Clinic:
    """Make a department with a line at `number`, a menu, and `agents` whose consoles are open."""
    department = Department.objects.create(name="Telephone bench", slug="telephone-bench")
    address = HubAddress.objects.create(
        channel=Channel.VOICE, value=number, label="Bench", department=department
    )
    line = PhoneLine.objects.create(hub_address=address, languages=["en"])
    for digit, action in (("1", MenuItem.Action.DEPARTMENT), ("8", MenuItem.Action.VOICEMAIL)):
        MenuItem.objects.create(
            line=line,
            digit=digit,
            action=action,
            department=department,
            label={"en": f"choice {digit}"},
        )
    people = []
    for n in range(agents):
        user = User.objects.create_user(f"desk{n}@example.org", name=f"Desk {n}")
        Membership.objects.create(user=user, department=department)
        tab = open_tab(user, "")
        Tab.objects.filter(pk=tab.pk).update(until=timezone.now() + timedelta(hours=1))
        people.append(user)
    return Clinic(department, people)


def desk_of(user: User) -> Desk:
    """Return an agent's place in the crowd: after each call they are done with it at once."""
    return Desk(tokens.phone_token(user).token, _finisher(user))


def _finisher(user: User) -> Callable[[], None]:
    def finish() -> None:
        try:
            for _ in range(40):
                if ending.finish_wrap_up(user, reason="bench", outcome="bench"):
                    return
                time.sleep(0.1)
        finally:
            connection.close()
            close_old_connections()

    return finish


def wait_until_quiet(seconds: float = 60) -> bool:
    """Wait until no call runs; return whether that came about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not Call.objects.filter(ended_at__isnull=True).exists():
            return True
        time.sleep(0.2)
    return False


def stuck_entries() -> int:
    """How many waits of callers have no end. What is left to be read or rung later is none."""
    return QueueEntry.objects.filter(
        ended_at__isnull=True, kind=QueueEntry.Kind.LIVE, channel=Channel.VOICE
    ).count()


def people_in_two_calls() -> int:
    """How many times somebody's lines overlapped, by the rows."""
    overlaps = 0
    for user_id in Party.objects.exclude(user=None).values_list("user_id", flat=True).distinct():
        spans = sorted(
            Party.objects.filter(user_id=user_id, joined_at__isnull=False).values_list(
                "joined_at", "left_at"
            )
        )
        overlaps += sum(left is None or left > begins for (_, left), (begins, _) in pairwise(spans))
    return overlaps


def kpi_mismatch() -> list[str]:
    """Return what does not add up between waits and event log; empty when all of it does.

    Offered = answered + abandoned + called back + overflowed (a wait that another one gave rise to
    is not offered again), and each wait's time is the same in both, to the second.
    """
    wrong = []
    # A message or a wish left without waiting is work, and no contact that was offered.
    first = QueueEntry.objects.filter(parent=None, channel=Channel.VOICE, kind=QueueEntry.Kind.LIVE)
    ended = {outcome: first.filter(outcome=outcome).count() for outcome in ENDS}
    others = first.exclude(outcome__in=ENDS).count()
    if first.count() != sum(ended.values()) + others or others:
        wrong.append(f"offered {first.count()}, ended {ended}, otherwise {others}")
    for entry in QueueEntry.objects.filter(ended_at__isnull=False):
        wrong += _of_wait(entry)
    for interval in ("talk", "hold", "wrap_up"):
        wrong += _of_intervals(f"{interval}_started", f"{interval}_ended")
    return wrong


def _of_wait(entry: QueueEntry) -> list[str]:
    events = dict(
        ContactEvent.objects.filter(
            Q(kind=Kind.QUEUE_ENTERED) | Q(kind__in=[*ENDS.values(), Kind.QUEUE_WITHDRAWN]),
            queue_entry_id=entry.pk,
        ).values_list("kind", "at")
    )
    began: datetime | None = events.pop(Kind.QUEUE_ENTERED.value, None)
    over: dict[Any, datetime] = events
    if began is None or len(over) != 1 or entry.ended_at is None:
        return [f"wait {entry.pk}: {sorted(over)}"]
    [(kind, at)] = over.items()
    wanted = ENDS.get(QueueEntry.Outcome(entry.outcome), Kind.QUEUE_WITHDRAWN)
    if kind != wanted:
        return [f"wait {entry.pk}: {entry.outcome} stands as {kind}"]
    if round((at - began).total_seconds()) != round(
        (entry.ended_at - entry.entered_at).total_seconds()
    ):
        return [f"wait {entry.pk}: its time differs"]
    return []


def _of_intervals(started: str, ended: str) -> list[str]:
    begun = set(ContactEvent.objects.filter(kind=started).values_list("interval", flat=True))
    over = list(ContactEvent.objects.filter(kind=ended).values_list("interval", flat=True))
    if begun != set(over) or len(over) != len(set(over)):
        return [f"{started} {len(begun)}, {ended} {len(over)} ({len(set(over))} apart)"]
    return []
