"""Whom a conversation is about: the agent picks or creates the patient; that is an entry."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.audit.record import AuditAction, record
from hub.conversations import access
from hub.conversations.append import Line, append, lock
from hub.conversations.models import Conversation, Entry
from hub.staff.models import User
from patients import actions as patients
from patients.models import ContactPoint, Patient
from patients.survivors import survivor_of

Identity = Conversation.Identity


def identify_as(
    conversation: Conversation,
    patient: Patient,
    *,
    by: User,
    confirmed_how: str = "",
    remember: bool = False,
) -> Conversation:
    """Say that the conversation is about `patient`.

    `confirmed_how` names the check that was made (birth_date, code …); without one the match stays
    probable. `remember` links the contact point to the patient for next time. Raises NotAllowed.
    """
    access.require_answer(by, conversation)
    patient = survivor_of(patient)
    with transaction.atomic():
        point = ContactPoint.objects.select_for_update(no_key=True).get(
            pk=conversation.contact_point_id
        )
        if remember:
            link = patients.link(point, patient=patient, by=by)
            if confirmed_how:
                patients.verify_link(link, how=confirmed_how, by=by)
        [conversation] = lock([conversation.pk])
        before = conversation.patient_id
        level = Identity.CONFIRMED if confirmed_how else Identity.PROBABLE
        append(
            conversation,
            Line(
                kind=Entry.Kind.IDENTIFIED,
                author_kind=Entry.Author.STAFF,
                author_id=by.pk,
                at=timezone.now(),
                detail={"patient": patient.pk, "before": before, "how": confirmed_how},
            ),
            patient_id=patient.pk,
            identity=level,
        )
        record(AuditAction.IDENTIFY, actor=by, conversation=conversation, patient=patient)
    return conversation


def create_and_identify(
    conversation: Conversation, profile: dict[str, Any], *, by: User
) -> Conversation:
    """Create a patient with `profile` (fields of patients.actions.create_patient) and pick them."""
    access.require_answer(by, conversation)
    with transaction.atomic():
        patient = patients.create_patient(by=by, **profile)
        return identify_as(conversation, patient, by=by, remember=True)


def forget_identity(conversation: Conversation, *, by: User) -> Conversation:
    """Take back a choice: the conversation is about nobody known again."""
    access.require_answer(by, conversation)
    if conversation.patient_id is None:
        return conversation
    with transaction.atomic():
        [conversation] = lock([conversation.pk])
        append(
            conversation,
            Line(
                kind=Entry.Kind.IDENTIFIED,
                author_kind=Entry.Author.STAFF,
                author_id=by.pk,
                at=timezone.now(),
                detail={"patient": None, "before": conversation.patient_id, "how": ""},
            ),
            patient_id=None,
            identity=Identity.UNKNOWN,
        )
        record(AuditAction.IDENTIFY, actor=by, conversation=conversation)
    return conversation
