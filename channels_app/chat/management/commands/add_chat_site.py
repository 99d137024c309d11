"""``manage.py add_chat_site``: lets a web site carry the chat."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from channels_app.chat import sites
from hub.conversations.actions.addresses import AddressTaken, NotOurNumber
from hub.staff.setting_up import NoSuchDepartment, find_department
from patients.normal_form import NotAnAddress

REFUSALS: dict[type[Exception], str] = {
    sites.NotASiteKey: "A key is made of letters, digits, hyphens and underscores.",
    sites.NotAnOrigin: "An origin is like https://www.clinic.example: no path, no wildcard.",
    NoSuchDepartment: "There is no such department; add_department adds one.",
    NotAnAddress: "This is not a telephone number.",
    NotOurNumber: "The hub has no such number; add_number adds one.",
    AddressTaken: "There is a chat site of this key.",
}


class Command(BaseCommand):
    """Adds one site and prints the script tag for its pages."""

    help = "Add a web site that carries the chat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", help="a short name, such as main")
        parser.add_argument("--department", required=True, metavar="NAME")
        parser.add_argument("--label", default="", help="what staff read; default: the key")
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            metavar="URL",
            help="whose pages may carry it, such as https://www.clinic.example; may be repeated",
        )
        parser.add_argument(
            "--text-number", default="", help="our number that is offered when nobody is there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            site = sites.add_site(
                options["key"],
                label=options["label"] or options["key"],
                department=find_department(options["department"]),
                origins=options["origin"],
                text_number=options["text_number"],
            )
        except tuple(REFUSALS) as error:
            raise CommandError(REFUSALS[type(error)]) from error
        page = settings.PUBLIC_URL + reverse("chat:page", args=[site.key])
        script = settings.PUBLIC_URL + reverse("chat:widget")
        self.stdout.write(f"Added. A page of its own: {page}")
        self.stdout.write("For other pages:")
        self.stdout.write(f'<script src="{script}" data-site="{site.key}" async></script>')
