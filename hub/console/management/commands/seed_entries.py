"""Fills a database with many synthetic conversations, to see how the hub does when it is full.

One process, rows by COPY: about a million entries in two or three minutes. Never in production.
"""

import json
import random
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from hub.conversations.models import Conversation, Entry, HubAddress
from hub.encryption.blind_index import index_words
from hub.staff.models import Department
from patients.models import Patient

#: Entries of an ordinary conversation; the first one made has `LONG` of them.
LENGTH = 20
LONG = 400
CHUNK = 2_000  # conversations a transaction

_WORDS = (
    "good morning could you please renew my prescription the pharmacy says it needs a new order "
    "from the doctor I have an appointment on Tuesday is the lab open before eight thank you so "
    "much that works for me buenos días necesito cambiar mi cita del jueves gracias"
).split()

_CONVERSATION = (
    "id", "uuid", "patient_id", "identity", "department_id", "restricted_by_id", "status",
    "priority", "holder_id", "last_number", "revision", "channel", "contact_point_id",
    "last_message_number", "last_entry_at", "opened_at", "waiting_since", "snoozed_until",
    "resolved_at", "resolution",
)  # fmt: skip
_ENTRY = (
    "uuid", "conversation_id", "number", "revision", "kind", "author_kind", "author_id", "audience",
    "leg_id", "channel", "body", "detail", "words", "at", "intent", "delivery_state",
    "delivery_error", "origin_id", "erased_at", "moved_to_id",
)  # fmt: skip


