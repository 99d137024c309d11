"""``manage.py watch_mail``: take mail the moment it comes, until it is stopped."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from channels_app.email.models import Mailbox
from channels_app.email.watching import watch

#: Seconds between two looks for mailboxes that nobody watches yet.
LOOK_AGAIN = 30


class Command(BaseCommand):
    """Watches every mailbox that is on, each on a thread of its own. One process is enough."""

    help = "Watches the mailboxes (IMAP IDLE), so that mail is here within a moment."

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch until SIGTERM or SIGINT."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        watchers: dict[int, threading.Thread] = {}
        while not stop.is_set():
            on = Mailbox.objects.filter(is_on=True).exclude(imap_host="")
            for pk in on.values_list("pk", flat=True):
                known = watchers.get(pk)
                if known is None or not known.is_alive():
                    watchers[pk] = threading.Thread(target=_watch, args=(pk, stop), daemon=True)
                    watchers[pk].start()
            connection.close()
            stop.wait(LOOK_AGAIN)
        for one in watchers.values():
            one.join(10)


def _watch(mailbox_id: int, stop: threading.Event) -> None:
    try:
        watch(mailbox_id, stop)
    finally:
        connection.close()
