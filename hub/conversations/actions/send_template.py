"""A person of the staff sends a template: the one thing that may go out when the window is closed.

Nothing of it is written freely. The name is the patient's first one, the clinic's is its own, and a
date and a time are what they are; so no health information can be put into one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format, time_format

from hub.conversations import errors
from hub.conversations.actions.send import Answer, deliver
from hub.conversations.actions.templates import PLACE
from hub.conversations.models import Conversation, Entry, Leg, MessageTemplate, TemplateUse
from hub.staff.models import User

Variable = MessageTemplate.Variable


#: A day and a time of day as a sentence may end with them: no "p.m.", no "Dec.".
_DAY = {"en": "F j, Y", "es": r"j \d\e F \d\e Y"}
_CLOCK = {"en": "g:i A", "es": "H:i"}


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person chose for a template's variables; the hub knows the others."""

    day: date | None = None
    clock: time | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """One press of "send" of a template."""

    template: UUID
    leg_id: int
    intent: UUID
    filled: Filled = Filled()
    seen_number: int | None = None


def send_template(conversation: Conversation, press: Press, *, by: User) -> Entry:
    """Append the template's words and its delivery, as `send` does with an answer.

    Raises what `send` raises but WindowClosed, and NoSuchTemplate, TemplateNeedsPatient,
    TemplateIncomplete.
    """
    template = MessageTemplate.objects.filter(uuid=press.template, is_on=True).first()
    if template is None:
        raise errors.NoSuchTemplate
    values = values_of(template, conversation, press.filled)
    answer = Answer(
        body=words_of(template, values),
        leg_id=press.leg_id,
        intent=press.intent,
        seen_number=press.seen_number,
        # It tells nothing of anybody's health, and Twilio takes no other words for it.
        is_plain=True,
    )

    def fits(leg: Leg, now: datetime) -> None:
        if leg.channel != template.channel:
            raise errors.NoSuchTemplate

    def along(entry: Entry) -> None:
        TemplateUse.objects.create(
            entry=entry, template=template, content_sid=template.content_sid, filled=values
        )

    return deliver(
        conversation, answer, by=by, fits=fits, may_write=lambda leg, now, secure: None, along=along
    )


def values_of(
    template: MessageTemplate, conversation: Conversation, filled: Filled
) -> dict[str, str]:
    """Return the template's variables, "1", "2" …, as they go out.

    Raises TemplateNeedsPatient, TemplateIncomplete.
    """
    makers: dict[str, Callable[[], str]] = {
        Variable.FIRST_NAME: lambda: _first_name(conversation),
        Variable.CLINIC_NAME: lambda: str(settings.ORGANISATION_NAME),
        Variable.DATE: lambda: _day(filled.day, template.language),
        Variable.TIME: lambda: _clock(filled.clock, template.language),
    }
    with translation.override(template.language):
        return {
            str(number): makers[Variable(kind)]()
            for number, kind in enumerate(template.variables, start=1)
        }


def words_of(template: MessageTemplate, values: dict[str, str]) -> str:
    """Return the preview with `values` in their places."""
    return PLACE.sub(lambda found: values[found[1]], template.preview)


def _first_name(conversation: Conversation) -> str:
    patient = conversation.patient
    if patient is None or conversation.identity != Conversation.Identity.CONFIRMED:
        raise errors.TemplateNeedsPatient
    return patient.name.split()[0]


def _day(day: date | None, language: str) -> str:
    if day is None:
        raise errors.TemplateIncomplete
    return date_format(day, _DAY[language])


def _clock(clock: time | None, language: str) -> str:
    if clock is None:
        raise errors.TemplateIncomplete
    return time_format(clock, _CLOCK[language])
