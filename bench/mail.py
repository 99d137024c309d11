"""Mail, from the server's folder to the timeline: how many a second, and whether that stays so."""

import hashlib
import statistics
import time
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import uuid4

from django.utils import timezone

from channels_app.email.fetching import AT_ONCE, fetch
from channels_app.email.models import Mailbox, MailMessage
from channels_app.email.taking import take
from hub.conversations.models import Conversation, HubAddress
from hub.staff.models import Department
from tests.email.dovecot import PASSWORD, USER, Dovecot

ADDRESS = "bench@clinic.example"
SAMPLE = 150
"""Mails that are timed at each size."""
_AT_A_TIME = 2000


def measure(*, quick: bool) -> dict[str, Any]:
    """Return the figures by their keys in latest.json."""
    department = Department.objects.create(name="Mail bench", slug="mail-bench")
    address = HubAddress.objects.create(
        channel="email", value=ADDRESS, label="Bench", department=department
    )
    mailbox = Mailbox.objects.create(hub_address=address)
    found: dict[str, Any] = {"take_ms": {}}
    _time(address, 20)  # first ones pay for imports, plans and new connections
    for name, stored in (("1k", 1000), ("100k", 5000 if quick else 100_000)):
        _fill_up(address, stored)
        found["take_ms"][name] = round(statistics.median(_time(address, SAMPLE)), 2)
    if Dovecot.is_there():
        found["imap_per_second"] = _by_imap(mailbox)
    return found


def _time(address: HubAddress, count: int) -> list[float]:
    times = []
    for _ in range(count):
        raw = _mail()
        began = time.perf_counter()
        taken = take(raw, address)
        times.append((time.perf_counter() - began) * 1000)
        assert taken.outcome == "stored"
    return times


def _mail() -> bytes:
    number = uuid4().hex
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"patient-{number[:3]}@example.org"  # some thousands of people
    mail["To"] = ADDRESS
    mail["Subject"] = "My tablets"
    mail["Message-ID"] = f"<{number}@example.org>"
    mail["References"] = f"<{number}-before@example.org>"
    mail.set_content(f"I ran out of my tablets ({number}).\n\nOn Monday you wrote:\n> Come soon\n")
    return mail.as_bytes()


def _fill_up(address: HubAddress, wanted: int) -> None:
    """Add rows of mail that came earlier until there are so many."""
    conversation = Conversation.objects.filter(department=address.department)[0]
    now = timezone.now()
    missing = wanted - MailMessage.objects.count()
    while missing > 0:
        numbers = [uuid4().bytes for _ in range(min(missing, _AT_A_TIME))]
        MailMessage.objects.bulk_create(
            MailMessage(
                direction=MailMessage.Direction.IN,
                hub_address=address,
                conversation=conversation,
                id_digest=hashlib.sha256(number).digest(),
                key=hashlib.sha256(number + b"key").digest(),
                at=now,
                received_at=now,
            )
            for number in numbers
        )
        missing -= len(numbers)


def _by_imap(mailbox: Mailbox) -> float:
    """Return how many mails a second come from a real server's folder into the timeline."""
    server = Dovecot()
    server.start()
    try:
        mailbox.imap_host, mailbox.imap_port = "127.0.0.1", server.port
        mailbox.imap_security = Mailbox.Security.NONE
        mailbox.user, mailbox.password = USER, PASSWORD
        mailbox.save()
        fetch(mailbox.pk)  # from now on
        server.put(*(_mail() for _ in range(AT_ONCE)))
        before = MailMessage.objects.count()
        began = time.perf_counter()
        fetch(mailbox.pk)
        seconds = time.perf_counter() - began
        return round((MailMessage.objects.count() - before) / seconds, 1)
    finally:
        server.stop()
