"""``manage.py seal_audit``: seals the audit trail, once or for as long as it runs."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, close_old_connections

from hub.audit.sealing import seal_all


class Command(BaseCommand):
    """The worker seals every second by itself; this is for installations without one."""

    help = "Seal what was recorded since the last seal."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--loop", action="store_true", help="go on until interrupted")
        parser.add_argument(
            "--every", type=float, default=1.0, metavar="SECONDS", help="pause of the loop"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["loop"]:
            self.stdout.write(f"{seal_all()} seals made.")
            return
        try:
            while True:
                self._seal_or_say()
                time.sleep(options["every"])
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def _seal_or_say(self) -> None:
        """A database that restarts must not end the loop."""
        close_old_connections()
        try:
            seal_all()
        except OperationalError as error:
            self.stderr.write(f"The database did not answer ({type(error).__name__}); again soon.")
