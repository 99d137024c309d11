"""``manage.py stuck_receipts``: what came in and could not be worked on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_app import stuck


class Command(BaseCommand):
    """Lists ids, kinds and times, never what was said. Exits with 1 while anything is stuck."""

    help = "List inbound events that failed five times, or try them again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--retry", action="store_true", help="work on each of them once more")

    def handle(self, *args: Any, **options: Any) -> None:
        left = 0
        for receipt in stuck.stuck():
            done = options["retry"] and stuck.retry(receipt)
            left += not done
            self.stdout.write(
                f"{receipt.pk}  {receipt.kind}  {receipt.received_at.isoformat()}  "
                f"{'done' if done else 'failed again' if options['retry'] else 'stuck'}"
            )
        if left:
            raise CommandError(
                f"{left} not worked on; the log says why: event receipt_failed, by error_type."
            )
        self.stdout.write("Nothing is stuck.")
