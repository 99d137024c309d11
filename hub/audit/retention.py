"""Ends the life of old audit rows, and leaves a signed checkpoint in their place."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from hub.audit.canonical import root_of
from hub.audit.models import MAINTENANCE_SETTING, RETENTION, AuditSeal
from hub.audit.sealing import LOCK, append
from hub.audit.verification import Finding, verify_seals

#: HIPAA documentation is kept six years (45 CFR 164.316(b)(2)(i)).
SIX_YEARS = timedelta(days=6 * 365 + 2)


class RetentionTooShort(ValueError):
    """Rows were to be removed before their time."""


class TrailBroken(Exception):
    """The rows to be removed do not verify; removing them would remove the evidence."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__(f"{len(findings)} findings, the first: {findings[0]}")


def purge_before(moment: datetime, *, minimum_age: timedelta = SIX_YEARS) -> AuditSeal | None:
    """Remove the seals made before `moment` together with their rows.

    Only whole seals go, from the start of the chain; they are verified first. A checkpoint at the
    end of the chain says how far, how many rows, and which HMAC the first seal that stays names
    as its predecessor.

    Args:
        moment: seals made before this go.
        minimum_age: how long ago `moment` must be at least.

    Returns:
        The checkpoint, or None if there was nothing to remove.

    Raises:
        RetentionTooShort: `moment` is younger than `minimum_age`.
        TrailBroken: something in them was tampered with; nothing is removed.
    """
    if moment > timezone.now() - minimum_age:
        raise RetentionTooShort(f"Audit rows are kept for at least {minimum_age.days} days.")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        last = _last_seal_before(moment)
        if last is None:
            return None
        findings = verify_seals(through=last.number).findings
        if findings:
            raise TrailBroken(findings)
        going = AuditSeal.objects.filter(number__lte=last.number)
        checkpoint = append(
            AuditSeal(
                kind=AuditSeal.Kind.CHECKPOINT,
                root=root_of([]),
                purged_through=last.number,
                purged_events=sum(going.values_list("count", flat=True)),
                purged_link=bytes(last.hmac),
            )
        )
        # The trigger lets a DELETE pass only while this setting says why; it ends with the
        # transaction, and is taken back at once in case the caller's transaction goes on.
        cursor.execute("SELECT set_config(%s, %s, true)", [MAINTENANCE_SETTING, RETENTION])
        cursor.execute(
            "DELETE FROM audit_auditevent WHERE id IN "
            "(SELECT unnest(event_ids) FROM audit_auditseal WHERE number <= %s)",
            [last.number],
        )
        cursor.execute("DELETE FROM audit_auditseal WHERE number <= %s", [last.number])
        cursor.execute("SELECT set_config(%s, '', true)", [MAINTENANCE_SETTING])
        return checkpoint


def _last_seal_before(moment: datetime) -> AuditSeal | None:
    """The last seal of the chain's beginning that lies wholly before `moment`."""
    seals = AuditSeal.objects.order_by("number")
    kept = seals.filter(at__gte=moment).values_list("number", flat=True).first()
    return (seals if kept is None else seals.filter(number__lt=kept)).last()
