"""A stand-in for the hub: keeps the webhooks it gets and answers what a test tells it to."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator


@dataclass
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    fields: dict[str, str]
    signed: bool


@dataclass
class Answer:
    """What to answer: a status, a body with its type, or nothing for so many seconds."""

    status: int = 204
    body: bytes = b""
    content_type: str = "text/xml"
    after: float = 0


@dataclass
class StandInHub:
    """Runs while it is entered. `answer` is asked for each request; 204 by default."""

    seen: list[Seen] = field(default_factory=list)
    answer: Callable[[Seen], Answer] = lambda seen: Answer()

    def __enter__(self) -> Self:
        standin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._take(dict(parse_qsl(body.decode(), keep_blank_values=True)), signed_form=True)

            def do_GET(self) -> None:
                query = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
                self._take(query, signed_form=False)

            def _take(self, fields: dict[str, str], signed_form: bool) -> None:
                seen = Seen(
                    self.command,
                    self.path,
                    dict(self.headers.items()),
                    fields,
                    standin._is_signed(self, fields if signed_form else {}),
                )
                standin.seen.append(seen)
                answer = standin.answer(seen)
                time.sleep(answer.after)
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.content_type)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _is_signed(self, request: BaseHTTPRequestHandler, fields: dict[str, str]) -> bool:
        validator = RequestValidator(os.environ["TWILIO_AUTH_TOKEN"])
        signature = request.headers.get("X-Twilio-Signature", "")
        return validator.validate(self.url + request.path, fields, signature)

    def statuses(self) -> list[str]:
        """The statuses of the status callbacks, as they came."""
        return [s.fields["MessageStatus"] for s in self.seen if "MessageStatus" in s.fields]

    def asked(self, path: str) -> list[dict[str, str]]:
        """The fields of the requests to one path, as they came."""
        return [s.fields for s in self.seen if s.path == path]

    def wait_for(self, path: str, count: int = 1, seconds: float = 10) -> dict[str, str]:
        """Wait until so many requests came to a path; returns the fields of the last."""
        deadline = time.monotonic() + seconds
        while len(self.asked(path)) < count:
            assert time.monotonic() < deadline, f"{len(self.asked(path))} requests to {path}"
            time.sleep(0.01)
        return self.asked(path)[count - 1]

    def bodies(self) -> list[str]:
        """The bodies of the inbound messages, as they came."""
        return [s.fields["Body"] for s in self.seen if "Body" in s.fields]
