"""A real SMTP server on loopback (aiosmtpd), that keeps what it is given or refuses it."""

import socket
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as SMTP_POLICY
from typing import Any

from aiosmtpd.controller import Controller


class Smtp:
    """The server; `start`, use, `stop`.

    Attributes:
        port: where it listens, on 127.0.0.1.
        mails: what it took, the oldest first.
        answers: by command ("RCPT", "DATA"), what it says instead of taking it.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.mails: list[EmailMessage] = []
        self.answers: dict[str, str] = {}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._controller.start()

    def stop(self) -> None:
        """Stop it."""
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or say what a test wants."""
        if "RCPT" in self.answers:
            return self.answers["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail, or say what a test wants."""
        if "DATA" in self.answers:
            return self.answers["DATA"]
        parsed = BytesParser(EmailMessage, policy=SMTP_POLICY).parsebytes(envelope.content)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"
