"""Calls out: the agent's phone first, then the patient's, so that nobody answers to silence."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels_app.voice import callbacks, parties
from channels_app.voice.errors import NobodyToCall, NoLine, OnThePhone
from channels_app.voice.models import Call, Callback, Party
from hub.audit.record import AuditAction, record
from hub.conversations import access, errors
from hub.conversations.actions.holder import claim
from hub.conversations.append import lock
from hub.conversations.models import Channel, Conversation, HubAddress, Leg
from hub.staff.models import User
from patients import consent, contact_points
from patients.models import ContactPoint

AGENT_SECONDS = timedelta(seconds=20)


def dial(conversation: Conversation, point: ContactPoint, *, by: User) -> Call:
    """Call the patient from their conversation: `by`'s own phone rings (and answers itself) first.

    Raises NobodyToCall, NoLine, OnThePhone, errors.OptedOut, errors.HeldByAnother,
    errors.AlreadyResolved, errors.NotAllowed.
    """
    access.require_answer(by, conversation)
    if point.system != ContactPoint.System.PHONE:
        raise NobodyToCall
    address = line_for(conversation)
    now = timezone.now()
    with transaction.atomic():
        contact_points.lock(point.pk)
        if consent.is_stopped(point.pk, Channel.VOICE):
            raise errors.OptedOut
        if Party.objects.filter(user=by, left_at__isnull=True).exists():
            raise OnThePhone
        claim(conversation, by)
        # Who calls of their own accord keeps a promise by it, if one stands.
        promised = callbacks.open_of(conversation)
        if promised is not None and promised.contact_point_id != point.pk:
            promised = None
        call = begin(conversation, point, address, at=now, callback=promised)
        parties.want_agent(call, by, until=now + AGENT_SECONDS, answers_itself=True)
        record(AuditAction.CALL, actor=by, conversation=conversation)
    return call


def begin(
    conversation: Conversation,
    point: ContactPoint,
    address: HubAddress,
    *,
    at: datetime,
    callback: Callback | None = None,
) -> Call:
    """Return a new call out, of which the timeline says nothing until the patient is rung.

    Runs in the caller's transaction, the contact point being locked.
    """
    lock([conversation.pk])
    leg = Leg.objects.create(
        conversation=conversation,
        channel=Channel.VOICE,
        contact_point=point,
        hub_address=address,
        opened_at=at,
    )
    return Call.objects.create(
        direction=Call.Direction.OUTBOUND,
        state=Call.State.DIALLING,
        conversation=conversation,
        leg=leg,
        contact_point=point,
        hub_address=address,
        language=_language(conversation, callback),
        callback=callback,
        started_at=at,
        heard_at=at,
    )


def line_for(conversation: Conversation) -> HubAddress:
    """Return the number of ours that a patient sees who is called about this conversation.

    The one that they called, else their department's, else any. Raises NoLine.
    """
    lines = HubAddress.objects.filter(channel=Channel.VOICE)
    called = lines.filter(legs__conversation=conversation).order_by("-legs__id").first()
    own = lines.filter(department_id=conversation.department_id).order_by("pk").first()
    found = called or own or lines.order_by("pk").first()
    if found is None:
        raise NoLine
    return found


def _language(conversation: Conversation, callback: Callback | None) -> str:
    if callback is not None:
        return callback.language
    return conversation.patient.language if conversation.patient else "en"
