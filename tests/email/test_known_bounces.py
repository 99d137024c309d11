"""Bounces in the words of servers that keep to no rule, and mail that only looks like one."""

import pytest

from channels_app.email.reading import MailKind, read

QMAIL = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: front-desk@clinic.example
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<gone@example.net>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

From: front-desk@clinic.example
To: gone@example.net
Message-ID: <sent@clinic.example>
"""
FULL = """\
From: mailer-daemon@example.net
To: front-desk@clinic.example
Subject: Delivery report

User's mailbox is full: <full@example.net>
Unable to deliver mail.
"""
VERSION = """\
From: Mailer-Daemon@example.net
To: front-desk@clinic.example
Subject: Message status - undeliverable
Precedence: list
List-Id: <news.example.net>
X-Mailer: Server 2.0.12
X-Failed-Recipients: gone@example.net

The message that you sent was undeliverable (server 2.0.12) to: gone@example.net
"""


@pytest.mark.parametrize(
    ("raw", "recipient", "status", "permanent"),
    [
        (QMAIL, "gone@example.net", "5.1.1", True),
        (FULL, "full@example.net", "", False),
        (VERSION, "gone@example.net", "", True),
    ],
    ids=["qmail", "a full mailbox", "a version is no code"],
)
def test_who_failed_and_how(raw: str, recipient: str, status: str, permanent: bool) -> None:
    mail = read(raw.encode())
    assert mail.kind is MailKind.BOUNCE
    assert mail.bounce is not None
    assert (mail.bounce.recipient, mail.bounce.status) == (recipient, status)
    assert mail.bounce.is_permanent is permanent


def test_a_person_who_shows_us_a_bounce_is_a_person() -> None:
    shown = "\n".join(f"> {line}" for line in QMAIL.splitlines())
    mail = read(
        f"From: Rosa Diaz <rosa@example.org>\nTo: front-desk@clinic.example\n"
        f"Subject: Fwd: failure notice\n\nThis came when I wrote to you:\n\n{shown}\n".encode()
    )
    assert mail.kind is MailKind.MESSAGE


def test_an_address_of_the_machine_itself_is_not_who_was_written_to() -> None:
    raw = (
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\nReturn-Path: <>\n"
        "Subject: Undelivered Mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nNo.\n--b\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.net\n\nOriginal-Recipient: rfc822;gone@example.net\n"
        "Final-Recipient: rfc822;gone@mailstore\nAction: failed\nStatus: 5.0.0\n--b--\n"
    )
    bounce = read(raw.encode()).bounce
    assert bounce is not None
    assert bounce.recipient == "gone@example.net"
