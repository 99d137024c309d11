"""Carries out TwiML for one leg: asks for a document, does its verbs, asks for the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from ..twiml import TwimlError
from ..webhooks import FETCH_FAILED, Answer
from .exchange import Exchange
from .leg import Leg, Redirected, Source
from .progress import answer
from .twiml_voice import Document, Place, Verb, read_document, read_twiml

#: Documents in a row that take no time, after which a call is taken to run in a circle.
MOST_AT_ONCE = 100
#: Seconds between two questions while somebody waits (waitUrl, HoldUrl).
BETWEEN_WAITS = 1.0
APOLOGY = "We are sorry, an application error has occurred. Goodbye."
APOLOGY_SECONDS = 4.0


class ApplicationError(Exception):
    """The hub gave no usable instructions, not even at the fallback URL."""


class LeftQueue(Exception):
    """``<Leave>``: out of the queue, and on with the document behind it."""


@dataclass
class Stage:
    """One leg carrying out documents in one place of its call."""

    exchange: Exchange
    leg: Leg
    place: Place
    #: Fields for each question, such as the place in the queue.
    fields: Callable[[], list[tuple[str, str]]] = list
    asked_at: datetime | None = None
    at_once: int = 0

    async def perform(self, source: Source) -> None:
        """Carry out a document and all that it leads to, until one runs out of verbs.

        Raises:
            Interrupted: when the call ends or goes elsewhere.
            ApplicationError: when there are no usable instructions.
            LeftQueue: after ``<Leave>``.
        """
        following: Source | None = source
        while following is not None:
            await self._hold_back(following)
            document = await self._fetch(following)
            for warning in document.warnings:
                self.exchange.warn(self.leg, document.url, warning)
            following = await self._carry_out(document)

    async def _carry_out(self, document: Document) -> Source | None:
        for verb in document.verbs:
            following = await VERBS[verb.name](self, verb)
            if following is not None:
                return following
        return None

    async def _hold_back(self, source: Source) -> None:
        """Keep a circle of documents from spinning: 1 s apart while waiting, 100 otherwise."""
        now = self.exchange.clock.now()
        since = (now - self.asked_at).total_seconds() if self.asked_at else None
        if since is not None and since < BETWEEN_WAITS:
            if self.place in {Place.QUEUE_WAIT, Place.HOLD} and not source.prompt:
                await self.leg.wait(BETWEEN_WAITS - since)
            self.at_once += 1
            if self.at_once > MOST_AT_ONCE:
                self.exchange.warn(self.leg, source.url, "error 11215: too many redirects")
                raise ApplicationError
        else:
            self.at_once = 0
        self.asked_at = self.exchange.clock.now()

    async def _fetch(self, source: Source) -> Document:
        if source.twiml:
            try:
                return read_twiml(source.twiml, source.url, self.place)
            except TwimlError as error:
                self.exchange.warn(self.leg, source.url, f"error {error.code}: {error}")
                raise ApplicationError from error
        answer = await self.ask(source)
        failure = FETCH_FAILED
        if answer.ok:
            try:
                return read_document(answer, source.url, self.place)
            except TwimlError as error:
                self.exchange.warn(self.leg, source.url, f"error {error.code}: {error}")
                failure = str(error.code)
        return await self._fetch_fallback(source, failure)

    async def _fetch_fallback(self, source: Source, failure: str) -> Document:
        url = self.leg.fallback_url
        if not url or self.place is not Place.MAIN:
            raise ApplicationError
        fields = (
            *source.fields,
            ("ErrorCode", failure),
            ("ErrorUrl", source.url.partition("#")[0]),
        )
        fallback = Source(url, self.leg.fallback_method, fields, label=f"{source.label}, fallback")
        answer = await self.ask(fallback)
        if not answer.ok:
            raise ApplicationError
        try:
            return read_document(answer, url, self.place)
        except TwimlError as error:
            self.exchange.warn(self.leg, url, f"error {error.code}: {error}")
            raise ApplicationError from error

    async def ask(self, source: Source) -> Answer:
        """Ask, and wait for the answer; the question goes its way even when the call ends."""
        answers: list[Answer] = []

        async def question() -> None:
            answers.append(await self.exchange.ask(self.leg, source, self.fields()))
            self.leg.bell.ring()

        self.exchange.clock.spawn(question())
        await self.leg.wait(until=lambda: bool(answers))
        return answers[0]


Performer = Callable[[Stage, Verb], Awaitable[Source | None]]
#: What each verb does; the modules that know register theirs.
VERBS: dict[str, Performer] = {}


def performs(name: str) -> Callable[[Performer], Performer]:
    """Register what a verb does."""

    def register(performer: Performer) -> Performer:
        VERBS[name] = performer
        return performer

    return register


def source_of(
    verb: Verb, url: str, label: str, fields: list[tuple[str, str]] | None = None
) -> Source:
    """Where a verb goes on: ``url`` relative to its document, by its ``method``."""
    method = "GET" if verb.get("method").upper() == "GET" else "POST"
    return Source(urljoin(verb.url, url), method, tuple(fields or ()), label=label)


async def converse(exchange: Exchange, leg: Leg, source: Source) -> None:
    """The main part of a call: documents one after the other, wherever it is sent, to the end.

    Raises:
        HungUp: when somebody ended it before its documents ran out.
    """
    following = source
    while True:
        try:
            await _perform_or_apologise(exchange, leg, following)
            return
        except Redirected as moved:
            following = moved.source


async def _perform_or_apologise(exchange: Exchange, leg: Leg, source: Source) -> None:
    try:
        await Stage(exchange, leg, Place.MAIN).perform(source)
    except LeftQueue:
        return
    except ApplicationError:
        await _apologise(exchange, leg)


async def _apologise(exchange: Exchange, leg: Leg) -> None:
    answer(exchange, leg)
    leg.hear("say", APOLOGY, who="voice")
    await leg.wait(APOLOGY_SECONDS * exchange.chaos.knobs.speech_factor)
