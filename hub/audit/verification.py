"""Proves that the audit trail is as it was written, or says which row of which seal is not."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from django.db import connection, transaction

from hub.audit.canonical import GENESIS, MARK_BYTES, event_mac, leaf, root_of, seal_mac
from hub.audit.models import AuditEvent, AuditSeal, UnsealedEvent, head_name
from hub.encryption.ring import DecryptionFailed, UnknownKey

_SEALS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written."""

    seal: int | None
    row: int | None
    what: str

    def __str__(self) -> str:
        seal = f"seal {self.seal}" if self.seal is not None else ""
        row = f"row {self.row}" if self.row is not None else ""
        return f"{', '.join(filter(None, (seal, row))) or 'trail'}: {self.what}"


@dataclass(slots=True)
class Verdict:
    """What a verification saw.

    Attributes:
        seals: seals read.
        events: sealed rows read.
        unsealed: rows that wait for the sealer; their own HMACs were checked.
        purged: rows that retention removed, by the checkpoints that stand.
        head: the last seal, to be noted outside of the database.
        findings: empty when all is as it was written.
    """

    seals: int = 0
    events: int = 0
    unsealed: int = 0
    purged: int = 0
    head: str = ""
    findings: list[Finding] = field(default_factory=list)

    def found(self, what: str, *, seal: int | None = None, row: int | None = None) -> None:
        """Add a finding."""
        self.findings.append(Finding(seal, row, what))


def verify(expected_head: str = "") -> Verdict:
    """Check every row and every seal, at one moment of the database.

    Args:
        expected_head: a head noted earlier; the chain must still contain it. Without it, nothing
            in the database could show that the newest seals were cut off together with their rows.
    """
    with ExitStack() as stack:
        if not connection.in_atomic_block:
            stack.enter_context(transaction.atomic())
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        verdict = verify_seals()
        _check_unsealed(verdict)
        _check_strays(verdict)
        if expected_head:
            _check_head(verdict, expected_head)
        return verdict


def verify_seals(through: int | None = None) -> Verdict:
    """Check the chain and the rows it covers, up to seal `through`."""
    verdict = Verdict()
    before: AuditSeal | None = None
    for seal in _seals(through):
        _check_link(verdict, seal, before)
        _check_rows(verdict, seal)
        verdict.seals += 1
        verdict.purged += seal.purged_events or 0
        before = seal
    if before is not None:
        verdict.head = head_name(before.number, before.hmac)
    return verdict


def _seals(through: int | None) -> Iterator[AuditSeal]:
    seals = AuditSeal.objects.order_by("number")
    if through is not None:
        seals = seals.filter(number__lte=through)
    return seals.iterator(chunk_size=_SEALS_AT_ONCE)


def _check_link(verdict: Verdict, seal: AuditSeal, before: AuditSeal | None) -> None:
    if seal_mac(seal) != bytes(seal.hmac):
        verdict.found("the seal was changed", seal=seal.number)
    if before is not None:
        if seal.number != before.number + 1:
            gap = f"{before.number + 1} to {seal.number - 1}"
            verdict.found(f"seals {gap} before it were dropped", seal=seal.number)
        elif bytes(seal.previous) != bytes(before.hmac):
            verdict.found("does not follow the seal before it", seal=seal.number)
    elif seal.number == 1:
        if bytes(seal.previous) != GENESIS:
            verdict.found("the first seal names a seal before it", seal=1)
    elif not _checkpointed(seal):
        verdict.found(
            f"seals up to {seal.number - 1} were dropped and no checkpoint says so",
            seal=seal.number,
        )


def _checkpointed(first: AuditSeal) -> bool:
    """Whether a genuine checkpoint tells what stood before `first`."""
    checkpoint = (
        AuditSeal.objects.filter(kind=AuditSeal.Kind.CHECKPOINT, purged_through=first.number - 1)
        .order_by("-number")
        .first()
    )
    return (
        checkpoint is not None
        and seal_mac(checkpoint) == bytes(checkpoint.hmac)
        and bytes(checkpoint.purged_link) == bytes(first.previous)
    )


