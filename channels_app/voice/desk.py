"""What somebody at the desk does with the call that they are on.

Each is one transaction under the call's lock: pressed twice at once, the second finds it done.
"""

from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from channels_app.voice import commands, ending, errors, on_call, parties, recordings, rooms
from channels_app.voice.models import Party
from channels_app.voice.outbound import AGENT_SECONDS
from channels_app.voice.phone_state import Line, PhoneState, state_of
from hub.audit.record import AuditAction, record
from hub.conversations.actions import calls
from hub.staff.models import User

__all__ = [
    "Line",
    "Outcome",
    "PhoneState",
    "Reason",
    "hang_up",
    "hold",
    "pause_recording",
    "ready",
    "refuse_recording",
    "state_of",
]


class Reason(models.TextChoices):
    """What a call was about, as its agent says in the wrap-up."""

    APPOINTMENT = "appointment", _("Appointment")
    MEDICATION = "medication", _("Medication or refill")
    RESULTS = "results", _("Results")
    SYMPTOMS = "symptoms", _("Symptoms or advice")
    BILLING = "billing", _("Billing or insurance")
    REFERRAL = "referral", _("Referral or records")
    OTHER = "other", _("Something else")


class Outcome(models.TextChoices):
    """How a call ended, as its agent says in the wrap-up."""

    SOLVED = "solved", _("Solved")
    FOLLOW_UP = "follow_up", _("We get back to them")
    HANDED_OVER = "handed_over", _("Handed over")
    MESSAGE_LEFT = "message_left", _("Message left")
    NOT_REACHED = "not_reached", _("Not reached")
    CUT_OFF = "cut_off", _("Cut off")
    WRONG_NUMBER = "wrong_number", _("Wrong number")


def ready(user: User) -> bool:
    """The browser of `user` can take calls: ring it again, if its call was lost.

    The patient hears music meanwhile. Returns whether it is rung now.
    """
    call = parties.left_alone_by(user.pk).values_list("uuid", flat=True).first()
    if call is None:
        return False
    with transaction.atomic():
        locked = on_call.locked(call)
        agent = parties.lost_agent(locked)
        if agent is None or agent.user_id != user.pk:
            return False
        if Party.objects.filter(user=user, left_at__isnull=True).exists():
            return False
        parties.want_agent(locked, user, until=timezone.now() + AGENT_SECONDS, answers_itself=True)
    return True


def hang_up(call: UUID, *, by: User) -> None:
    """End the line of `by`: the whole call, unless another agent is there who goes on with it.

    A phone that still rings is turned down. Having hung up already changes nothing.
    Raises NotOnThisCall.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        last = on_call.last_party(locked, by)
        party = on_call.own_party(locked, by)
        now = timezone.now()
        if party is not None:
            joined = party.state == Party.State.JOINED
            party.leaving = True
            rooms.gone(party, "hung_up" if joined else "busy", at=now)
            commands.set_party(party)
        elif parties.lost_agent(locked) == last:
            ending.end(locked, "agent_hung_up", at=now)
        else:
            return
        locked.save()


def hold(call: UUID, on: bool, *, by: User) -> None:
    """Let the patient hear music, or take them back.

    Raises NotOnThisCall, CallOver, NotConnected.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_agent(locked, by)
        patient = on_call.require_patient(locked)
        if parties.set_hold(patient, on, at=timezone.now(), by=by):
            parties.tell_all(locked)


def pause_recording(call: UUID, on: bool, *, by: User) -> None:
    """Record nothing for a while (a card's number is told), or go on.

    Raises NotOnThisCall, CallOver, NotRecorded.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_lead(locked, by)
        recording = recordings.running(locked)
        if recording is None:
            raise errors.NotRecorded
        if recordings.steer(recording, "paused" if on else "running"):
            what = "recording_paused" if on else "recording_resumed"
            calls.note(locked.conversation, what, at=timezone.now(), leg=locked.leg, by=by)
            parties.tell_all(locked)


def refuse_recording(call: UUID, *, by: User) -> None:
    """The patient does not want to be recorded: it ends for good, wherever the call goes from here.

    Raises NotOnThisCall, CallOver.
    """
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_agent(locked, by)
        if locked.recording_refused:
            return
        locked.recording_refused = True
        locked.save(update_fields=["recording_refused"])
        recording = recordings.running(locked)
        if recording is not None:
            recordings.steer(recording, "stopped")
        calls.note(
            locked.conversation, "recording_refused", at=timezone.now(), leg=locked.leg, by=by
        )
        record(
            AuditAction.CONSENT_CHANGED,
            actor=by,
            conversation=locked.conversation_id,
            patient=locked.conversation.patient_id,
            detail={"recording": "refused"},
        )
        parties.tell_all(locked)
