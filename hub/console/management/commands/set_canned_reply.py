"""``manage.py set_canned_reply``: what agents get by "/shortcut"."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hub.console.models import CannedReply
from hub.staff.setting_up import NoSuchDepartment, find_department


class Command(BaseCommand):
    """Adds a reply, or changes the one of the same shortcut, language and department."""

    help = "Set a canned reply."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("shortcut")
        parser.add_argument("body", help="empty: take the reply away")
        parser.add_argument("--title", default="", help="default: the shortcut")
        languages = [code for code, _name in settings.LANGUAGES]
        parser.add_argument("--language", default="en", choices=languages)
        parser.add_argument("--department", default="", metavar="NAME", help="default: everybody's")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            department = find_department(options["department"]) if options["department"] else None
        except NoSuchDepartment as error:
            raise CommandError("There is no such department.") from error
        which = {
            "shortcut": options["shortcut"],
            "language": options["language"],
            "department": department,
        }
        if not options["body"]:
            gone, _ = CannedReply.objects.filter(**which).delete()
            self.stdout.write("Taken away." if gone else "There was none.")
            return
        said = {"title": options["title"] or options["shortcut"], "body": options["body"]}
        try:
            CannedReply(**which, **said).clean_fields(exclude=["department"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        CannedReply.objects.update_or_create(**which, defaults=said)
        self.stdout.write("Set.")
