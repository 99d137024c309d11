"""``manage.py verify_audit``: proves the audit trail, or names what was tampered with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.audit.verification import verify


class Command(BaseCommand):
    """Exits with 1 if anything is not as it was written."""

    help = "Check every row and every seal of the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head",
            default="",
            metavar="NUMBER:HASH",
            help="a head printed or logged earlier; shows whether the end was cut off since",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        verdict = verify(options["head"])
        self.stdout.write(
            f"{verdict.seals} seals, {verdict.events} sealed rows, {verdict.unsealed} waiting for "
            f"the sealer, {verdict.purged} removed by retention."
        )
        if verdict.head:
            self.stdout.write(f"head {verdict.head}")
        for finding in verdict.findings:
            self.stderr.write(str(finding))
        if verdict.findings:
            raise CommandError(f"Tampered with: {len(verdict.findings)} findings.")
        self.stdout.write("The trail is as it was written.")
