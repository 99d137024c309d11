"""Orders to the provider, written as rows of the outbox in the transaction that wants them.

An order names a row of ours and says nothing more: whoever carries it out reads what is wanted by
then (provider.py), so an order may be late, repeated, or overtaken by the next.
"""

from datetime import datetime
from enum import StrEnum

from channels_app.voice.models import Call, Party, Recording
from hub.conversations.actions.outbox import write_order
from hub.conversations.models import Delivery


class Do(StrEnum):
    """What an order is about; in `Delivery.detail`."""

    RING = "ring"  # ring a party into its call's room
    RING_PATIENT = "ring_patient"  # ring the patient of a call out
    MOVE = "move"  # bring the patient's line to where the call's state says
    SET = "set"  # hold, mute, coach or take out a party, as its row says
    CLOSE = "close"  # end the room and every line in it
    ANNOUNCE = "announce"  # tell a party that the call is recorded
    RECORD = "record"  # start, pause, go on with or stop a recording


def ring(party: Party, *, until: datetime) -> None:
    """Have the party's phone rung, if it is still wanted when its turn comes."""
    write_order(
        Delivery.Kind.CALL,
        party.call.leg,
        {"do": Do.RING.value, "party": party.pk},
        not_after=until,
    )


def ring_patient(call: Call, *, until: datetime) -> None:
    """Have the patient's phone rung."""
    write_order(
        Delivery.Kind.CALL,
        call.leg,
        {"do": Do.RING_PATIENT.value, "call": call.pk, "patient": True},
        not_after=until,
    )


def move(call: Call) -> None:
    """Have the patient's line fetch its next document, which goes by the call's state.

    The caller saves the call: an order that is older than `call.moves` is void.
    """
    call.moves += 1
    write_order(
        Delivery.Kind.COMMAND,
        call.leg,
        {"do": Do.MOVE.value, "call": call.pk, "move": call.moves},
    )


def set_party(party: Party) -> None:
    """Have the party's line brought to what its row says."""
    write_order(Delivery.Kind.COMMAND, party.call.leg, {"do": Do.SET.value, "party": party.pk})


def announce(party: Party) -> None:
    """Have the party told that the call is recorded."""
    write_order(Delivery.Kind.COMMAND, party.call.leg, {"do": Do.ANNOUNCE.value, "party": party.pk})


def close(call: Call) -> None:
    """Have every line of the call ended."""
    write_order(Delivery.Kind.COMMAND, call.leg, {"do": Do.CLOSE.value, "call": call.pk})


def record(recording: Recording) -> None:
    """Have the recording brought to what its row wants."""
    write_order(
        Delivery.Kind.COMMAND,
        recording.call.leg,
        {"do": Do.RECORD.value, "recording": recording.pk},
    )
