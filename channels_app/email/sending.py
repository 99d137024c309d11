"""Hands mail over to the mailbox's server (SMTP, RFC 5321), and tells its failures apart.

Up to the end of the message nothing was taken, whatever happens; once it was sent and before the
server has answered, nobody knows.
"""

import base64
import hashlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.utils import timezone

from channels_app.adapter import Ambiguous, HandedOver, Refused, TryLater
from channels_app.email.composing import compose, message_id
from channels_app.email.models import Mailbox, MailMessage
from channels_app.email.oauth import NoToken, access_token, xoauth2
from channels_app.email.threading import digest
from hub.conversations.models import Delivery
from patients.models import ContactPoint

#: Seconds that each step of the server may take; less than the outbox's lease.
TIMEOUT = 30

log = structlog.get_logger(__name__)


def send(delivery: Delivery) -> HandedOver:
    """Send the mail of a delivery, once. Raises Refused, TryLater, Ambiguous."""
    mailbox = Mailbox.objects.filter(hub_address_id=delivery.hub_address_id, is_on=True).first()
    if mailbox is None or not mailbox.smtp_host:
        raise Refused("no_mailbox")
    if delivery.contact_point.system != ContactPoint.System.EMAIL:
        raise Refused("no_address")
    mail = compose(delivery, mailbox)
    _note(delivery, str(mail["Subject"]))
    with _server(mailbox) as server:
        # A reply to our address bounces there, where it is read (bounces.py).
        _expect(server.mail(delivery.hub_address.value))
        _expect(server.rcpt(delivery.contact_point.value))
        _expect(server.docmd("DATA"), 354)
        try:
            server.send(_dotted(mail.as_bytes()))
            answer = server.getreply()
        except (OSError, smtplib.SMTPException):
            raise Ambiguous("no_answer") from None
        _expect(answer)
    return HandedOver(state=Delivery.State.SENT, provider_key=message_id(delivery)[1:-1])


def _note(delivery: Delivery, subject: str) -> None:
    """Write down by what its bounce, and an answer to it, will name this mail."""
    assert delivery.entry is not None
    own = message_id(delivery)
    now = timezone.now()
    MailMessage.objects.get_or_create(
        key=hashlib.sha256(own.encode()).digest(),
        defaults={
            "direction": MailMessage.Direction.OUT,
            "hub_address": delivery.hub_address,
            "conversation_id": delivery.entry.conversation_id,
            "entry": delivery.entry,
            "id_digest": digest(own),
            "message_id": own,
            "subject": subject,
            "at": now,
            "received_at": now,
        },
    )


@contextmanager
def _server(mailbox: Mailbox) -> Iterator[smtplib.SMTP]:
    """Yield a session with the mailbox's server. Raises TryLater, Refused."""
    server: smtplib.SMTP | None = None
    try:
        server = _connect(mailbox)
        _log_in(server, mailbox)
        yield server
    except smtplib.SMTPAuthenticationError:
        log.warning("mailbox_log_in_failed", mailbox_id=mailbox.pk)
        raise TryLater("log_in") from None
    except (OSError, smtplib.SMTPException):
        raise TryLater("unreachable") from None
    finally:
        if server is not None:
            server.close()


def _connect(mailbox: Mailbox) -> smtplib.SMTP:
    host, port = mailbox.smtp_host, mailbox.smtp_port
    context = ssl.create_default_context()
    if mailbox.smtp_security == Mailbox.Security.TLS:
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT)
    if mailbox.smtp_security == Mailbox.Security.STARTTLS:
        server.starttls(context=context)
    return server


def _log_in(server: smtplib.SMTP, mailbox: Mailbox) -> None:
    server.ehlo_or_helo_if_needed()
    if mailbox.oauth_token_url:
        try:
            said = xoauth2(mailbox.user, access_token(mailbox))
        except NoToken:
            raise TryLater("log_in") from None
        code, _answer = server.docmd("AUTH", f"XOAUTH2 {base64.b64encode(said.encode()).decode()}")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, b"")
    elif mailbox.password:
        server.login(mailbox.user, mailbox.password)


def _expect(answer: tuple[int, bytes], wanted: int = 250) -> None:
    """Raise TryLater or Refused unless the server said `wanted`; 251 will do for 250."""
    code = answer[0]
    if code == wanted or (wanted == 250 and code == 251):
        return
    if 400 <= code < 500 or code == -1:
        raise TryLater(str(code))
    raise Refused(str(code))


def _dotted(content: bytes) -> bytes:
    """Return the message as it goes over the line (RFC 5321, section 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").split(b"\n")
    body = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"
