"""``manage.py set_opening_hours``: when a department is there for its patients."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.routing import opening
from hub.staff.setting_up import NoSuchDepartment, find_department


class Command(BaseCommand):
    """Replaces the hours if any are given; adds the holidays."""

    help = "Set a department's opening hours and holidays, in its own time zone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("department")
        parser.add_argument("hours", nargs="*", help='such as "mon-fri 08:00-18:00"')
        parser.add_argument("--always", action="store_true", help="no hours: always open")
        parser.add_argument(
            "--closed", action="append", default=[], type=date.fromisoformat, metavar="2026-12-25"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            department = find_department(options["department"])
            stretches = [each for text in options["hours"] for each in opening.read(text)]
        except NoSuchDepartment as error:
            raise CommandError("There is no such department.") from error
        except opening.NotHours as error:
            raise CommandError(f'{error}: hours read like "mon-fri 08:00-18:00".') from error
        if not (stretches or options["always"] or options["closed"]):
            raise CommandError("Give hours, --always, or days with --closed.")
        if stretches or options["always"]:
            opening.set_hours(department, stretches)
        if options["closed"]:
            opening.close_on(department, options["closed"])
        self.stdout.write("Set.")
