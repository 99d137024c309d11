"""STOP, START and consent: rows are added to the ledger, none is ever changed."""

from datetime import datetime
from typing import Any

from django.db import transaction

from hub.audit.record import AuditAction, record
from patients import consent, contact_points, signals
from patients.actions.changed import Staff, lock_patient, tell_changed
from patients.errors import ReasonMissing, StillStopped
from patients.models import Consent, ContactPoint, Patient, RelatedPerson

# Who says these says them by the address itself, so a START there undoes all that the STOP did.
_SAID_BY_THE_ADDRESS = frozenset({Consent.Source.KEYWORD, Consent.Source.PROVIDER})


def stop(
    contact_point: ContactPoint,
    *,
    channel: str | None,
    source: str,
    evidence: str,
    recorded_by: Staff = None,
    purpose: str | None = None,
    at: datetime | None = None,
) -> Consent:
    """Record that nothing more may go to an address; `signals.contact_point_stopped` follows.

    The address is locked first, so a sender that holds it FOR SHARE has finished handing
    over, and the next one sees the STOP.

    Args:
        contact_point: whose word it is; a STOP is the address's, whoever holds it.
        channel: which channel; None for all.
        source: a Consent.Source.
        evidence: what was said, in their words.
        recorded_by: the member of staff who took it down, if one did.
        purpose: of what; None for everything.
        at: when it was said, if that was not now.
    """
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        row = _append(
            contact_point,
            Consent.State.STOPPED,
            recorded_by,
            channel=channel,
            purpose=purpose,
            source=source,
            evidence=evidence,
            at=at,
        )
        signals.contact_point_stopped.send(sender=Consent, consent=row)
    return row


def start(
    contact_point: ContactPoint,
    *,
    channel: str,
    source: str,
    evidence: str,
    recorded_by: Staff = None,
    at: datetime | None = None,
) -> list[Consent]:
    """Take back the STOPs that hold on a channel, and no more: START agrees to nothing new.

    A STOP of all channels that the address itself said is taken back whole; one that staff took
    down (by phone, by letter) only for the channel where the START was said.

    Args:
        contact_point: the address.
        channel: where START was said.
        source: a Consent.Source.
        evidence: what was said.
        recorded_by: the member of staff who took it down, if one did.
        at: when it was said, if that was not now; a STOP said later still holds.

    Returns:
        The rows added; none if nothing was stopped.
    """
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        return [
            _append(
                contact_point,
                Consent.State.GIVEN,
                recorded_by,
                channel=stopped.channel if stopped.source in _SAID_BY_THE_ADDRESS else channel,
                purpose=stopped.purpose,
                source=source,
                evidence=evidence,
                at=at,
            )
            for stopped in consent.standing_stops(contact_point.pk, channel)
            if at is None or stopped.at <= at
        ]


def take_back_plain(
    contact_point: ContactPoint, *, channel: str, evidence: str, recorded_by: Staff
) -> Consent:
    """Record that no plain words go to an address any more, whoever asked for them before.

    It stops nothing else: notices still go there.

    Raises:
        ReasonMissing: no evidence.
    """
    if not evidence.strip():
        raise ReasonMissing("a change of consent needs evidence")
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        return _append(
            contact_point,
            Consent.State.STOPPED,
            recorded_by,
            channel=channel,
            purpose=consent.PLAIN,
            source=Consent.Source.STAFF,
            evidence=evidence,
            at=None,
        )


def give_consent(
    contact_point: ContactPoint,
    *,
    channel: str,
    source: str,
    evidence: str,
    patient: Patient | None = None,
    related_person: RelatedPerson | None = None,
    purpose: str | None = None,
    recorded_by: Staff = None,
    after_stop: bool = False,
    at: datetime | None = None,
) -> Consent:
    """Record that a person agreed to be contacted.

    Args:
        contact_point: the address.
        channel: on which channel.
        source: a Consent.Source.
        evidence: how we know, in words; never empty.
        patient: who agreed, or
        related_person: who agreed.
        purpose: to what; None for everything about their care.
        recorded_by: the member of staff who took it down.
        after_stop: they know that the address said STOP, and want to be contacted again.
        at: when they agreed, if that was not now.

    Raises:
        ReasonMissing: no evidence.
        StillStopped: the address said STOP, and `after_stop` is not set.
        PatientIsMerged: the record was merged into another.
    """
    if not evidence.strip():
        raise ReasonMissing("a consent needs evidence")
    if (patient is None) == (related_person is None):
        raise ValueError("one person agrees: a patient or a related person")
    with transaction.atomic():
        contact_points.lock(contact_point.pk)
        if patient is not None:
            lock_patient(patient.pk)
        # Plain words that were taken back may be asked for again: that was no STOP.
        stops = None if purpose == consent.PLAIN else purpose
        if not after_stop and consent.is_stopped(contact_point.pk, channel, stops):
            raise StillStopped("the address said STOP")
        return _append(
            contact_point,
            Consent.State.GIVEN,
            recorded_by,
            channel=channel,
            purpose=purpose,
            source=source,
            evidence=evidence,
            at=at,
            patient=patient,
            related_person=related_person,
        )


def _append(
    contact_point: ContactPoint,
    state: str,
    recorded_by: Staff,
    *,
    at: datetime | None,
    **fields: Any,
) -> Consent:
    """Add a row, the contact point being locked; without `at` the database's clock says when."""
    if at is not None:
        fields["at"] = at
    recorded_by_id = recorded_by.pk if recorded_by else None
    row = Consent.objects.create(
        contact_point=contact_point, state=state, recorded_by_id=recorded_by_id, **fields
    )
    patient = row.patient or (row.related_person.patient if row.related_person else None)
    record(
        AuditAction.CONSENT_CHANGED,
        actor=recorded_by,
        patient=patient,
        objects=[row],
        detail={
            "contact_point": contact_point.pk,
            "state": state,
            "channel": row.channel,
            "purpose": row.purpose,
            "source": row.source,
        },
    )
    tell_changed(contact_point=contact_point.pk)
    return row
