"""Finds patients by name, birth date, telephone number, e-mail address or record number.

Needs no extension of PostgreSQL: names by the beginnings of their words (patients/name_words.py),
numbers by their last digits (an index of numbers read backwards), all else exactly. What is typed
narrows: "mor 3/12/1961" is a Mor… born on that day.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from django.db.models import Case, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Reverse
from django.utils import timezone

from patients import name_words, survivors
from patients.fields import BareIdentifier
from patients.models import ContactPoint, ContactPointLink, Patient, PatientIdentifier

MOST_FOUND = 20
SHORTEST_NUMBER = 4
"""Fewer digits than these find too many numbers."""

_MOST_POINTS = 200
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b")
_DATE = re.compile(r"\b(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b")
_EMAIL = re.compile(r"\S+@\S*")
_PART_OF_NUMBER = re.compile(r"[+(]*\d[\d().-]*")
_LONGEST_NUMBER = 15  # digits, E.164
# What people write before a number or a date; no names.
_LABELS = frozenset({"mrn", "dob", "born", "tel", "phone"})


class Why(StrEnum):
    """What of a patient was found."""

    IDENTIFIER = "identifier"
    CONTACT_POINT = "contact_point"
    NAME = "name"
    BIRTH_DATE = "birth_date"


@dataclass(frozen=True, slots=True)
class Found:
    """A patient, and what of theirs was found."""

    patient: Patient
    why: frozenset[Why]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed, understood."""

    words: tuple[str, ...]
    dates: frozenset[date]
    #: Digits of numbers: the end of a telephone number, or a record number.
    digits: tuple[str, ...]
    #: Record numbers, in capitals without dashes.
    identifiers: tuple[str, ...]
    emails: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not (self.words or self.dates or self.identifiers or self.emails)


def understand(text: str) -> Wanted:
    """Tell names, dates, numbers and addresses in what was typed apart.

    "3/12/1961" is both 12 March and 3 December: who types so is not asked where they come from.
    """
    rest = unicodedata.normalize("NFKC", text).replace("\0", " ")
    dates: set[date] = set()
    for pattern in (_ISO_DATE, _DATE):
        for match in list(pattern.finditer(rest)):
            # What is no day of the calendar may be a record number.
            if found := _dates(*match.groups()):
                dates |= found
                rest = rest.replace(match.group(), " ")
    emails, rest = _take(_EMAIL, rest)
    pieces = rest.split()
    with_digit = [piece for piece in pieces if any("0" <= sign <= "9" for sign in piece)]
    numbers = _numbers(pieces)
    return Wanted(
        words=tuple(_name_words(" ".join(piece for piece in pieces if piece not in with_digit))),
        dates=frozenset(dates),
        digits=tuple(number for number in numbers if len(number) >= SHORTEST_NUMBER),
        identifiers=tuple(
            dict.fromkeys(re.sub(r"[^A-Z0-9]", "", one.upper()) for one in [*with_digit, *numbers])
        ),
        emails=tuple(email.lower() for email in emails),
    )


def search(text: str, among: QuerySet[Patient], *, limit: int = MOST_FOUND) -> list[Found]:
    """Find patients by what a member of staff typed, the likeliest first.

    Args:
        text: as typed.
        among: the patients whom the person may see.
        limit: the most that are returned.

    Returns:
        Patients who stand for themselves; one found by a merged record's data is found.
    """
    wanted = understand(text)
    if wanted.is_empty:
        return []
    owners: dict[Why, set[int]] = {}
    rows = among
    if wanted.identifiers or wanted.emails:
        owners = _owners(wanted)
        rows = rows.filter(pk__in=set().union(*owners.values()))
    if wanted.dates:
        rows = rows.filter(birth_date__in=wanted.dates)
    if wanted.words:
        rows = rows.filter(name_words__contains=[_beginning(word) for word in wanted.words])
    # Some of these may be merged records of one person.
    first = list(rows.order_by(_rank(wanted, owners), "legal_name", "pk")[: limit * 2])
    why = _reasons(wanted, owners, first)
    return [Found(patient, why[patient.pk]) for patient in survivors.standing(among, first)][:limit]


