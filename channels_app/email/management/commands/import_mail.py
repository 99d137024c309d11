"""``manage.py import_mail PATH…``: take along the mail from before the hub."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError

from channels_app.email.importing import Found, count, messages
from channels_app.email.reading import MailRefused, read
from channels_app.email.reply_address import own_address
from channels_app.email.taking import Taken, take
from hub.conversations.models import Channel, HubAddress

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Takes raw messages, folders of them, mbox files and Maildirs, as historical mail.

    It goes the way that all mail goes, but nothing follows from it: nobody waits, nothing is
    answered, marked as unread, counted or reopened. One line of JSON a message says what became
    of it. It can be stopped and started again: what is there already is a duplicate.
    """

    help = "Takes old mail along (raw messages, folders, mbox, Maildir): on record, and no more."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked for."""
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
        parser.add_argument(
            "--mailbox",
            help="the address of ours whose mail it is; else who it was sent to decides, "
            "and where that is none of ours, the first",
        )
        parser.add_argument(
            "--explain", action="store_true", help="also print what was taken as newly written"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Take the mail; exits with 1 if something could not be worked on at all."""
        boxes = {
            address.value: address
            for address in HubAddress.objects.filter(channel=Channel.EMAIL).order_by("pk")
        }
        if not boxes:
            raise CommandError("There is no mailbox yet: an administrator adds one first.")
        chosen = options["mailbox"]
        if chosen and chosen.lower() not in boxes:
            raise CommandError(f"No mailbox of ours: {chosen}")
        try:
            total = count(options["paths"]) if sys.stderr.isatty() else 0
            broken = 0
            for number, found in enumerate(messages(options["paths"]), 1):
                broken += not self._take(found, boxes, chosen, explain=options["explain"])
                if total:
                    _show_progress(number, total)
        except FileNotFoundError as error:
            raise CommandError(f"Not there: {error}") from None
        if broken:
            raise CommandError(f"{broken} could not be worked on", returncode=1)

    def _take(
        self, found: Found, boxes: dict[str, HubAddress], chosen: str | None, *, explain: bool
    ) -> bool:
        """Take one message and print what became of it; return whether that went well."""
        line: dict[str, Any] = {"file": found.name}
        address = boxes[chosen.lower()] if chosen else _addressed(found.raw, boxes)
        try:
            taken = take(found.raw, address, historical=True)
        except Exception as error:
            log.error("import_failed", exc_info=True)
            line |= {"outcome": "failed", "reason": type(error).__name__}
            self.stdout.write(json.dumps(line))
            return False
        self.stdout.write(json.dumps(line | _said(taken, explain=explain), ensure_ascii=False))
        return True


def _said(taken: Taken, *, explain: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "outcome": taken.outcome,
        "reason": taken.reason,
        "conversation": str(taken.conversation) if taken.conversation else None,
    }
    if taken.mail is None:
        return said
    said["kind"] = taken.mail.kind.value
    bounce = taken.mail.bounce
    if bounce is not None:
        said["bounce"] = {
            "recipient": bounce.recipient,
            "status": bounce.status,
            "permanent": bounce.is_permanent,
        }
        said |= said["bounce"]
    if explain:
        said["text"] = taken.mail.text
    return said


def _addressed(raw: bytes, boxes: dict[str, HubAddress]) -> HubAddress:
    """Return to which mailbox of ours a message went; the first where it names none."""
    try:
        mail = read(raw)
    except MailRefused:
        return next(iter(boxes.values()))
    for named in (*mail.delivered_to, *mail.to, *mail.cc):
        if own_address(named) in boxes:
            return boxes[own_address(named)]
    return next(iter(boxes.values()))


def _show_progress(number: int, total: int) -> None:
    done = 30 * number // total
    end = "\n" if number == total else ""
    sys.stderr.write(f"\r[{'#' * done}{'.' * (30 - done)}] {number:,} of {total:,}{end}")
    sys.stderr.flush()