def _check_rows(verdict: Verdict, seal: AuditSeal) -> None:
    if seal.count != len(seal.event_ids) or len(seal.marks) != seal.count * MARK_BYTES:
        verdict.found("its list of rows was changed", seal=seal.number)
    rows = AuditEvent.objects.in_bulk(seal.event_ids)
    leaves: list[bytes] = []
    wrong = False
    for place, event_id in enumerate(seal.event_ids):
        event = rows.get(event_id)
        if event is None:
            verdict.found("was dropped", seal=seal.number, row=event_id)
            wrong = True
            continue
        verdict.events += 1
        leaves.append(leaf(event_id, bytes(event.hmac)))
        mark = bytes(seal.marks)[place * MARK_BYTES : (place + 1) * MARK_BYTES]
        if not _check_event(verdict, event, seal.number):
            wrong = True
        elif leaves[-1][:MARK_BYTES] != mark:
            verdict.found(
                "another genuine row stands under its id (swapped)", seal=seal.number, row=event_id
            )
            wrong = True
    if not wrong and root_of(leaves) != bytes(seal.root):
        verdict.found("its rows are not those it was made over", seal=seal.number)


def _check_event(verdict: Verdict, event: AuditEvent, seal: int | None) -> bool:
    """Whether a row is as it was written."""
    try:
        if event_mac(event) == bytes(event.hmac):
            return True
        verdict.found("was changed", seal=seal, row=event.pk)
    except DecryptionFailed:
        verdict.found("was changed: its reason does not open", seal=seal, row=event.pk)
    except UnknownKey as error:
        verdict.found(f"cannot be checked: {error}", seal=seal, row=event.pk)
    return False


def _check_unsealed(verdict: Verdict) -> None:
    """The rows that wait for the sealer: there, and as written."""
    waiting = UnsealedEvent.objects.order_by("event_id").values_list("event_id", flat=True)
    for event_ids in _batches(waiting.iterator(chunk_size=2_000)):
        rows = AuditEvent.objects.in_bulk(event_ids)
        for event_id in event_ids:
            event = rows.get(event_id)
            if event is None:
                verdict.found("was dropped before it was sealed", row=event_id)
                continue
            verdict.unsealed += 1
            _check_event(verdict, event, None)


def _batches(ids: Iterator[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for event_id in ids:
        batch.append(event_id)
        if len(batch) == 2_000:
            yield batch
            batch = []
    if batch:
        yield batch


_STRAYS = {
    "belongs to no seal (inserted behind the sealer's back)": """
        SELECT id FROM audit_auditevent
        EXCEPT SELECT unnest(event_ids) FROM audit_auditseal
        EXCEPT SELECT event_id FROM audit_unsealedevent
        ORDER BY 1
    """,
    "is in more than one seal": """
        SELECT id FROM (SELECT unnest(event_ids) AS id FROM audit_auditseal) sealed
        GROUP BY id HAVING count(*) > 1 ORDER BY 1
    """,
    "is a copy of another row": """
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY uuid ORDER BY id) AS nth
            FROM audit_auditevent
        ) numbered WHERE nth > 1 ORDER BY 1
    """,
}


def _check_strays(verdict: Verdict) -> None:
    with connection.cursor() as cursor:
        for what, query in _STRAYS.items():
            cursor.execute(query)
            for (event_id,) in cursor.fetchall():
                verdict.found(what, row=event_id)


def _check_head(verdict: Verdict, expected: str) -> None:
    digits = expected.partition(":")[0]
    if not digits.isdigit():
        verdict.found(f"{expected!r} is not a head as verify_audit prints it")
        return
    seal = AuditSeal.objects.filter(number=int(digits)).first()
    if seal is not None:
        if head_name(seal.number, seal.hmac) != expected:
            verdict.found("is not the seal that was noted as the head", seal=seal.number)
    elif not AuditSeal.objects.filter(purged_through__gte=int(digits)).exists():
        verdict.found(f"the noted head {expected} is gone: the end of the trail was cut off")
