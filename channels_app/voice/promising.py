"""Who may promise a call, and ask for one: members of staff, and patients by chat or web page."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from channels_app.voice import callbacks, outbound, slots
from channels_app.voice.models import Callback
from hub.audit.record import AuditAction, record
from hub.conversations import access, errors
from hub.conversations.append import lock
from hub.conversations.models import Conversation, Leg
from hub.staff.models import Department, User
from patients import contact_points
from patients.models import ContactPoint


def by_staff(
    conversation: Conversation,
    point: ContactPoint,
    *,
    start: datetime | None,
    reason: str,
    by: User,
) -> Callback:
    """Promise the patient a call: in a slot that begins at `start`, or as soon as possible.

    `by` is asked first when it is time. Raises errors.HeldByAnother, errors.NotAllowed, SlotGone,
    and what callbacks.promise and outbound.line_for raise.
    """
    access.require_answer(by, conversation)
    now = timezone.now()
    with transaction.atomic():
        contact_points.lock(point.pk)
        [locked] = lock([conversation.pk])
        _require_ours(locked, by)
        slot = start and slots.slot_at(start, locked.department, point, locked.patient, now)
        callback = callbacks.promise(
            locked,
            point,
            outbound.line_for(locked),
            source=Callback.Source.AGENT,
            at=now,
            language=locked.patient.language if locked.patient else "en",
            slot=slot or None,
            by=by,
            reason=reason,
        )
        record(
            AuditAction.CALL, actor=by, conversation=conversation, detail={"callback": "promised"}
        )
    return callback


def take_back(conversation: Conversation, *, by: User) -> bool:
    """Take the promise of a conversation back; returns whether one stood.

    Raises errors.HeldByAnother, errors.NotAllowed, BeingCalled.
    """
    access.require_answer(by, conversation)
    known = callbacks.open_of(conversation)
    if known is None:
        return False
    with transaction.atomic():
        contact_points.lock(known.contact_point_id)
        [locked] = lock([conversation.pk])
        _require_ours(locked, by)
        is_done = callbacks.withdraw(known, by=by, at=timezone.now())
        if is_done:
            detail = {"callback": "taken_back"}
            record(AuditAction.CALL, actor=by, conversation=conversation, detail=detail)
    return is_done


def for_patient(
    conversation: Conversation,
    point: ContactPoint,
    *,
    source: str,
    start: datetime | None,
    language: str,
    reason: str = "",
    leg: Leg | None = None,
    department: Department | None = None,
) -> Callback:
    """Promise a call that the patient asks for. Runs in a transaction that has locked `point`.

    Raises SlotGone, and what callbacks.promise and outbound.line_for raise.
    """
    now = timezone.now()
    calls = department or conversation.department
    slot = start and slots.slot_at(start, calls, point, conversation.patient, now)
    return callbacks.promise(
        conversation,
        point,
        outbound.line_for(conversation),
        source=source,
        at=now,
        language=language,
        slot=slot or None,
        reason=reason,
        leg=leg,
        department=department,
    )


def numbers_of(conversation: Conversation) -> Sequence[ContactPoint]:
    """Return the phones by which the patient can be called: where they are reached now first."""
    known = ContactPoint.objects.filter(system=ContactPoint.System.PHONE)
    used = known.filter(legs__conversation=conversation)
    found = {point.pk: point for point in used.order_by("-legs__id")}
    if conversation.patient_id is not None:
        theirs = known.filter(
            links__patient_id=conversation.patient_id, links__until__isnull=True
        ).order_by("links__id")
        for point in theirs:
            found.setdefault(point.pk, point)
    current = conversation.contact_point_id
    return sorted(found.values(), key=lambda point: point.pk != current)


def _require_ours(conversation: Conversation, by: User) -> None:
    if conversation.holder_id not in (None, by.pk) and not by.is_supervisor:
        raise errors.HeldByAnother(conversation.holder.name if conversation.holder else "")
