"""A third person on the call: an interpreter, a relative. They are told when it is recorded."""

from datetime import timedelta
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import commands, errors, on_call, rooms, twiml, words
from channels_app.voice.models import Party
from channels_app.voice.parties import tell_all
from hub.audit.record import AuditAction, record
from hub.conversations.actions import calls
from hub.conversations.errors import NotAllowed
from hub.staff.models import User
from patients import normal_form

RING = timedelta(seconds=45)


class GuestRole(models.TextChoices):
    """What somebody from outside is on the call for."""

    INTERPRETER = "interpreter", _("Interpreter")
    RELATIVE = "relative", _("Relative or carer")
    CLINIC = "clinic", _("Other clinic or pharmacy")
    OTHER = "other", _("Somebody else")


def add_guest(call: UUID, number: str, role: str, *, by: User) -> Party:
    """Ring a number into the call's room; one that is there or rings is not rung again.

    Raises NotANumber, NotOnThisCall, CallOver, NotConnected; ValueError for an unknown role.
    """
    role = GuestRole(role).value
    try:
        value = normal_form.phone(number)
    except normal_form.NotAnAddress:
        raise errors.NotANumber from None
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_agent(locked, by)
        on_call.require_patient(locked)
        guests = locked.parties.filter(kind=Party.Kind.GUEST, left_at__isnull=True)
        there = guests.filter(number=value, leaving=False).first()
        if there is not None:
            return there
        now = timezone.now()
        guest = Party.objects.create(call=locked, kind=Party.Kind.GUEST, number=value, role=role)
        commands.ring(guest, until=now + RING)
        invited = {"party": str(guest.uuid), "role": role}
        conversation = locked.conversation
        calls.note(
            conversation,
            "guest_invited",
            at=now,
            leg=locked.leg,
            by=by,
            party=invited["party"],
            role=role,
        )
        record(AuditAction.CALL, actor=by, conversation=conversation, detail=invited)
        tell_all(locked)
    return guest


def remove(party: UUID, *, by: User) -> None:
    """Take a guest out of the call; one who is gone already is let be.

    Raises NotOnThisCall, CallOver, NotAllowed (a colleague is no guest).
    """
    call = Party.objects.filter(uuid=party).values_list("call__uuid", flat=True).first()
    if call is None:
        raise errors.NotOnThisCall
    with transaction.atomic():
        locked = on_call.locked(call)
        on_call.require_agent(locked, by)
        guest = locked.parties.get(uuid=party)
        if guest.kind != Party.Kind.GUEST:
            raise NotAllowed
        if guest.left_at is not None:
            return
        rooms.gone(guest, "removed", at=timezone.now())
        commands.set_party(guest)
        locked.save()


def notice(sid: str) -> VoiceResponse:
    """Return what the guest on the line `sid` hears of the recording: in the call's language.

    And in ours, where that is another one: who interprets between the two hears either.
    """
    known = Party.objects.filter(sid=sid).values_list("call__language", flat=True).first()
    doc = VoiceResponse()
    for language in dict.fromkeys([known or words.DEFAULT_LANGUAGE, words.DEFAULT_LANGUAGE]):
        twiml.say(doc, words.guest_notice(language), language)
    return doc
