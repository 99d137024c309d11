"""A patient's line goes from the room back into the queue, with music all the way."""

from datetime import datetime

from channels_app.voice import commands, ending, recordings
from channels_app.voice.lining_up import line_up_again
from channels_app.voice.models import Call, Party
from hub.conversations.actions import calls
from hub.staff.models import Department, User


def queue_again(
    call: Call,
    department: Department,
    *,
    at: datetime,
    why: str,
    by: User | None = None,
    prefer: User | None = None,
) -> None:
    """Let the patient of a call wait for `department`, at the place that the call had first.

    Everybody else's line ends with the room; those who still ring are called off. The room ends
    when the patient's line leaves it (twiml.room), so nobody is hung up on before the patient hears
    music. `call` is locked, and saved by the caller.

    Args:
        call: whose patient is in the room.
        department: who is to answer next.
        at: when.
        why: how the others' lines end, as a code.
        by: who hands the patient over; None where their agent was lost, who is then asked first.
        prefer: who is to be asked first.
    """
    held_by = calls.needs_person(call.conversation, department, call.leg, at=at, by=by)
    for party in call.parties.filter(left_at__isnull=True):
        rings = party.state != Party.State.JOINED
        ending.out(party, why, at=at)
        if rings:
            commands.set_party(party)
    asked_first = prefer.pk if prefer else None if by else held_by
    line_up_again(call, department, at=at, prefer=asked_first)
    call.state, call.alone_since = Call.State.QUEUED, None
    # The next room is a new one at the provider.
    call.conference_sid = ""
    recordings.follow(call)
    commands.move(call)
