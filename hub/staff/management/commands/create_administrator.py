"""``manage.py create_administrator``: the first account, which invites all others."""

import sys
from getpass import getpass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from hub.staff import setting_up
from hub.staff.actions import EmailTaken


class Command(BaseCommand):
    """Asks for the password: an argument would show in the list of processes."""

    help = "Create the first administrator. Everybody else is invited in the console."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--password-from-stdin", action="store_true", help="read it from the first line"
        )
        parser.add_argument(
            "--another",
            action="store_true",
            help="although there is one: for the day on which no administrator can log in",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        email, name = options["email"], options["name"]
        try:
            validate_email(email)
            password = (
                sys.stdin.readline().rstrip("\n") if options["password_from_stdin"] else _ask()
            )
            setting_up.create_administrator(email, name, password, another=options["another"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except setting_up.AdministratorExists as error:
            raise CommandError(
                "There is an administrator already; they invite others under /staff/people/. "
                "Where none of them can log in: --another."
            ) from error
        except EmailTaken as error:
            raise CommandError("Somebody has an account with this e-mail address.") from error
        self.stdout.write("Created. The first log-in asks for a second factor where one is needed.")


def _ask() -> str:
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask at: use --password-from-stdin.")
    password = getpass("Password: ")
    if password != getpass("The password again: "):
        raise CommandError("The two passwords differ.")
    return password
