"""The only writers of secure links: make one, open it, find its session, close it.

The token stands behind the "#" of the address, as the chat's links have it (channels_app/chat):
browsers keep that part to themselves. Opening the page uses up nothing; the token travels in the
body of a POST, together with the birth date.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from channels_app.chat import tokens
from channels_app.secure.models import MOST_TRIES, SecureLink
from hub.audit.record import AuditAction, record
from hub.conversations.actions.delivery_status import report
from hub.conversations.append import Line, append
from hub.conversations.models import Conversation, Delivery, Entry
from patients import contact_points
from patients.models import Patient
from patients.survivors import survivor_of

LIFETIME = timedelta(days=7)
#: How long a page stays open with nothing done on it.
SESSION = timedelta(minutes=30)
#: Wrong birth dates over all links of one address that still live. A link each message would else
#: be five more tries each message.
MOST_TRIES_OF_ADDRESS = 15

_HANDED_OVER = (Delivery.State.ACCEPTED, Delivery.State.SENT, Delivery.State.DELIVERED)


class SessionOver(Exception):
    """The browser has no page open: none ever, too long ago, or a newer one took its place."""


class Outcome(Enum):
    """What came of a token and a birth date."""

    OPENED = auto()
    REFUSED = auto()
    # There is no birth date to compare with, so nothing is shown.
    UNKNOWN_PATIENT = auto()


@dataclass(frozen=True, slots=True)
class Opening:
    """An outcome, and where it is OPENED the token of the session, which is nowhere else."""

    outcome: Outcome
    session: str = ""


def link_for(delivery: Delivery) -> tuple[SecureLink, str]:
    """Return the link that goes out for `delivery` and its address: the same each time.

    The token is derived, not drawn, so that a message of which nobody knows whether it was sent
    can be looked for by its words, and is the same one if it is sent once more.
    """
    token = _token_of(delivery)
    now = timezone.now()
    assert delivery.entry is not None
    patient = _patient_of(delivery.entry.conversation)
    link, _is_new = SecureLink.objects.get_or_create(
        delivery=delivery,
        defaults={
            "token_hash": tokens.hash_of(token),
            "conversation_id": delivery.entry.conversation_id,
            "leg_id": delivery.leg_id,
            "contact_point_id": delivery.contact_point_id,
            "language": patient.language if patient else "en",
            "created_at": now,
            "expires_at": now + LIFETIME,
        },
    )
    return link, f"{settings.PUBLIC_URL}/s/#{token}"


def _token_of(delivery: Delivery) -> str:
    key = hmac.digest(settings.SECRET_KEY.encode(), b"secure.link/1", hashlib.sha256)
    digest = hmac.digest(key, delivery.uuid.bytes, hashlib.sha256)[: tokens.LINK_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def open_page(token: str, born: date) -> Opening:
    """Compare a birth date; each wrong one counts, and the fifth kills the link.

    Whatever is wrong, the answer is the same REFUSED: an unknown token, one that expired, and the
    birth date.
    """
    now = timezone.now()
    with transaction.atomic():
        link = _locked(token)
        if link is None or not link.may_be_opened(now):
            return _refuse(link, why="link")
        patient = _patient_of(link.conversation)
        if patient is None or patient.birth_date is None:
            return Opening(Outcome.UNKNOWN_PATIENT)
        # The address is locked, so tries on its other links are counted one after another too.
        if _tries_of_address(link, now) >= MOST_TRIES_OF_ADDRESS:
            _kill(link, now)
            return _refuse(link, why="tries")
        if patient.birth_date != born:
            link.tries += 1
            if link.tries >= MOST_TRIES:
                _kill(link, now)
            else:
                link.save(update_fields=["tries"])
            return _refuse(link, why="birth_date")
        session = _begin(link, patient, now)
    _note_as_read(link)
    return Opening(Outcome.OPENED, session)


def find(session: str) -> SecureLink:
    """Return the link whose page `session` has open. Raises SessionOver."""
    link = (
        SecureLink.objects.select_related(
            "conversation__patient",
            "conversation__department",
            "leg__hub_address",
            "contact_point",
            "session_patient",
        )
        .filter(session_hash=tokens.hash_of(session))
        .first()
    )
    now = timezone.now()
    if link is None or not link.may_be_opened(now):
        raise SessionOver
    assert link.session_until is not None and link.session_patient is not None
    if link.session_until <= now:
        raise SessionOver
    # Staff may have said since that the conversation is about somebody else.
    patient = _patient_of(link.conversation)
    if patient is None or patient.pk != survivor_of(link.session_patient).pk:
        raise SessionOver
    return link


def keep_open(link: SecureLink) -> None:
    """Put the end of the session off: something was done on the page."""
    SecureLink.objects.filter(pk=link.pk, session_hash=link.session_hash).update(
        session_until=timezone.now() + SESSION
    )


def close(link: SecureLink) -> None:
    """End the session by the patient's wish; the link can be opened again."""
    SecureLink.objects.filter(pk=link.pk, session_hash=link.session_hash).update(
        session_hash=None, session_patient=None, session_until=None
    )


