"""``manage.py audit_report``: who did what to a patient's data, or what one person did, as CSV."""

import csv
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, TextIO
from uuid import UUID

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models
from django.utils.dateparse import parse_date, parse_datetime

from hub.audit.evidence import between, events_of_patient, events_of_user
from hub.audit.models import AuditEvent
from hub.audit.record import AuditAction, record

COLUMNS = (
    "at", "who", "action", "patient_id", "conversation_id", "object_kind", "object_ids",
    "ip", "session", "request_id", "why", "detail", "row",
)  # fmt: skip
SIGNS = frozenset("=+-@|%")
BREAKS = frozenset("\t\r\n")


class Command(BaseCommand):
    """The report is written to stdout, and that it was made is recorded itself."""

    help = "Print the audit events of one patient or one person as CSV, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--patient", type=UUID, metavar="UUID", help="who touched their data")
        whom.add_argument("--user", metavar="EMAIL", help="what this person did")
        parser.add_argument("--from", dest="since", metavar="DATE", help="from this day or moment")
        parser.add_argument("--to", dest="until", metavar="DATE", help="to this day (included)")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _moment(options["since"])
        until = _moment(options["until"], end_of_day=True)
        if options["patient"]:
            events, patient = _of_patient(options["patient"])
            record(AuditAction.VIEW_AUDIT, actor=None, patient=patient)
        else:
            events, user = _of_user(options["user"])
            record(AuditAction.VIEW_AUDIT, actor=None, objects=[user])
        write_csv(between(events, since, until), self.stdout)


def write_csv(events: models.QuerySet[AuditEvent], out: TextIO | Any) -> None:
    """Write events as CSV that a spreadsheet takes for text, whatever is in it."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for event in events.iterator(chunk_size=2_000):
        writer.writerow(harmless(cell) for cell in _cells(event))


def harmless(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    text = "" if cell is None else str(cell)
    # A spreadsheet may skip what is blank before the sign, and takes full-width signs, too.
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])
    return f"'{text}" if text[:1] in BREAKS or first in SIGNS else text


def _cells(event: AuditEvent) -> Iterator[object]:
    yield event.at.astimezone(UTC).isoformat()
    yield event.actor.get_username() if event.actor else ""
    yield event.action
    yield event.patient_id
    yield event.conversation_id
    yield event.object_kind
    yield " ".join(map(str, event.object_ids))
    yield event.ip
    yield event.session
    yield event.request_id
    yield event.why
    yield " ".join(f"{key}={value}" for key, value in sorted(event.detail.items()))
    yield event.pk


def _of_patient(uuid: UUID) -> tuple[models.QuerySet[AuditEvent], models.Model]:
    """Rooms above are looked up by name: this one must not import them."""
    patients = apps.get_model("patients", "Patient")._base_manager
    patient = patients.filter(uuid=uuid).first()
    if patient is None:
        raise CommandError("There is no patient of that UUID.")
    ids = {patient.pk}
    fresh = ids
    while fresh:  # those merged into them, and those merged into those
        merged = patients.filter(survivor_id__in=fresh).values_list("pk", flat=True)
        fresh = set(merged) - ids
        ids |= fresh
    conversations = apps.get_model("conversations", "Conversation")._base_manager
    events = events_of_patient(
        patient.pk,
        also=ids - {patient.pk},
        conversations=list(conversations.filter(patient_id__in=ids).values_list("pk", flat=True)),
    )
    return events, patient


def _of_user(email: str) -> tuple[models.QuerySet[AuditEvent], models.Model]:
    user = get_user_model()._base_manager.filter(email__iexact=email).first()
    if user is None:
        raise CommandError("There is no person of that e-mail address.")
    return events_of_user(user), user


def _moment(text: str | None, *, end_of_day: bool = False) -> datetime | None:
    """A day or a moment, in UTC unless it says otherwise."""
    if not text:
        return None
    try:
        day = parse_date(text)
        if day is not None:
            start = datetime.combine(day, time(), UTC)
            return start + timedelta(days=1) if end_of_day else start
        moment = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no date.") from error
    if moment is None:
        raise CommandError(f"{text!r} is neither a date (2026-11-24) nor a moment in ISO form.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
