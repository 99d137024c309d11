"""The only writers of wishes to be called: begin, prove, promise, forget.

Nothing that a page answers tells whether a number is known to the clinic: a code is "on its way"
whoever asks, and all that follows needs the code.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from channels_app.voice import promising
from channels_app.voice.models import Callback
from hub.conversations.actions.outbox import write_message
from hub.conversations.append import Happened, Line, append, lock, log_events
from hub.conversations.inbound import Inbound
from hub.conversations.joining import Joined, join
from hub.conversations.models import (
    Channel,
    ContactEvent,
    Conversation,
    Delivery,
    Entry,
    HubAddress,
    Leg,
)
from hub.routing.rules import rules_of
from hub.selfservice.models import CallWish
from hub.staff.models import Department
from patients import consent, contact_points
from patients.models import ContactPoint

CODE_LASTS = timedelta(minutes=10)
MOST_TRIES = 5
#: How long somebody may think about the time once their number is proved.
PROOF_LASTS = timedelta(minutes=30)
FORGOTTEN_AFTER = timedelta(days=1)
#: How a conversation ends that was opened for a code alone, which nobody entered.
NOT_PROVED = "not_proved"


class WishOver(Exception):
    """The token carries no wish that can go on: unknown, expired, used, or out of tries."""


class Proof(Enum):
    """What came of a code."""

    RIGHT = auto()
    WRONG = auto()


@dataclass(frozen=True, slots=True)
class Begun:
    """A new wish, and the token that carries it, which is nowhere else."""

    wish: CallWish
    token: str


def departments() -> list[Department]:
    """Return the departments that call back."""
    return [one for one in Department.objects.all() if rules_of(one.pk).of(Channel.VOICE).callbacks]


def begin(number: str, department: Department, *, language: str) -> Begun:
    """Text a code to `number` (in normal form), if texts may go there."""
    token, code = secrets.token_urlsafe(24), f"{secrets.randbelow(10**6):06d}"
    now = timezone.now()
    with transaction.atomic():
        point = contact_points.hold(ContactPoint.System.PHONE, number)
        wish = CallWish(
            token_hash=_hash(token),
            code_hash=_hash(token, code),
            contact_point=point,
            department=department,
            language=language,
            created_at=now,
            expires_at=now + CODE_LASTS,
        )
        if not consent.is_stopped(point.pk, Channel.SMS):
            _text(wish, point, code, now)
        wish.save()
    return Begun(wish, token)


def prove(token: str, code: str) -> Proof:
    """Compare a code; each look at it counts. Raises WishOver."""
    now = timezone.now()
    with transaction.atomic():
        wish = _locked(token)
        if wish.proved_at is not None or wish.expires_at <= now or wish.tries >= MOST_TRIES:
            raise WishOver
        wish.tries += 1
        given = "".join(filter(str.isdigit, code))
        is_right = hmac.compare_digest(wish.code_hash, _hash(token, given))
        if is_right:
            wish.proved_at, wish.expires_at = now, now + PROOF_LASTS
        wish.save()
    return Proof.RIGHT if is_right else Proof.WRONG


def proved(token: str) -> CallWish:
    """Return a wish whose number is proved, and that is not promised yet. Raises WishOver."""
    return _require_proved(_find(token))


def promise(token: str, *, start: datetime | None, reason: str) -> Callback:
    """Promise the call. Raises WishOver, SlotGone, and what promising.for_patient raises."""
    with transaction.atomic():
        point = contact_points.lock(_find(token).contact_point_id)
        wish = _require_proved(_locked(token))
        assert wish.leg is not None  # there was a code to enter
        callback = promising.for_patient(
            wish.leg.conversation,
            point,
            source=Callback.Source.PORTAL,
            start=start,
            language=wish.language,
            reason=reason,
            leg=wish.leg,
            department=wish.department,
        )
        wish.done_at = timezone.now()
        wish.save()
    return callback


def forget(now: datetime | None = None) -> int:
    """Close what was opened for codes that nobody entered, and delete old wishes; return how many.

    Nobody's number stands in the lists because somebody else typed it.
    """
    now = now or timezone.now()
    unproved = CallWish.objects.filter(
        opened=True, proved_at__isnull=True, expires_at__lte=now
    ).select_related("leg")
    for wish in list(unproved.order_by("pk")[:200]):
        with transaction.atomic():
            contact_points.lock(wish.contact_point_id)
            if wish.leg is not None:
                _close(wish.leg, now)
            CallWish.objects.filter(pk=wish.pk).update(opened=False)
    return CallWish.objects.filter(created_at__lt=now - FORGOTTEN_AFTER).delete()[0]


def _text(wish: CallWish, point: ContactPoint, code: str, now: datetime) -> None:
    """Write the text with the code, in the conversation that a text from there would join."""
    lines = HubAddress.objects.filter(channel=Channel.SMS).order_by("pk")
    address = lines.filter(department=wish.department).first() or lines.first()
    if address is None:
        return
    joined = _join(point, address, now)
    wish.leg, wish.opened = joined.leg, joined.is_new or joined.was_resolved
    [entry] = append(
        joined.conversation,
        Line(
            kind=Entry.Kind.MESSAGE,
            author_kind=Entry.Author.AUTOMATIC,
            at=now,
            audience=Entry.Audience.PATIENT,
            leg=joined.leg,
            body=_words(code, wish.language),
            detail={"what": "code"},
            delivery_state=Delivery.State.READY,
        ),
    )
    write_message(entry, joined.leg, not_after=wish.expires_at)
    log_events(
        joined.conversation,
        *joined.events,
        Happened(ContactEvent.Kind.AUTOMATIC_ANSWER, now, joined.leg, reason="code"),
    )


def _join(point: ContactPoint, address: HubAddress, now: datetime) -> Joined:
    joined = join(
        Inbound(
            channel=Channel.SMS,
            contact_system=point.system,
            contact_value=point.value,
            hub_address_id=address.pk,
            text="",
            at=now,
        ),
        point,
        now,
    )
    if joined.is_new:
        # Nobody is asked for anything yet.
        Conversation.objects.filter(pk=joined.conversation.pk).update(
            status=Conversation.Status.WAITING
        )
        joined.conversation.status = Conversation.Status.WAITING
    return joined


def _words(code: str, language: str) -> str:
    with translation.override(language):
        return _(
            "%(name)s: your code is %(code)s. It works for 10 minutes. "
            "If you did not ask for it, you need not do anything."
        ) % {"name": settings.ORGANISATION_NAME, "code": code}


def _close(leg: Leg, now: datetime) -> None:
    """End a conversation in which there is nothing but codes."""
    [conversation] = lock([leg.conversation_id])
    if conversation.status == Conversation.Status.RESOLVED:
        Leg.objects.filter(pk=leg.pk, ended_at__isnull=True).update(ended_at=now)
        return
    codes = {"kind": Entry.Kind.MESSAGE, "author_kind": Entry.Author.AUTOMATIC}
    if (
        conversation.status != Conversation.Status.WAITING
        or conversation.holder_id is not None
        or conversation.entries.exclude(**codes).exists()
    ):
        return
    Leg.objects.filter(conversation=conversation, ended_at__isnull=True).update(ended_at=now)
    append(
        conversation,
        Line(
            kind=Entry.Kind.STATUS,
            author_kind=Entry.Author.SYSTEM,
            at=now,
            detail={"what": "resolved", "reason": NOT_PROVED},
        ),
        status=Conversation.Status.RESOLVED,
        resolved_at=now,
        resolution=NOT_PROVED,
        waiting_since=None,
    )
    log_events(conversation, Happened(ContactEvent.Kind.LEG_ENDED, now, leg, reason=NOT_PROVED))


def _require_proved(wish: CallWish) -> CallWish:
    over = wish.expires_at <= timezone.now() or wish.done_at is not None
    if over or wish.proved_at is None:
        raise WishOver
    return wish


def _find(token: str) -> CallWish:
    found = CallWish.objects.filter(token_hash=_hash(token)).select_related(
        "contact_point", "department", "leg__conversation__patient"
    )
    wish = found.first()
    if wish is None:
        raise WishOver
    return wish


def _locked(token: str) -> CallWish:
    pk = _find(token).pk
    return (
        CallWish.objects.select_for_update(of=("self",))
        .select_related("department", "leg__conversation__department", "leg__conversation__patient")
        .get(pk=pk)
    )


def _hash(*parts: str) -> str:
    """Return what is kept of a secret: six digits are nothing without the key and the token."""
    key = hmac.digest(settings.SECRET_KEY.encode(), b"selfservice.call-wish/1", sha256)
    return hmac.digest(key, "\0".join(parts).encode("utf-8", "replace"), sha256).hex()
