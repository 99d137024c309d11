"""Fetches mail by IMAP (RFC 3501): what is new in a mailbox since the last time, each once.

The folder is left as it is: nothing is deleted, moved or marked as read. How far it was read is
kept by UID within its UIDVALIDITY, after each mail; a fetcher that dies, or a second one beside it,
takes some mail twice, which changes nothing (taking.py).
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import OperationalError
from django.utils import timezone
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from channels_app.email import taking
from channels_app.email.models import Mailbox
from channels_app.email.oauth import NoToken, access_token

#: Seconds that the server has for each answer.
TIMEOUT = 20
#: So many mails are taken in one go; the next go comes soon.
AT_ONCE = 100
#: A mail larger than this is on record as refused, and not fetched (bytes).
LARGEST = 30 * 1024 * 1024

log = structlog.get_logger(__name__)


class CannotFetch(Exception):
    """The mailbox cannot be read now. `code` says why, in no words of the server."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def fetch(mailbox_id: int) -> int:
    """Take what is new in a mailbox; return how many mails were looked at. Never raises for mail.

    Where it cannot be read the row says why, and the next go tries again.
    """
    mailbox = Mailbox.objects.select_related("hub_address").get(pk=mailbox_id)
    failure, looked_at = "", 0
    try:
        with session(mailbox) as client:
            looked_at = _take_new(client, mailbox)
    except CannotFetch as error:
        failure = error.code
        log.warning("mailbox_not_fetched", mailbox_id=mailbox.pk, reason=failure)
    Mailbox.objects.filter(pk=mailbox.pk).update(failure=failure, fetched_at=timezone.now())
    return looked_at


@contextmanager
def session(mailbox: Mailbox) -> Iterator[IMAPClient]:
    """Yield a session in the mailbox's folder, opened to be read only. Raises CannotFetch."""
    client: IMAPClient | None = None
    try:
        client = _connect(mailbox)
        _log_in(client, mailbox)
        yield client
    except (LoginError, NoToken):
        raise CannotFetch("log_in") from None
    except ssl.SSLError:
        raise CannotFetch("tls") from None
    except (IMAPClientError, OSError):
        raise CannotFetch("unreachable") from None
    finally:
        if client is not None:
            client.shutdown()


def _connect(mailbox: Mailbox) -> IMAPClient:
    context = ssl.create_default_context()
    is_tls = mailbox.imap_security == Mailbox.Security.TLS
    client = IMAPClient(
        mailbox.imap_host,
        mailbox.imap_port,
        ssl=is_tls,
        ssl_context=context if is_tls else None,
        timeout=TIMEOUT,
    )
    if mailbox.imap_security == Mailbox.Security.STARTTLS:
        client.starttls(context)
    return client


def _log_in(client: IMAPClient, mailbox: Mailbox) -> None:
    if mailbox.oauth_token_url:
        client.oauth2_login(mailbox.user, access_token(mailbox))
    else:
        client.login(mailbox.user, mailbox.password)


def _take_new(client: IMAPClient, mailbox: Mailbox) -> int:
    folder = client.select_folder(mailbox.imap_folder, readonly=True)
    validity = int(folder[b"UIDVALIDITY"])
    if mailbox.uid_validity != validity:
        _begin(mailbox, validity, int(folder.get(b"UIDNEXT", 1)))
    uids = [
        uid for uid in client.search(["UID", f"{mailbox.last_uid + 1}:*"]) if uid > mailbox.last_uid
    ]
    for uid in sorted(uids)[:AT_ONCE]:
        _take_one(client, mailbox, uid)
        Mailbox.objects.filter(pk=mailbox.pk, uid_validity=validity, last_uid__lt=uid).update(
            last_uid=uid
        )
    return len(uids[:AT_ONCE])


def _begin(mailbox: Mailbox, validity: int, next_uid: int) -> None:
    """Begin to read a folder: a new mailbox's at what comes from now on (old mail is imported).

    A folder that was made anew has new UIDs: it is read from its start, and what is here already is
    known again.
    """
    is_new = mailbox.uid_validity is None
    mailbox.uid_validity = validity
    mailbox.last_uid = next_uid - 1 if is_new else 0
    mailbox.save(update_fields=["uid_validity", "last_uid"])


def _take_one(client: IMAPClient, mailbox: Mailbox, uid: int) -> None:
    """Take one mail. One that cannot be worked on is kept with its bytes, and blocks no other."""
    size = client.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE")
    if size is None:
        return  # deleted meanwhile, by another program
    if size > LARGEST:
        head = client.fetch([uid], ["BODY.PEEK[HEADER]"]).get(uid, {})
        raw = bytes(head.get(b"BODY[HEADER]", b""))
        taking.refuse(raw, mailbox.hub_address, "too_large", historical=False)
        return
    body = client.fetch([uid], ["BODY.PEEK[]"]).get(uid, {})
    raw = body.get(b"BODY[]")
    if raw is None:
        return
    try:
        taking.take(bytes(raw), mailbox.hub_address)
    except OperationalError:
        raise  # the database is away: nothing is passed over
    except Exception:
        log.error("mail_failed", mailbox_id=mailbox.pk, exc_info=True)
        taking.refuse(bytes(raw), mailbox.hub_address, "failed", historical=False)
