"""``manage.py add_number``: a number of ours, and who gets what is written to it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from hub.conversations.actions import addresses
from hub.conversations.models import HubAddress
from hub.staff.setting_up import NoSuchDepartment, find_department
from patients.normal_form import NotAnAddress


class Command(BaseCommand):
    """Adds one number and says what to set at the provider."""

    help = "Add a number that patients text to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="such as +15550100100")
        parser.add_argument("--department", required=True, metavar="NAME")
        parser.add_argument("--label", default="", help="what staff read; default: the department")
        parser.add_argument(
            "--opt-out-by",
            choices=HubAddress.OptOut.values,
            default=HubAddress.OptOut.HUB.value,
            help="who answers STOP, START and HELP (default: hub)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            department = find_department(options["department"])
            address = addresses.add_number(
                options["number"],
                label=options["label"] or department.name,
                department=department,
                opt_out_by=options["opt_out_by"],
            )
        except NoSuchDepartment as error:
            raise CommandError("There is no such department; add_department adds one.") from error
        except NotAnAddress as error:
            raise CommandError("This is not a telephone number.") from error
        except addresses.AddressTaken as error:
            raise CommandError("The hub has this number already.") from error
        webhook = f"{settings.PUBLIC_URL}{reverse('messaging-inbound')}#rc=3&rp=5xx,ct,rt"
        self.stdout.write(f"Added {address.value}. Its webhook for messages (POST):")
        self.stdout.write(webhook)
