"""Watches a mailbox (IMAP IDLE, RFC 2177), so that a mail is here within a moment.

The worker looks at every mailbox from time to time all the same (tasks.py): a watcher that died, or
a server that does not tell, only makes mail later.
"""

import random
import threading

import structlog
from django.db import close_old_connections
from imapclient import IMAPClient

from channels_app.email import fetching
from channels_app.email.fetching import CannotFetch, session
from channels_app.email.models import Mailbox

#: Seconds after which IDLE is begun anew: routers forget connections that say nothing.
RENEW = 240
#: Seconds that a stop may have to wait for.
STEP = 1
#: Seconds between two tries of a server that cannot be reached, at first and at most.
FIRST_PAUSE, LONGEST_PAUSE = 2, 120

log = structlog.get_logger(__name__)


def watch(mailbox_id: int, stop: threading.Event) -> None:
    """Take what comes to a mailbox as soon as its server tells of it, until `stop` is set.

    Returns at once where the server does not know IDLE: then the worker's looking must do.
    """
    pause = FIRST_PAUSE
    while not stop.is_set():
        close_old_connections()
        mailbox = Mailbox.objects.select_related("hub_address").filter(pk=mailbox_id).first()
        if mailbox is None or not mailbox.is_on:
            return
        fetching.fetch(mailbox_id)
        try:
            with session(mailbox) as client:
                if not client.has_capability("IDLE"):
                    log.info("mailbox_without_idle", mailbox_id=mailbox_id)
                    return
                client.select_folder(mailbox.imap_folder, readonly=True)
                _idle(client, stop)
            pause = FIRST_PAUSE
        except CannotFetch as error:
            log.warning("mailbox_not_watched", mailbox_id=mailbox_id, reason=error.code)
            stop.wait(pause * random.uniform(0.7, 1.3))  # noqa: S311  (jitter)
            pause = min(2 * pause, LONGEST_PAUSE)


def _idle(client: IMAPClient, stop: threading.Event) -> None:
    """Return when the server told of something, when it is time to begin anew, or at a stop."""
    client.idle()
    for _ in range(RENEW // STEP):
        told = client.idle_check(timeout=STEP)
        if stop.is_set() or any(b"EXISTS" in one for one in told if isinstance(one, tuple)):
            break
    client.idle_done()
