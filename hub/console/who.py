"""Who may be writing: the candidates that a person of the staff chooses from, with the evidence."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.chat.sessions import said_in
from hub.conversations.models import Channel, Conversation
from patients.identify import Candidate, LinkedPerson, candidates, identify
from patients.models import Patient
from patients.search import Why, search

_OPEN = (Conversation.Identity.UNKNOWN, Conversation.Identity.SHARED)


@dataclass(frozen=True, slots=True)
class Choice:
    """One who may be meant, and what speaks for it. Nothing else of them is told."""

    uuid: UUID
    name: str
    evidence: str


def candidates_of(conversation: Conversation) -> list[Choice]:
    """Return the choices while nobody is chosen.

    Those who use the address come first, then those who fit what a chat visitor typed of themself.
    """
    if conversation.identity not in _OPEN:
        return []
    choices = {
        link.patient.pk: Choice(link.patient.uuid, link.patient.name, _link_words(link))
        for link in identify(conversation.contact_point).links
    }
    if conversation.channel == Channel.CHAT:
        for one in _typed(conversation):
            choices.setdefault(
                one.patient.pk, Choice(one.patient.uuid, one.patient.name, _typed_words(one))
            )
    return list(choices.values())


def _typed(conversation: Conversation) -> list[Candidate]:
    said = said_in(conversation)
    return candidates(Patient.objects.all(), said.name, said.birth_date) if said else []


def _link_words(link: LinkedPerson) -> str:
    if link.related_person_id is not None:
        return _("%(name)s (%(relationship)s) uses this address") % {
            "name": link.related_name,
            "relationship": link.relationship,
        }
    if link.verified_at is not None:
        return _("uses this address, verified")
    return _("uses this address")


def _typed_words(one: Candidate) -> str:
    if one.same_birth_date and one.same_name:
        return _("typed this name and birth date")
    if one.same_birth_date:
        return _("typed this birth date, and %(some)d of %(all)d words of the name") % {
            "some": one.same_words,
            "all": one.typed_words,
        }
    return _("typed this name, no birth date that fits")


@dataclass(frozen=True, slots=True)
class Result:
    """A patient as a search shows them: enough to tell two apart, and no more."""

    id: int
    uuid: UUID
    name: str
    born: str  # the year alone
    why: str


_WHY = {
    Why.IDENTIFIER: gettext_lazy("record number"),
    Why.CONTACT_POINT: gettext_lazy("address"),
    Why.NAME: gettext_lazy("name"),
    Why.BIRTH_DATE: gettext_lazy("birth date"),
}


def found_patients(typed: str) -> list[Result]:
    """Return the patients that fit what was typed, with what of theirs was found."""
    return [
        Result(
            id=one.patient.pk,
            uuid=one.patient.uuid,
            name=one.patient.name,
            born=str(one.patient.birth_date.year) if one.patient.birth_date else "",
            why=", ".join(str(words) for why, words in _WHY.items() if why in one.why),
        )
        for one in search(typed, Patient.objects.all(), limit=8)
    ]
