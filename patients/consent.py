"""Reads what an address agreed to and what it stopped.

The ledger is append-only; what holds is the latest relevant row. A row without channel or purpose
is about all of them. A STOP is the address's, whoever holds it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from django.db.models import Q

from patients.models import Consent, ContactPoint

System = ContactPoint.System
State = Consent.State

CHANNELS: dict[str, tuple[str, ...]] = {
    System.PHONE: ("sms", "voice", "whatsapp"),
    System.EMAIL: ("email",),
    System.MESSENGER: ("messenger",),
    System.VISITOR: ("chat",),
}
"""The channels that reach an address of each system."""


PLAIN = "plain"
"""The purpose of a consent to plain words where others may read them (texts, mail). It is apart
from all the others: to agree to be written to is not to ask for this."""


class Stands(StrEnum):
    """Where an address stands on a channel."""

    STOPPED = "stopped"
    GIVEN = "given"
    UNSAID = "unsaid"  # nobody ever said: an answer is fine, an advertisement is not


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a channel and purpose of an address, since when, and how we know."""

    channel: str
    #: None: every purpose that is not listed by itself.
    purpose: str | None
    stands: Stands
    since: datetime | None
    #: A Consent.Source, or empty where nothing was ever said.
    source: str
    consent_id: int | None
    #: The ids of the patients who asked for plain words there.
    plain_for: frozenset[int] = frozenset()

    @property
    def is_stopped(self) -> bool:
        """Whether nothing may be sent."""
        return self.stands is Stands.STOPPED


def is_stopped(contact_point_id: int, channel: str, purpose: str | None = None) -> bool:
    """Tell whether nothing may be sent to an address on a channel, in one query.

    To send, ask it after `contact_points.lock_for_share`, so that no STOP comes in between.

    Args:
        contact_point_id: the address.
        channel: "sms", "voice", "email" …
        purpose: what it is for; None for an answer in a conversation, which only a STOP of all
            purposes ends.
    """
    latest = (
        Consent.objects.filter(_concerns(channel, purpose), contact_point=contact_point_id)
        .order_by("-at", "-id")  # index consent_latest
        .values_list("state", flat=True)
        .first()
    )
    return latest == State.STOPPED


def standing_stops(contact_point_id: int, channel: str) -> list[Consent]:
    """Return the STOPs that hold for a channel now, one for each purpose (or all of them)."""
    latest: dict[str | None, Consent] = {}
    rows = Consent.objects.filter(Q(channel=None) | Q(channel=channel))
    # To write to an address again is not to write there in plain words again.
    rows = rows.exclude(purpose=PLAIN)
    for row in rows.filter(contact_point=contact_point_id).order_by("at", "id"):
        if row.purpose is None:
            latest.clear()  # it was about every purpose: what was said before is past
        latest[row.purpose] = row
    return [row for row in latest.values() if row.state == State.STOPPED]


def asked_for_plain(contact_point_id: int, channel: str) -> frozenset[int]:
    """Return the ids of the patients who asked for plain words at an address. One query."""
    rows = Consent.objects.filter(
        Q(purpose=PLAIN) | Q(purpose=None, state=State.STOPPED), contact_point=contact_point_id
    )
    return _plain_for(channel, rows.defer("evidence").order_by("at", "id"))


def _plain_for(channel: str, rows: Iterable[Consent]) -> frozenset[int]:
    """Who asked for plain words and did not take it back; any STOP since takes it back too."""
    persons: set[int] = set()
    for row in rows:
        if row.channel not in (None, channel) or row.purpose not in (None, PLAIN):
            continue
        if row.state == State.STOPPED:
            persons.clear()
        elif row.purpose == PLAIN and row.patient_id is not None:
            persons.add(row.patient_id)
    return frozenset(persons)


def standing(contact_points: Iterable[ContactPoint]) -> dict[int, list[Standing]]:
    """Return where addresses stand, by contact point id, in one query.

    For each channel of an address one line for all purposes, then one for each purpose of which
    something else was said.
    """
    points = list(contact_points)
    said: dict[int, list[Consent]] = defaultdict(list)
    rows = Consent.objects.filter(contact_point__in=points).defer("evidence")
    for row in rows.order_by("at", "id"):
        said[row.contact_point_id].append(row)
    return {point.pk: _standings(point.system, said[point.pk]) for point in points}


def _standings(system: str, rows: list[Consent]) -> list[Standing]:
    channels = dict.fromkeys([*CHANNELS[system], *(row.channel for row in rows if row.channel)])
    result = []
    for channel in channels:
        everything = _stands(channel, None, rows)
        result.append(replace(everything, plain_for=_plain_for(channel, rows)))
        for purpose in sorted({row.purpose for row in rows if row.purpose} - {PLAIN}):
            one = _stands(channel, purpose, rows)
            if one.stands != everything.stands:
                result.append(one)
    return result


def _stands(channel: str, purpose: str | None, rows: list[Consent]) -> Standing:
    """What holds, of all rows of an address in their order."""
    latest: Consent | None = None
    agreed = False
    for row in rows:
        if row.channel in (None, channel) and row.purpose in (None, purpose):
            latest = row
            # START takes a STOP back and agrees to nothing new: that needs a person's yes.
            agreed = agreed or (row.state == State.GIVEN and row.source != Consent.Source.KEYWORD)
    if latest is None:
        return Standing(channel, purpose, Stands.UNSAID, None, "", None)
    if latest.state == State.STOPPED:
        stands = Stands.STOPPED
    else:
        stands = Stands.GIVEN if agreed else Stands.UNSAID
    return Standing(channel, purpose, stands, latest.at, latest.source, latest.pk)


def _concerns(channel: str, purpose: str | None) -> Q:
    wanted = Q(channel=None) | Q(channel=channel)
    about = Q(purpose=None) if purpose is None else Q(purpose=None) | Q(purpose=purpose)
    return wanted & about
