"""What the patient's pane shows, as much of it as the check that was made allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from hub.console.addresses import shown
from hub.console.templatetags.console import conversation_path, full_time, short_date
from hub.conversations.contacts import Contact, contacts_of
from hub.conversations.models import Channel, Conversation, HubAddress
from hub.staff.models import User
from patients import consent
from patients.models import ContactPoint, ContactPointLink, Patient, RelatedPerson
from patients.survivors import record_ids

Standings: TypeAlias = Mapping[int, Sequence[consent.Standing]]
"""Where addresses stand on each channel, by the id of the contact point."""

EARLIER = 8
"""How many earlier contacts the pane lists; the merged timeline has the rest."""

_ICONS = {
    "sms": "message",
    "voice": "phone",
    "email": "mail",
    "chat": "messages",
    "whatsapp": "brand-whatsapp",
    "messenger": "brand-messenger",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """An address on one channel, and whether it may be used."""

    point: UUID
    channel: str
    icon: str
    address: str
    note: str  # how it was verified, whose it is
    stands: str
    words: str
    title: str

    @property
    def is_callable(self) -> bool:
        """Whether the address may be called: a number that did not say no to calls."""
        return self.channel == "voice" and self.stands != consent.Stands.STOPPED.value


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another conversation of the same person; masked: only that there was a contact."""

    uuid: UUID | None
    channel: str
    words: str
    at: datetime
    is_masked: bool


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who speaks for the patient."""

    uuid: UUID
    name: str
    relationship: str
    may: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The pane of one conversation, for one reader."""

    path: str
    identity: str
    is_confirmed: bool
    may_edit: bool
    address: str
    reach: Sequence[Reach]
    patient: Patient | None = None
    legal_name: str = ""
    birth: str = ""
    identifiers: Sequence[str] = ()
    alerts: str = ""
    needs: str = ""
    language_note: str = ""
    how_matched: str = ""
    how_confirmed: str = ""
    related: Sequence[Speaker] = ()
    earlier: Sequence[Earlier] = ()


def panel_of(
    conversation: Conversation, user: User, *, may_edit: bool, more: Sequence[ContactPoint] = ()
) -> tuple[Panel, Standings]:
    """Return the pane, and where its addresses and those of `more` stand (asked once for both).

    Of somebody not yet identified the pane holds nothing but the address.
    """
    patient = conversation.patient
    path = conversation_path(conversation.uuid)
    point = conversation.contact_point
    if patient is None:
        standings = consent.standing([point, *more])
        pane = Panel(
            path=path,
            identity=conversation.identity,
            is_confirmed=False,
            may_edit=may_edit,
            address=shown(point),
            reach=_reach([(point, None)], standings),
        )
        return pane, standings
    ids = record_ids(patient.pk)
    links = _links(ids, patient.pk)
    points: list[tuple[ContactPoint, ContactPointLink | None]] = [
        (link.contact_point, link) for link in links
    ]
    if all(known.pk != point.pk for known, _link in points):
        points.insert(0, (point, None))
    standings = consent.standing([*(known for known, _link in points), *more])
    confirmed = conversation.identity == Conversation.Identity.CONFIRMED
    here = next((link for link in links if link.contact_point_id == point.pk), None)
    pane = Panel(
        path=path,
        identity=conversation.identity,
        is_confirmed=confirmed,
        may_edit=may_edit,
        address=shown(point),
        reach=_reach(points, standings, frozenset(ids)),
        patient=patient,
        legal_name=patient.legal_name if patient.legal_name != patient.name else "",
        birth=_birth(patient.birth_date, confirmed),
        identifiers=[
            f"{one.system} {one.value if confirmed else _masked(one.value)}"
            for one in patient.identifiers.all()
        ],
        alerts=patient.alerts,
        needs=patient.accessibility_needs,
        language_note=_language(patient.language),
        how_matched=_("Known address") if here else _("Chosen by staff"),
        how_confirmed=_how_confirmed(here),
        related=[_speaker(one) for one in _speakers(ids)],
        earlier=_earlier(conversation, user, ids),
    )
    return pane, standings


def _links(ids: Sequence[int], patient_id: int) -> list[ContactPointLink]:
    """The current links of the person's records, each address once."""
    rows = (
        ContactPointLink.objects.select_related("contact_point", "related_person")
        .filter(Q(patient__in=ids), until=None)
        .order_by("id")
    )
    return list({link.contact_point_id: link for link in rows}.values())


