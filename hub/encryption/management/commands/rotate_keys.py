"""``manage.py rotate_keys``: puts everything encrypted under the current key."""

from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.encryption import rotation
from hub.encryption.files import storage
from hub.encryption.ring import ring

_BAR_CELLS = 30


class Command(BaseCommand):
    """Resumable; to be run after every process has the new key first in its ring."""

    help = "Re-encrypt all rows and files that are not under the current key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            action="store_true",
            help="only count what lies under which key; exit with 1 if an old key is in use",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            self._rotate()
        left = self._count()
        if left:
            raise CommandError(f"{left} still under other keys than {ring().current_id!r}.")
        self.stdout.write(f"Everything is under {ring().current_id!r}.")

    def _rotate(self) -> None:
        unreadable: list[str] = []
        for model, fields in rotation.encrypted_models():
            counts = [rotation.rows_by_key(model, each) for each in fields]
            # A row may be stale in several fields; it is one row to do.
            total = max(_others(each) for each in counts)
            bar = _Bar(self, model._meta.label, total)
            outcome = rotation.rotate_rows(model, fields, bar.step)
            bar.end(f"{outcome.done} rows re-encrypted")
            unreadable += outcome.unreadable
        for model, names in rotation.models_with_files():
            for name in names:
                bar = _Bar(self, f"{model._meta.label}.{name}", model._base_manager.count())
                outcome = rotation.rotate_files(model, name, bar.step)
                bar.end(f"{outcome.done} files re-encrypted")
                unreadable += outcome.unreadable
        for place in rotation.elsewhere:
            self.stdout.write(f"{place.label}: {place.rotate()} re-encrypted")
        swept = storage.sweep_unfinished()
        if swept:
            self.stdout.write(f"{swept} unfinished files removed.")
        for each in unreadable:
            self.stderr.write(each)
        if unreadable:
            raise CommandError(f"{len(unreadable)} could not be read; see above.")

    def _count(self) -> int:
        """Print what lies under which key; return how much is not under the current one."""
        left = 0
        for model, fields in rotation.encrypted_models():
            for each in fields:
                counts = rotation.rows_by_key(model, each)
                self._print_counts(f"{model._meta.label}.{each.name}", counts, "rows")
                left += _others(counts)
        for place in rotation.elsewhere:
            counts = place.count()
            self._print_counts(place.label, counts, "rows")
            left += _others(counts)
        counts = rotation.files_by_key()
        self._print_counts("files", counts, "files")
        return left + _others(counts)

    def _print_counts(self, what: str, counts: Counter[str], unit: str) -> None:
        if not counts:
            self.stdout.write(f"{what}: none")
        for key_id, count in sorted(counts.items()):
            mark = "" if key_id == ring().current_id else "  (old)"
            self.stdout.write(f"{what}: {count} {unit} under {key_id}{mark}")


def _others(counts: Counter[str]) -> int:
    return sum(count for key_id, count in counts.items() if key_id != ring().current_id)


class _Bar:
    """A progress bar on a terminal; elsewhere one line at the end."""

    def __init__(self, command: BaseCommand, what: str, total: int) -> None:
        self._out = command.stdout
        self._what = what
        self._total = total
        self._done = 0

    def step(self, count: int) -> None:
        self._done += count
        if self._out.isatty():
            share = min(1.0, self._done / self._total) if self._total else 1.0
            filled = round(share * _BAR_CELLS)
            bar = "#" * filled + "." * (_BAR_CELLS - filled)
            self._out.write(f"\r{self._what} [{bar}] {self._done}/{self._total}", ending="")
            self._out.flush()

    def end(self, line: str) -> None:
        start = "\r\x1b[K" if self._out.isatty() else ""
        self._out.write(f"{start}{self._what}: {line}")
