"""``manage.py add_phone_line``: a number of ours that patients call."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_app.voice import lines, setting_up
from channels_app.voice.setting_up_errors import SettingUpError
from hub.staff.setting_up import NoSuchDepartment, find_department


class Command(BaseCommand):
    """Adds one line and says what to set at the provider; the rest is done on its page."""

    help = "Add a number that patients call."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="such as +15550100100")
        parser.add_argument("--department", required=True, metavar="NAME")
        parser.add_argument("--label", default="", help="what staff read; default: the department")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            department = find_department(options["department"])
            line = setting_up.add_line(options["number"], department, label=options["label"])
        except NoSuchDepartment as error:
            raise CommandError("There is no such department; add_department adds one.") from error
        except SettingUpError as error:
            raise CommandError(str(error)) from error
        webhooks = lines.webhooks()
        self.stdout.write(f"Added {line.hub_address.value}. At Twilio, each by HTTP POST:")
        self.stdout.write(f"A call comes in:       {webhooks.voice}")
        self.stdout.write(f"Primary handler fails: {webhooks.fallback}")
        self.stdout.write(f"Call status changes:   {webhooks.status}")
        self.stdout.write(
            "Better than the hub itself for the second: a TwiML Bin (docs/deployment.md)."
        )