def _reach(
    points: Sequence[tuple[ContactPoint, ContactPointLink | None]],
    standings: Standings,
    ids: frozenset[int] = frozenset(),
) -> list[Reach]:
    lines = [
        (point, link, line)
        for point, link in points
        for line in standings[point.pk]
        if line.purpose is None
    ]
    # Every phone might be on WhatsApp: shown where something was said, or where we are there.
    unsaid = any(_is_unsaid_whatsapp(line) for _point, _link, line in lines)
    hides = (
        unsaid
        and not HubAddress.objects.filter(
            channel=Channel.WHATSAPP, state=HubAddress.State.ON
        ).exists()
    )
    return [
        _one_reach(point, link, line, asked_for_plain=bool(line.plain_for & ids))
        for point, link, line in lines
        if not (hides and _is_unsaid_whatsapp(line))
    ]


def _is_unsaid_whatsapp(line: consent.Standing) -> bool:
    return line.channel == Channel.WHATSAPP and line.stands is consent.Stands.UNSAID


def _one_reach(
    point: ContactPoint,
    link: ContactPointLink | None,
    line: consent.Standing,
    *,
    asked_for_plain: bool,
) -> Reach:
    note = ""
    if link is not None:
        verified = _("verified") if link.is_verified else _("not verified")
        note = f"{link.get_role_display()}, {verified}"
    return Reach(
        point=point.uuid,
        channel=line.channel,
        icon=_ICONS.get(line.channel, "address-book"),
        address=shown(point),
        note=note,
        stands=line.stands.value,
        words=_stands_words(line, asked_for_plain),
        title=full_time(line.since) if line.since else _("Nobody ever said"),
    )


def _stands_words(line: consent.Standing, asked_for_plain: bool) -> str:
    if line.is_stopped:
        return _("Stopped %(day)s") % {"day": short_date(line.since)}
    if asked_for_plain:
        return _("Asked for plain words")
    if line.stands is consent.Stands.GIVEN:
        words = {"sms": _("Texts agreed"), "voice": _("Calls agreed"), "email": _("Mail agreed")}
        return words.get(line.channel, _("Agreed"))
    return _("Answers only")


def _birth(birth_date: date | None, confirmed: bool) -> str:
    if birth_date is None:
        return _("Birth date not known")
    if not confirmed:
        return _("Born •• ••• %(year)s") % {"year": birth_date.year}
    today = timezone.localdate()
    years = today.year - birth_date.year
    if (today.month, today.day) < (birth_date.month, birth_date.day):
        years -= 1
    return _("Born %(day)s · %(years)d years") % {
        "day": date_format(birth_date, "j M Y"),
        "years": years,
    }


def _masked(value: str) -> str:
    return f"••{value[-5:]}" if len(value) > 5 else "••"


def _language(code: str) -> str:
    if code == "en":
        return ""
    try:
        name = get_language_info(code)["name_translated"]
    except KeyError:
        name = code
    return _("Speaks %(language)s") % {"language": name}


def _how_confirmed(link: ContactPointLink | None) -> str:
    if link is None or link.verified_at is None:
        return _("Checked in this conversation")
    return _("%(how)s, %(day)s") % {
        "how": link.get_verified_how_display(),
        "day": short_date(link.verified_at),
    }


def _speakers(ids: Sequence[int]) -> list[RelatedPerson]:
    today = timezone.localdate()
    rows = RelatedPerson.objects.filter(patient__in=ids)
    return list(rows.filter(Q(until=None) | Q(until__gte=today)).order_by("name", "id"))


def _speaker(person: RelatedPerson) -> Speaker:
    may = [
        words
        for allowed, words in (
            (person.may_hear, _("may hear")),
            (person.may_decide, _("may decide")),
        )
        if allowed
    ]
    return Speaker(
        uuid=person.uuid,
        name=person.name,
        relationship=person.relationship,
        may=", ".join(may) or _("may hear nothing"),
    )


def _earlier(conversation: Conversation, user: User, ids: Sequence[int]) -> list[Earlier]:
    """The person's other conversations, the latest first, each as much as `user` may know."""
    known = contacts_of(user, ids, limit=EARLIER + 1)
    return [_one_earlier(one) for one in known if one.id != conversation.pk][:EARLIER]


def _one_earlier(one: Contact) -> Earlier:
    if one.level == "masked":
        return Earlier(None, "", "", one.opened_at, is_masked=True)
    state = str(Conversation.Status(one.status).label)
    words = f"{Channel(one.channel).label} · {one.department} · {state}"
    return Earlier(one.conversation, one.channel, words, one.last_entry_at, is_masked=False)
