"""STOP, START and HELP are obeyed (47 CFR 64.1200(a)(10) and (12); twilio.md, section 5)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from hub.conversations.actions.outbox import write_message
from hub.conversations.append import Happened, Line, append, log_events
from hub.conversations.inbound import Inbound
from hub.conversations.joining import Joined
from hub.conversations.models import Channel, ContactEvent, Delivery, Entry, HubAddress
from hub.conversations.wording import keyword_answer
from patients import actions as patients
from patients import consent
from patients.keywords import Keyword
from patients.models import ContactPoint

#: The confirmation of a STOP may come at most five minutes after it (FCC, 2012 SoundBite ruling).
CONFIRMATION_LIMIT = timedelta(minutes=5)


@dataclass(slots=True)
class Obeyed:
    """What was done, and what is to be appended after the patient's own line."""

    needs_person: bool = True
    steps: list[Callable[[Joined, datetime], None]] = field(default_factory=list)

    def follow(self, joined: Joined, at: datetime) -> None:
        """Append the entries that follow the keyword."""
        for step in self.steps:
            step(joined, at)


def obey(inbound: Inbound, point: ContactPoint, joined: Joined, now: datetime) -> Obeyed:
    """Do what the keyword of `inbound` says; `point` is locked by the caller."""
    obeyed = Obeyed()
    if inbound.keyword is None:
        return obeyed
    word = inbound.keyword.keyword
    language = inbound.keyword.language
    if word is None:
        # It only reads like a wish to be left alone: a person decides.
        obeyed.steps.append(lambda j, at: _consent_line(j, at, "suspected"))
        return obeyed
    is_stopped = consent.is_stopped(point.pk, inbound.channel)
    if inbound.keyword.only_if_stopped and not is_stopped:
        return obeyed  # a plain "yes" to somebody's question
    obeyed.needs_person = inbound.keyword.needs_person
    if word is Keyword.STOP:
        patients.stop(point, channel=inbound.channel, source="keyword", evidence=inbound.text)
        obeyed.steps.append(lambda j, at: _consent_line(j, at, "stopped"))
        if not is_stopped:
            _answer(obeyed, inbound, word, language, confirms_stop=True)
    elif word is Keyword.START:
        if is_stopped:
            patients.start(point, channel=inbound.channel, source="keyword", evidence=inbound.text)
            obeyed.steps.append(lambda j, at: _consent_line(j, at, "given"))
        _answer(obeyed, inbound, word, language)
    elif word is Keyword.HELP:
        _answer(obeyed, inbound, word, language, confirms_stop=is_stopped)
    return obeyed


def _consent_line(joined: Joined, at: datetime, what: str) -> None:
    append(
        joined.conversation,
        Line(
            kind=Entry.Kind.CONSENT,
            author_kind=Entry.Author.SYSTEM,
            at=at,
            leg=joined.leg,
            detail={"what": what, "source": "keyword"},
        ),
    )


def _answer(
    obeyed: Obeyed, inbound: Inbound, word: Keyword, language: str, *, confirms_stop: bool = False
) -> None:
    """Add the one automatic answer, unless the provider gives it."""
    if inbound.keyword_answered or inbound.keyword is None:
        return
    # A spelling that the provider does not know ("ALTO") is for us to answer all the same.
    known_to_provider = inbound.keyword.known_to_provider

    def step(joined: Joined, at: datetime) -> None:
        address = HubAddress.objects.get(pk=inbound.hub_address_id)
        if address.opt_out_by == HubAddress.OptOut.PROVIDER and known_to_provider:
            return
        number = _number_to_call(address)
        [entry] = append(
            joined.conversation,
            Line(
                kind=Entry.Kind.MESSAGE,
                author_kind=Entry.Author.AUTOMATIC,
                at=at,
                audience=Entry.Audience.PATIENT,
                leg=joined.leg,
                body=keyword_answer(word, language, number),
                delivery_state=Delivery.State.READY,
            ),
        )
        write_message(
            entry,
            joined.leg,
            confirms_stop=confirms_stop,
            not_after=at + CONFIRMATION_LIMIT if confirms_stop else None,
        )
        log_events(
            joined.conversation, Happened(ContactEvent.Kind.AUTOMATIC_ANSWER, at, joined.leg)
        )

    obeyed.steps.append(step)


def _number_to_call(address: HubAddress) -> str:
    """Return the number that HELP names: for a page at Messenger one of its department's.

    Where the hub knows of no number at all, whoever asks is told to call the clinic by its name.
    """
    if address.channel != Channel.MESSENGER:
        return address.value
    numbers = HubAddress.objects.filter(channel__in=[Channel.VOICE, Channel.SMS])
    nearest = numbers.annotate(elsewhere=~Q(department_id=address.department_id))
    return (
        nearest.order_by("elsewhere", "-channel", "pk").values_list("value", flat=True).first()
        or settings.ORGANISATION_NAME
    )
