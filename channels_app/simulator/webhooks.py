"""Sends signed webhooks to the hub, as Twilio does: overrides, retries, one token per event.

Whatever the knobs of :mod:`chaos` do to a webhook is done here, and every attempt is kept for the
page and the tests to look at.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from .chaos import Chaos
from .clock import Clock
from .events import Broadcaster
from .overrides import Overrides, read_overrides
from .signatures import sign
from .store import Attempt, Store

#: A held-back webhook goes at the latest after this many simulated seconds.
LONGEST_HOLD = 2.0
#: Twilio's limit for one question about a call, its retries included (real seconds).
LONGEST_QUESTION = 15.0
#: Twilio's code for "the webhook could not be fetched", told to the fallback URL.
FETCH_FAILED = "11200"
ANSWER_KEPT = 20_000


@dataclass(frozen=True)
class Answer:
    """What the hub said in the end; ``status`` is None when it never said anything."""

    status: int | None
    content_type: str = ""
    body: str = ""

    @property
    def ok(self) -> bool:
        """True for any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Webhook:
    """One event to tell the hub.

    Attributes:
        kind: ``inbound``, ``status`` or ``fallback``; of calls ``question`` (for TwiML),
            ``call``, ``conference``, ``recording`` or ``amd``.
        label: what the page's log calls it.
        phone: the patient's number; ``reorder_p`` swaps neighbours of one phone.
        after: webhooks of one ``after`` key leave one after the other.
        fallback_url: asked instead when the hub fails, with ErrorCode and ErrorUrl.
        done: told the final answer, once.
        forged: signed with another key; None leaves it to the dice.
    """

    kind: str
    label: str
    url: str
    parameters: list[tuple[str, str]]
    phone: str
    method: str = "POST"
    after: str | None = None
    fallback_url: str = ""
    fallback_method: str = "POST"
    done: Callable[[Answer], Awaitable[None]] | None = None
    forged: bool | None = None
    token: str = field(default_factory=lambda: str(uuid.uuid4()))