def _rank(wanted: Wanted, owners: dict[Why, set[int]]) -> Case:
    """Record numbers first, then names of which all words are whole."""
    whole = [name_words.WHOLE + word for word in wanted.words]
    return Case(
        When(pk__in=owners.get(Why.IDENTIFIER, ()), then=Value(0)),
        When(Q(name_words__contains=whole) if whole else Q(pk__in=[]), then=Value(1)),
        default=Value(2),
    )


def _owners(wanted: Wanted) -> dict[Why, set[int]]:
    """Ids of the records to which what was typed belongs, one way or another."""
    owners: dict[Why, set[int]] = {Why.IDENTIFIER: set(), Why.CONTACT_POINT: set()}
    if wanted.identifiers:
        found = PatientIdentifier.objects.annotate(bare=BareIdentifier("value"))
        exactly = found.filter(bare__in=wanted.identifiers)[:_MOST_POINTS]
        owners[Why.IDENTIFIER].update(exactly.values_list("patient_id", flat=True))
    if wanted.digits or wanted.emails:
        owners[Why.CONTACT_POINT].update(_linked(wanted))
    return owners


def _linked(wanted: Wanted) -> QuerySet[ContactPointLink, int]:
    """Ids of the patients to whom addresses lead, through those who speak for them too."""
    points: set[int] = set()
    for number in wanted.digits:
        backwards = ContactPoint.objects.annotate(backwards=Reverse("value"))
        ending = backwards.filter(
            system=ContactPoint.System.PHONE, backwards__startswith=number[::-1]
        )
        points.update(ending.values_list("pk", flat=True)[:_MOST_POINTS])
    if wanted.emails:
        same = ContactPoint.objects.filter(
            system=ContactPoint.System.EMAIL, value__in=wanted.emails
        )
        points.update(same.values_list("pk", flat=True))
    speaks = Q(related_person=None) | Q(related_person__until=None)
    speaks |= Q(related_person__until__gte=timezone.localdate())
    links = ContactPointLink.objects.filter(speaks, contact_point__in=points, until=None)
    return links.values_list(Coalesce("patient_id", "related_person__patient_id"), flat=True)


def _reasons(
    wanted: Wanted, owners: dict[Why, set[int]], rows: list[Patient]
) -> dict[int, frozenset[Why]]:
    """Why each was found, by the id of the record that stands for it."""
    always = {Why.NAME} if wanted.words else set()
    if wanted.dates:
        always.add(Why.BIRTH_DATE)
    merged = [row.pk for row in rows if row.survivor_id is not None]
    stands_for = survivors.survivor_ids(merged) if merged else {}
    reasons: dict[int, frozenset[Why]] = {}
    for row in rows:
        patient_id = stands_for.get(row.pk, row.pk)
        mine = always | {why for why, ids in owners.items() if row.pk in ids}
        reasons[patient_id] = reasons.get(patient_id, frozenset()) | mine
    return reasons


def _beginning(word: str) -> str:
    return word[: name_words.LONGEST_BEGINNING]


def _name_words(text: str) -> list[str]:
    """The words that a name can be looked up by."""
    return [
        word
        for word in name_words.words(text)
        if word not in _LABELS and len(word) >= name_words.shortest_beginning(word)
    ]


def _numbers(pieces: list[str]) -> list[str]:
    """The digits of telephone numbers: "(555) 010-0142" is one, though it has a space."""
    found: list[str] = []
    is_going_on = False
    for piece in pieces:
        is_part = bool(_PART_OF_NUMBER.fullmatch(piece))
        if is_part:
            digits = re.sub(r"[^0-9]", "", piece)
            if is_going_on and len(found[-1]) + len(digits) <= _LONGEST_NUMBER:
                found[-1] += digits
            else:
                found.append(digits)
        is_going_on = is_part
    return found


def _take(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What matches, and the text without it."""
    return pattern.findall(text), pattern.sub(" ", text)


def _dates(first: str, second: str, third: str) -> set[date]:
    """The dates that three numbers can be: year-month-day, or both orders of day and month."""
    a, b, c = int(first), int(second), int(third)
    possible = [(a, b, c)] if len(first) == 4 else [(c, a, b), (c, b, a)]
    found = set()
    for year, month, day in possible:
        try:
            found.add(date(year, month, day))
        except ValueError:
            continue  # no such day: the other order is meant, or it is no date
    return found