def _locked(token: str) -> SecureLink | None:
    """Return the link that has `token`, its address and itself locked, in the house's order."""
    found = SecureLink.objects.filter(token_hash=tokens.hash_of(token))
    contact_point_id = found.values_list("contact_point_id", flat=True).first()
    if contact_point_id is None:
        return None
    contact_points.lock(contact_point_id)
    return (
        found.select_related("conversation__patient", "leg")
        .select_for_update(of=("self",), no_key=True)
        .get()
    )


def _patient_of(conversation: Conversation) -> Patient | None:
    return survivor_of(conversation.patient) if conversation.patient else None


def _tries_of_address(link: SecureLink, now: datetime) -> int:
    alive = SecureLink.objects.filter(contact_point=link.contact_point_id, expires_at__gt=now)
    return alive.aggregate(sum=Sum("tries"))["sum"] or 0


def _refuse(link: SecureLink | None, *, why: str) -> Opening:
    record(
        AuditAction.DENIED,
        actor=None,
        conversation=link.conversation if link else None,
        patient=link.conversation.patient_id if link else None,
        objects=[link] if link else [],
        detail={"check": why},
    )
    return Opening(Outcome.REFUSED)


def _begin(link: SecureLink, patient: Patient, now: datetime) -> str:
    session = secrets.token_urlsafe(tokens.SESSION_BYTES)
    is_first = link.opened_at is None
    link.opened_at = link.opened_at or now
    link.tries = 0
    link.session_hash = tokens.hash_of(session)
    link.session_patient = patient
    link.session_until = now + SESSION
    link.save()
    record(
        AuditAction.VIEW_CONVERSATION,
        actor=None,
        conversation=link.conversation,
        patient=patient,
        objects=[link],
        detail={"opened": "secure_link"},
    )
    if is_first:
        _note(link, "secure_opened", now)
    return session


def _kill(link: SecureLink, now: datetime) -> None:
    """Nobody opens it any more, and staff see why."""
    link.tries = min(link.tries, MOST_TRIES)
    link.dead_at = now
    link.session_hash = link.session_patient = link.session_until = None
    link.save()
    _note(link, "secure_locked", now)


def _note(link: SecureLink, what: str, now: datetime) -> None:
    append(
        link.conversation,
        Line(
            kind=Entry.Kind.LINK,
            author_kind=Entry.Author.SYSTEM,
            at=now,
            leg=link.leg,
            detail={"what": what, "link": str(link.uuid)},
        ),
    )


def _note_as_read(link: SecureLink) -> None:
    """What went out to this address by secure link is on the page now, and so was read."""
    waiting = Delivery.objects.filter(
        entry__conversation=link.conversation_id,
        contact_point=link.contact_point_id,
        secure_link__isnull=False,
        state__in=_HANDED_OVER,
    )
    for pk in waiting.order_by("pk").values_list("pk", flat=True):
        report(pk, Delivery.State.READ)