class Dispatcher:
    """The one way out of the simulator, and only to the hub."""

    def __init__(
        self,
        token: str,
        hub_url: str,
        store: Store,
        chaos: Chaos,
        clock: Clock,
        events: Broadcaster,
    ) -> None:
        self.token = token
        self.hub_url = hub_url
        self.store = store
        self.chaos = chaos
        self.clock = clock
        self.events = events
        self._client: httpx.AsyncClient | None = None
        self._tails: dict[str, asyncio.Future[None]] = {}
        self._held: dict[str, Webhook] = {}

    def is_hub(self, url: str) -> bool:
        """True for URLs of the hub's own origin; nothing else is ever called."""
        return _origin(url) == _origin(self.hub_url)

    @property
    def hub_origin(self) -> str:
        """The origin of the hub's pages, as browsers send it."""
        parts = urlsplit(self.hub_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def client(self) -> httpx.AsyncClient:
        """The HTTP client; made on first use, inside the running loop."""
        if self._client is None:
            limits = httpx.Limits(max_connections=200, max_keepalive_connections=20)
            self._client = httpx.AsyncClient(trust_env=False, limits=limits)
        return self._client

    async def close(self) -> None:
        """Close all connections and forget what was held back."""
        self._held.clear()
        self._tails.clear()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def post(self, webhook: Webhook) -> None:
        """Send in the background; returns at once."""
        previous, passed = None, None
        if webhook.after:
            previous = self._tails.get(webhook.after)
            passed = asyncio.get_running_loop().create_future()
            self._tails[webhook.after] = passed
        self.clock.spawn(self._pass_through_network(webhook, previous, passed))

    async def ask(self, webhook: Webhook) -> Answer:
        """Ask a question about a call and wait for the answer, its retries included.

        A question is neither lost nor overtaken, as the call stands still meanwhile; it can be
        late or asked twice, and somebody else may ask it first with a forged signature. Only work
        started by the clock's ``spawn`` may ask.
        """
        await self.clock.sleep(self.chaos.knobs.delay_ms / 1000)
        if self.chaos.happens("bad_signature_p"):
            forgery = replace(webhook, label=f"{webhook.label}, forged", forged=True)
            await self._send_with_retries(forgery)
        try:
            async with asyncio.timeout(LONGEST_QUESTION):
                question = replace(webhook, forged=False)
                if self.chaos.happens("repeat_question_p"):
                    await self._send_with_retries(question, again=True)
                return await self._send_with_retries(question)
        except TimeoutError:
            self._log(webhook, 1, outcome="no answer within 15 seconds")
            return Answer(None)

    async def _pass_through_network(
        self,
        webhook: Webhook,
        previous: asyncio.Future[None] | None,
        passed: asyncio.Future[None] | None,
    ) -> None:
        knobs = self.chaos.knobs
        try:
            await self.clock.sleep(knobs.delay_ms / 1000)
            if previous is not None:
                await previous
            if self.chaos.happens("drop_inbound_p" if webhook.kind == "inbound" else "drop_p"):
                self._log(webhook, 1, outcome="lost on purpose")
                await self._finish(webhook, Answer(None))
                return
            if webhook.phone not in self._held and self.chaos.happens("reorder_p"):
                self._held[webhook.phone] = webhook
                self.clock.spawn(self._release_late(webhook))
                return
            if self.chaos.happens("duplicate_p"):
                self.clock.spawn(self._send(webhook, again=True))
            await self._send(webhook)
            if (held := self._held.pop(webhook.phone, None)) is not None:
                await self._send(held)
        finally:
            if passed is not None:
                if not passed.done():
                    passed.set_result(None)
                if webhook.after and self._tails.get(webhook.after) is passed:
                    del self._tails[webhook.after]

    async def _release_late(self, webhook: Webhook) -> None:
        await self.clock.sleep(LONGEST_HOLD)
        if self._held.get(webhook.phone) is webhook:
            del self._held[webhook.phone]
            await self._send(webhook)

    async def _send(self, webhook: Webhook, again: bool = False) -> None:
        answer = await self._send_with_retries(webhook, again)
        if again:
            return
        if not answer.ok and webhook.fallback_url:
            answer = await self._send_with_retries(
                Webhook(
                    kind="fallback",
                    label=f"{webhook.label}, fallback",
                    url=webhook.fallback_url,
                    method=webhook.fallback_method,
                    parameters=[
                        *webhook.parameters,
                        ("ErrorCode", FETCH_FAILED),
                        ("ErrorUrl", webhook.url.partition("#")[0]),
                    ],
                    phone=webhook.phone,
                )
            )
        await self._finish(webhook, answer)

    async def _finish(self, webhook: Webhook, answer: Answer) -> None:
        if webhook.done is not None:
            await webhook.done(answer)

    async def _send_with_retries(self, webhook: Webhook, again: bool = False) -> Answer:
        if not self.is_hub(webhook.url):
            self._log(webhook, 1, outcome="not sent: not the hub's address")
            return Answer(None)
        overrides = read_overrides(webhook.url)
        answer = Answer(None)
        for try_number in range(1, overrides.retries + 2):
            attempt = self._log(webhook, try_number, again=again)
            answer, failure = await self._try(webhook, overrides, attempt)
            self.events.publish("webhook", webhook=describe(attempt))
            if not failure or not overrides.retry_after(failure):
                break
        return answer

    async def _try(
        self, webhook: Webhook, overrides: Overrides, attempt: Attempt
    ) -> tuple[Answer, str]:
        """One attempt; returns the answer and the kind of failure (empty for success)."""
        request = self._request(webhook, overrides, attempt)
        started = time.perf_counter()
        answer, failure = Answer(None), ""
        try:
            async with asyncio.timeout(overrides.total_timeout / 1000):
                response = await self.client.send(request)
            content_type = response.headers.get("content-type", "")
            answer = Answer(response.status_code, content_type, response.text[:ANSWER_KEPT])
            attempt.outcome = "answered"
            if response.status_code >= 400:
                failure = "4xx" if response.status_code < 500 else "5xx"
        except (httpx.ConnectError, httpx.ConnectTimeout):
            failure, attempt.outcome = "ct", "no connection"
        except (TimeoutError, httpx.TransportError) as error:
            late = isinstance(error, TimeoutError | httpx.TimeoutException)
            failure, attempt.outcome = "rt", "no answer in time" if late else "connection broke"
        attempt.milliseconds = round((time.perf_counter() - started) * 1000)
        attempt.status = answer.status
        attempt.answer = answer.body
        return answer, failure

    def _request(self, webhook: Webhook, overrides: Overrides, attempt: Attempt) -> httpx.Request:
        url, body = webhook.url.partition("#")[0], b""
        signed = webhook.parameters
        headers = {
            "Accept": "*/*",
            "User-Agent": "TwilioProxy/1.1",
            "I-Twilio-Idempotency-Token": webhook.token,
            "X-Home-Region": "us1",
        }
        if webhook.method == "GET":
            url += ("&" if urlsplit(url).query else "?") + urlencode(webhook.parameters)
            signed = []
        else:
            body = urlencode(webhook.parameters).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        token = self.token
        if self.chaos.happens("bad_signature_p") if webhook.forged is None else webhook.forged:
            token += "-forged"
        attempt.signature = headers["X-Twilio-Signature"] = sign(token, url, signed)
        timeout = httpx.Timeout(
            overrides.read_timeout / 1000, connect=overrides.connect_timeout / 1000, pool=None
        )
        return self.client.build_request(
            webhook.method, url, content=body, headers=headers, timeout=timeout
        )

    def _log(
        self, webhook: Webhook, try_number: int, outcome: str = "", again: bool = False
    ) -> Attempt:
        label = webhook.label
        if again:
            label += ", again"
        if try_number > 1:
            label += f", try {try_number}"
        attempt = Attempt(
            number=self.store.next_attempt_number(),
            at=self.clock.now(),
            kind=webhook.kind,
            label=label,
            url=webhook.url,
            method=webhook.method,
            parameters=webhook.parameters,
            token=webhook.token,
            try_number=try_number,
            outcome=outcome,
        )
        self.store.attempts.append(attempt)
        if outcome:
            self.events.publish("webhook", webhook=describe(attempt))
        return attempt


def describe(attempt: Attempt) -> dict[str, Any]:
    """An attempt as the control API and the page show it."""
    return {**asdict(attempt), "at": attempt.at.isoformat()}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ("", None, None)
    return (parts.scheme, parts.hostname, port)
