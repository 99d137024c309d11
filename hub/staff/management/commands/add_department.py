"""``manage.py add_department``: a team with a queue of its own."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.staff import setting_up


class Command(BaseCommand):
    """Adds one department; people join it by invitation or on their own page under people."""

    help = "Add a department."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument(
            "--restricted",
            action="store_true",
            help="mental health, substance use …: others see only that there was a contact",
        )
        parser.add_argument("--time-zone", default=settings.TIME_ZONE, metavar="ZONE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            department = setting_up.add_department(
                options["name"], restricted=options["restricted"], time_zone=options["time_zone"]
            )
        except setting_up.DepartmentExists as error:
            raise CommandError("There is a department of this name.") from error
        except setting_up.UnknownTimeZone as error:
            raise CommandError("There is no such time zone. Try America/Chicago.") from error
        self.stdout.write(f"Added; its short name is {department.slug}.")
