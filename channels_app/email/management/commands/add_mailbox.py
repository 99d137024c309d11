"""``manage.py add_mailbox ADDRESS``: a mailbox whose mail the hub fetches and sends."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from channels_app.email.models import Mailbox
from channels_app.email.setting_up import add_mailbox
from hub.conversations.actions.addresses import AddressTaken
from hub.staff.models import Department
from patients.normal_form import NotAnAddress

_SECURITY = [*Mailbox.Security.values]


class Command(BaseCommand):
    """Adds a mailbox. The password comes from the environment, never from the command line."""

    help = "Adds a mailbox; its password is read from HUB_MAILBOX_PASSWORD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked for."""
        parser.add_argument("address")
        parser.add_argument("--department", required=True, help="its name")
        parser.add_argument("--label", default="")
        parser.add_argument("--from-name", default="")
        parser.add_argument("--user", default="", help="default: the address")
        parser.add_argument("--imap-host", default="")
        parser.add_argument("--imap-port", type=int, default=993)
        parser.add_argument("--imap-security", choices=_SECURITY, default="tls")
        parser.add_argument("--imap-folder", default="INBOX")
        parser.add_argument("--smtp-host", default="")
        parser.add_argument("--smtp-port", type=int, default=465)
        parser.add_argument("--smtp-security", choices=_SECURITY, default="tls")

    def handle(self, *args: Any, **options: Any) -> None:
        """Add it."""
        department = Department.objects.filter(name=options["department"]).first()
        if department is None:
            raise CommandError(f"No department of that name: {options['department']}")
        names = ("from_name", "imap_host", "imap_port", "imap_security", "imap_folder")
        servers = {name: options[name] for name in (*names, "smtp_host", "smtp_port")}
        try:
            mailbox = add_mailbox(
                options["address"],
                department=department,
                label=options["label"] or options["address"],
                user=options["user"] or options["address"],
                password=os.environ.get("HUB_MAILBOX_PASSWORD", ""),
                smtp_security=options["smtp_security"],
                **servers,
            )
        except NotAnAddress:
            raise CommandError("That is no address for a mailbox.") from None
        except AddressTaken:
            raise CommandError("The hub has this address already.") from None
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"Added: {mailbox.hub_address.value}")
