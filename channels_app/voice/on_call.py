"""Who is on a call and may steer it: asked by each of the desk's actions, under the call's lock."""

from uuid import UUID

from channels_app.voice import errors
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import patient_in
from channels_app.voice.questions import locked_by_id
from hub.staff.models import User


def locked(call: UUID) -> Call:
    """Return a call, locked, and its contact point before it. Raises NotOnThisCall for no such."""
    known = Call.objects.filter(uuid=call).values_list("pk", "contact_point_id").first()
    if known is None:
        raise errors.NotOnThisCall
    return locked_by_id(*known)


def own_party(call: Call, by: User) -> Party | None:
    """Return the line that `by` has in the call now, whether it rings or is in the room."""
    return call.parties.filter(user=by, left_at__isnull=True, leaving=False).first()


def last_party(call: Call, by: User) -> Party:
    """Return the last line that `by` had in the call. Raises NotOnThisCall where they had none."""
    last = call.parties.filter(user=by).order_by("-pk").first()
    if last is None:
        raise errors.NotOnThisCall
    return last


def require_agent(call: Call, by: User) -> Party:
    """Return the line of `by`, who speaks with the patient or is asked to.

    Raises CallOver where they were on the call and it has ended; else NotOnThisCall.
    """
    party = last_party(call, by)
    if call.state == Call.State.ENDED:
        raise errors.CallOver
    if (
        party.kind != Party.Kind.AGENT
        or party.state != Party.State.JOINED
        or party.leaving
        or party.left_at is not None
    ):
        raise errors.NotOnThisCall
    return party


def require_lead(call: Call, by: User) -> Party:
    """Return the line of `by`, who leads the call: not one who is only asked to take it over.

    Raises CallOver, NotOnThisCall.
    """
    party = require_agent(call, by)
    if party.is_consulted:
        raise errors.NotOnThisCall
    return party


def require_patient(call: Call) -> Party:
    """Return the patient's line in the room. Raises NotConnected."""
    patient = patient_in(call)
    if call.state != Call.State.ROOM or patient is None:
        raise errors.NotConnected
    return patient