class Command(BaseCommand):
    """Seed synthetic conversations by the thousand."""

    help = "Fill the database with synthetic conversations (never in production)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many entries, and whose."""
        parser.add_argument("--entries", type=int, default=1_000_000)
        parser.add_argument("--open", type=int, default=200, help="how many stay open")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, showing how far it is."""
        if settings.IN_PRODUCTION:
            raise CommandError("Synthetic conversations do not belong among real ones.")
        address = HubAddress.objects.select_related("department").order_by("pk").first()
        if address is None:
            raise CommandError("There is no number of ours yet: run seed_demo before.")
        maker = _Maker(address, options["open"], _chance(options["seed"]))
        total = max(1, options["entries"] // LENGTH)
        for done in range(0, total, CHUNK):
            count = min(CHUNK, total - done)
            with transaction.atomic():
                maker.make(count)
            self._show(done + count, total)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        self.stdout.write(f"{maker.entries} entries in {total} conversations.")

    def _show(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            filled = done * 40 // total
            bar = "█" * filled + "·" * (40 - filled)
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r{bar} {done * 100 // total:3d} %{end}")
            sys.stderr.flush()


def _chance(seed: int) -> random.Random:
    """Return the same chance for the same seed and database, another one when it is run again."""
    return random.Random(f"{seed} {Conversation.objects.count()}")  # noqa: S311


class _Maker:
    """Makes conversations with their patient, contact point, leg and entries."""

    def __init__(self, address: HubAddress, open_ones: int, random_: random.Random) -> None:
        self.address = address
        self.department: Department = address.department
        self.open_left = open_ones
        self.random = random_
        self.entries = 0
        self.made = 0
        self.start = datetime.now(UTC) - timedelta(days=400)
        body = Entry._meta.get_field("body")
        # One text in many rows would be no test of anything, a few hundred are enough.
        self.texts = [
            " ".join(random_.choices(_WORDS, k=random_.randint(4, 30))) for _ in range(500)
        ]
        self.words = {text: index_words(text) for text in self.texts}
        self.body = body

    def make(self, count: int) -> None:
        """Make `count` conversations in the running transaction."""
        first = {
            table: self._reserve(table, count)
            for table in (
                "patients_patient",
                "patients_contactpoint",
                "conversations_conversation",
                "conversations_leg",
            )
        }
        lengths = [LONG if self.made == 0 and i == 0 else LENGTH for i in range(count)]
        stays_open = [i for i in range(count) if self.open_left - i > 0]
        self.open_left -= len(stays_open)
        is_open = set(stays_open)
        self._patients(first, count)
        self._copy(
            "conversations_conversation",
            _CONVERSATION,
            (self._conversation(first, i, lengths[i], i in is_open) for i in range(count)),
        )
        self._legs(first, count, is_open)
        self._copy(
            "conversations_entry",
            _ENTRY,
            (row for i in range(count) for row in self._entries(first, i, lengths[i])),
        )
        self.entries += sum(lengths)
        self.made += count

    def _reserve(self, table: str, count: int) -> int:
        """Return the first of `count` ids that are ours now."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), "
                "nextval(pg_get_serial_sequence(%s, 'id')) + %s)",
                [table, table, count],
            )
            [last] = cursor.fetchone()
        start = last - count
        return int(start)

    def _copy(self, table: str, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> None:
        with (
            connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def _uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def _at(self, i: int) -> datetime:
        return self.start + timedelta(seconds=(self.made + i) * 60 % 34_000_000)

    def _patients(self, first: dict[str, int], count: int) -> None:
        name_words = Patient._meta.get_field("name_words")
        patients = [
            Patient(
                id=first["patients_patient"] + i,
                uuid=self._uuid(),
                legal_name=f"Pat Synthetic{first['patients_patient'] + i}",
                birth_date=datetime(1950, 1, 1, tzinfo=UTC).date() + timedelta(days=i % 20_000),
            )
            for i in range(count)
        ]
        for patient in patients:
            name_words.pre_save(patient, add=True)
        Patient.objects.bulk_create(patients)
        self._copy(
            "patients_contactpoint",
            ("id", "uuid", "system", "value", "created_at"),
            (
                (
                    first["patients_contactpoint"] + i,
                    self._uuid(),
                    "phone",
                    f"+1777{first['patients_contactpoint'] + i:010d}",
                    self.start,
                )
                for i in range(count)
            ),
        )
        self._copy(
            "patients_contactpointlink",
            ("contact_point_id", "patient_id", "role", "verified_how", "since"),
            (
                (
                    first["patients_contactpoint"] + i,
                    first["patients_patient"] + i,
                    "mobile",
                    "",
                    self.start,
                )
                for i in range(count)
            ),
        )

    def _conversation(
        self, first: dict[str, int], i: int, length: int, is_open: bool
    ) -> tuple[Any, ...]:
        at = self._at(i)
        status = Conversation.Status.OPEN if is_open else Conversation.Status.RESOLVED
        return (
            first["conversations_conversation"] + i, self._uuid(), first["patients_patient"] + i,
            "probable", self.department.pk, None, status, 0,
            None, length, length, "sms", first["patients_contactpoint"] + i, length,
            at + timedelta(minutes=length), at,
            at if is_open else None, None, None if is_open else at + timedelta(hours=3),
            "" if is_open else "answered",
        )  # fmt: skip

    def _legs(self, first: dict[str, int], count: int, is_open: set[int]) -> None:
        self._copy(
            "conversations_leg",
            (
                "id", "uuid", "conversation_id", "channel", "contact_point_id", "hub_address_id",
                "opened_at", "ended_at",
            ),
            (
                (
                    first["conversations_leg"] + i, self._uuid(),
                    first["conversations_conversation"] + i, "sms",
                    first["patients_contactpoint"] + i, self.address.pk, self._at(i),
                    None if i in is_open else self._at(i) + timedelta(hours=3),
                )
                for i in range(count)
            ),
        )  # fmt: skip

    def _entries(self, first: dict[str, int], i: int, length: int) -> Iterator[tuple[Any, ...]]:
        at = self._at(i)
        nothing = json.dumps({})
        for number in range(1, length + 1):
            uuid = self._uuid()
            text = self.random.choice(self.texts)
            patient = number % 2 == 1
            yield (
                uuid, first["conversations_conversation"] + i, number, number, "message",
                "patient" if patient else "automatic", None, "patient",
                first["conversations_leg"] + i, "sms",
                self.body.seal(text, uuid).raw,
                nothing, self.words[text], at + timedelta(minutes=number), None,
                "" if patient else "delivered", "", None, None, None,
            )  # fmt: skip
