"""Which conversation an inbound message joins (MODEL.md, Joining)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db import connection

from hub.conversations.actions.legs import open_leg
from hub.conversations.append import Happened, advance
from hub.conversations.inbound import Inbound
from hub.conversations.models import Channel, ContactEvent, Conversation, HubAddress, Leg
from patients.identify import Identification, Level, identify
from patients.models import ContactPoint

_LEG = [field.attname for field in Leg._meta.concrete_fields]
_CONVERSATION = [field.attname for field in Conversation._meta.concrete_fields]
_LATEST_LEG = (
    "SELECT "  # noqa: S608  (column names of our own models)
    + ", ".join([f"l.{name}" for name in _LEG] + [f"c.{name}" for name in _CONVERSATION])
    + " FROM conversations_leg l JOIN conversations_conversation c ON c.id = l.conversation_id "
    "WHERE l.contact_point_id = %s AND l.hub_address_id = %s ORDER BY l.id DESC LIMIT 1"
)


class Arriving(Protocol):
    """What joining must know of something that arrives: a message, or a call."""

    @property
    def channel(self) -> str:
        """By which way."""

    @property
    def hub_address_id(self) -> int:
        """At which address of ours."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """A call that arrives."""

    channel: str
    hub_address_id: int


@dataclass(slots=True)
class Joined:
    """Where the message goes, and what had to happen for it."""

    conversation: Conversation
    leg: Leg
    is_new: bool
    was_resolved: bool
    events: list[Happened]


def join(inbound: Inbound, point: ContactPoint, at: datetime) -> Joined:
    """Return the conversation and open leg for `inbound`; `point` is locked by the caller.

    The lock on the contact point is what makes two messages at once open one conversation
    (invariant 4). Who writes is asked only where the address alone does not say what to join.
    """
    latest = _latest_leg(point.pk, inbound.hub_address_id)
    if inbound.historical:
        return _beside(inbound, latest, point)
    if inbound.conversation_id is not None:
        return _by_link(inbound, inbound.conversation_id, latest, point, at)
    if latest is not None and latest.ended_at is None:
        return Joined(latest.conversation, latest, False, _is_resolved(latest.conversation), [])
    if latest is not None and _may_reopen(latest.conversation, at):
        return _with_leg(latest.conversation, inbound, point, at, was_resolved=True)
    return _by_patient_or_new(inbound, point, at)


def _by_link(
    inbound: Inbound,
    conversation_id: int,
    latest: Leg | None,
    point: ContactPoint,
    at: datetime,
) -> Joined:
    """Join the conversation that a link of ours led to, however long it is resolved.

    If another conversation has the open leg between the two addresses by now, that leg ends: the
    patient goes on here (MODEL.md, Tables: one open text-like leg).
    """
    if latest is not None and latest.ended_at is None and latest.conversation_id == conversation_id:
        return Joined(latest.conversation, latest, False, _is_resolved(latest.conversation), [])
    conversation = Conversation.objects.get(pk=conversation_id)
    address = HubAddress.objects.get(pk=inbound.hub_address_id)
    leg = open_leg(conversation, inbound.channel, point, address, at)
    return Joined(conversation, leg, False, _is_resolved(conversation), [])


def _by_patient_or_new(
    arriving: Arriving,
    point: ContactPoint,
    at: datetime,
    *,
    is_taken: Callable[[int], bool] = lambda _: False,
) -> Joined:
    """Join a confirmed patient's one open conversation in the address's department, or open one."""
    identification = identify(point)
    address = _address(arriving)
    if (
        identification.level is Level.CONFIRMED
        and identification.patient is not None
        and not address.department.restricted
    ):
        open_ones = list(
            Conversation.objects.filter(
                patient_id=identification.patient.pk, department_id=address.department_id
            ).exclude(status=Conversation.Status.RESOLVED)[:2]
        )
        if len(open_ones) == 1 and not is_taken(open_ones[0].pk):
            return _with_leg(open_ones[0], arriving, point, at, was_resolved=False)
    return _open(arriving, point, identification, address, at)


def _beside(inbound: Inbound, latest: Leg | None, point: ContactPoint) -> Joined:
    """Join what is brought along to what it answers, else open a conversation for it.

    What is over does not come to stand among what goes on now, and ends no open leg.
    """
    if inbound.conversation_id is None:
        return _open(inbound, point, identify(point), _address(inbound), inbound.at)
    conversation = Conversation.objects.get(pk=inbound.conversation_id)
    resolved = _is_resolved(conversation)
    if latest is not None and latest.conversation_id == conversation.pk:
        return Joined(conversation, latest, False, resolved, [])
    return _with_leg(conversation, inbound, point, inbound.at, was_resolved=resolved)


def _address(arriving: Arriving) -> HubAddress:
    return HubAddress.objects.select_related("department").get(pk=arriving.hub_address_id)


def join_call(
    point: ContactPoint,
    hub_address_id: int,
    at: datetime,
    *,
    is_taken: Callable[[int], bool] = lambda _: False,
) -> Joined:
    """Return the conversation and a new leg for a call; `point` is locked by the caller.

    A call has a leg of its own, so the way to its conversation is not an open leg but the last one
    between the same two addresses: while its conversation is open, or was resolved a short while
    ago. Else it is as with a text. A conversation in which another caller is on the line
    (`is_taken`) is joined by no second one: each of them waits for a person of their own.
    """
    latest = _latest_leg(point.pk, hub_address_id)
    call = _Ring(Channel.VOICE, hub_address_id)
    if latest is not None:
        known = latest.conversation
        may_join = not _is_resolved(known) or _may_reopen(known, at)
        if may_join and not is_taken(known.pk):
            return _with_leg(known, call, point, at, was_resolved=_is_resolved(known))
    joined = _by_patient_or_new(call, point, at, is_taken=is_taken)
    if joined.is_new:
        Conversation.objects.filter(pk=joined.conversation.pk).update(
            status=Conversation.Status.WAITING
        )
        joined.conversation.status = Conversation.Status.WAITING
    return joined


def id_of_address(channel: str, value: str) -> int | None:
    """Return the id of an address of ours, None where we have no such. One statement.

    Written out, as are the others that each text passes: the ORM takes longer to build it than the
    database to answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM conversations_hubaddress WHERE channel = %s AND value = %s",
            [channel, value],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def _latest_leg(contact_point_id: int, hub_address_id: int) -> Leg | None:
    """Return the last leg between two addresses, with its conversation. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_LATEST_LEG, [contact_point_id, hub_address_id])
        row = cursor.fetchone()
    if row is None:
        return None
    leg = Leg.from_db(connection.alias, _LEG, row[: len(_LEG)])
    leg.conversation = Conversation.from_db(connection.alias, _CONVERSATION, row[len(_LEG) :])
    return leg


def _is_resolved(conversation: Conversation) -> bool:
    return conversation.status == Conversation.Status.RESOLVED


def _may_reopen(conversation: Conversation, at: datetime) -> bool:
    return (
        conversation.resolved_at is not None
        and at - conversation.resolved_at <= settings.REOPENING_WINDOW
    )


def _open(
    arriving: Arriving,
    point: ContactPoint,
    identification: Identification,
    address: HubAddress,
    at: datetime,
) -> Joined:
    conversation = Conversation.objects.create(
        patient=identification.patient,
        identity=identification.level.value,
        department=address.department,
        restricted_by=address.department if address.department.restricted else None,
        channel=arriving.channel,
        contact_point=point,
        opened_at=at,
        last_entry_at=at,
    )
    leg = _new_leg(conversation, arriving, point, at)
    events = [
        Happened(ContactEvent.Kind.CONVERSATION_OPENED, at, leg),
        Happened(ContactEvent.Kind.LEG_CONNECTED, at, leg),
    ]
    return Joined(conversation, leg, True, False, events)


def _with_leg(
    conversation: Conversation,
    arriving: Arriving,
    point: ContactPoint,
    at: datetime,
    *,
    was_resolved: bool,
) -> Joined:
    advance(conversation)  # locks the conversation, and shows its status as committed
    leg = _new_leg(conversation, arriving, point, at)
    return Joined(
        conversation,
        leg,
        False,
        was_resolved or _is_resolved(conversation),
        [Happened(ContactEvent.Kind.LEG_CONNECTED, at, leg)],
    )


def _new_leg(
    conversation: Conversation, arriving: Arriving, point: ContactPoint, at: datetime
) -> Leg:
    return Leg.objects.create(
        conversation=conversation,
        channel=arriving.channel,
        contact_point=point,
        hub_address_id=arriving.hub_address_id,
        opened_at=at,
        # What is over leaves no open leg: the next message finds its way by itself.
        ended_at=at if isinstance(arriving, Inbound) and arriving.historical else None,
    )
