"""The outbox: each delivery is handed over at most once per intent (invariant 2).

    ready → claimed → sending → accepted → sent → delivered → read
                              ↘ unknown (asked about)   failed, suppressed

`sending` is committed immediately before the provider is called, after the contact point is locked
FOR SHARE and its consent read. A crash before that is claimed again; after it, nobody knows, so the
provider is asked twice, 30 s apart, before the message is sent once more (MODEL.md, Delivery).
"""

import random
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from channels_app.adapter import Ambiguous, HandedOver, Refused, TryLater
from channels_app.registry import adapter_of
from hub.conversations.actions.delivery_status import report
from hub.conversations.models import Delivery
from patients import consent, contact_points

State = Delivery.State

CLAIM_LEASE = timedelta(seconds=60)
#: Longer than any provider call may take (settings.TWILIO_TIMEOUT).
SENDING_LEASE = timedelta(seconds=45)
INQUIRY_GAP = timedelta(seconds=30)
INQUIRIES_A_ROUND = 2
MOST_ATTEMPTS = 8
LONGEST_BACKOFF = 900.0  # seconds

UNFINISHED = (State.READY, State.CLAIMED, State.SENDING, State.UNKNOWN)

HANDED_OVER_ONCE = (Delivery.Kind.MESSAGE, Delivery.Kind.CALL)

log = structlog.get_logger(__name__)


def deliver(delivery_id: int) -> list[int]:
    """Bring one delivery as far as it goes now; safe to call twice and from two workers.

    Returns the ids of deliveries that may go next: the one behind it in the same line.
    """
    delivery = _claim(delivery_id)
    if delivery is None:
        return []
    if delivery.kind in HANDED_OVER_ONCE:
        if _begin_sending(delivery):
            _send(delivery)
    else:
        _command(delivery)
    return next_in_line(delivery) if delivery.kind == Delivery.Kind.MESSAGE else []


def next_in_line(delivery: Delivery) -> list[int]:
    """Return the id of the message behind `delivery`, if `delivery` no longer stands before it."""
    first = (
        Delivery.objects.filter(
            kind=Delivery.Kind.MESSAGE,
            contact_point_id=delivery.contact_point_id,
            hub_address_id=delivery.hub_address_id,
            state__in=UNFINISHED,
        )
        .order_by("id")
        .values_list("id", "state", "next_attempt_at")
        .first()
    )
    if first is None or first[0] == delivery.pk or first[1] != State.READY:
        return []
    return [first[0]] if first[2] <= timezone.now() else []


def _claim(delivery_id: int) -> Delivery | None:
    """Claim by one conditional update: it must be due, and first in its line."""
    now = timezone.now()
    ahead = Delivery.objects.filter(
        kind=Delivery.Kind.MESSAGE,
        contact_point_id=OuterRef("contact_point_id"),
        hub_address_id=OuterRef("hub_address_id"),
        state__in=UNFINISHED,
        id__lt=OuterRef("id"),
    )
    claimed = (
        Delivery.objects.filter(
            Q(state=State.READY, next_attempt_at__lte=now)
            | Q(state=State.CLAIMED, lease_until__lte=now),
            pk=delivery_id,
        )
        .filter(~Q(kind=Delivery.Kind.MESSAGE) | ~Exists(ahead))
        .update(state=State.CLAIMED, lease_until=now + CLAIM_LEASE, attempts=F("attempts") + 1)
    )
    if not claimed:
        return None
    return Delivery.objects.select_related(
        "entry", "attachment", "contact_point", "hub_address", "leg"
    ).get(pk=delivery_id)


def _begin_sending(delivery: Delivery) -> bool:
    """Commit `sending`, unless the address has opted out or it came too late."""
    why = ""
    with transaction.atomic():
        contact_points.lock_for_share(delivery.contact_point_id)
        now = timezone.now()
        if delivery.not_after is not None and now > delivery.not_after:
            why = "too_late"
        elif _asks_consent(delivery) and consent.is_stopped(
            delivery.contact_point_id, delivery.channel
        ):
            why = "opted_out"
        else:
            moved = Delivery.objects.filter(pk=delivery.pk, state=State.CLAIMED).update(
                state=State.SENDING, lease_until=now + SENDING_LEASE
            )
            if not moved:
                return False
    if why:
        _give_up(delivery, State.SUPPRESSED, why)
        return False
    return True


def _asks_consent(delivery: Delivery) -> bool:
    """Whether it reaches the patient: a call rings a colleague more often than a patient."""
    if delivery.kind == Delivery.Kind.CALL:
        return bool(delivery.detail.get("patient"))
    return not delivery.confirms_stop


def _send(delivery: Delivery) -> None:
    adapter = adapter_of(delivery.channel)
    hand_over = adapter.ring if delivery.kind == Delivery.Kind.CALL else adapter.send
    try:
        handed_over = hand_over(delivery)
    except Refused as error:
        _give_up(delivery, State.FAILED, error.code)
    except TryLater as error:
        _put_back(delivery, error)
    except Ambiguous:
        _do_not_know(delivery)
    except Exception:
        # The adapter broke in the middle: we cannot know how far it came.
        log.error("adapter_failed", delivery_id=delivery.pk, exc_info=True)
        _do_not_know(delivery)
    else:
        _adopt(delivery, handed_over)


def _adopt(delivery: Delivery, handed_over: HandedOver) -> None:
    report(delivery.pk, handed_over.state, provider_key=handed_over.provider_key)


def _give_up(delivery: Delivery, state: str, code: str) -> None:
    if report(delivery.pk, state, error_code=code):
        adapter_of(delivery.channel).gave_up(delivery, code)


def _put_back(delivery: Delivery, error: TryLater) -> None:
    """Make it ready again, later each time and with jitter; give up after `MOST_ATTEMPTS`."""
    if delivery.attempts >= MOST_ATTEMPTS:
        _give_up(delivery, State.FAILED, error.code)
        return
    wait = error.after or min(2.0**delivery.attempts, LONGEST_BACKOFF)
    Delivery.objects.filter(pk=delivery.pk, state__in=[State.SENDING, State.CLAIMED]).update(
        state=State.READY,
        lease_until=None,
        error_code=error.code,
        next_attempt_at=timezone.now() + timedelta(seconds=wait * random.uniform(1.0, 1.3)),  # noqa: S311  (jitter)
    )


def _do_not_know(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk, state=State.SENDING).update(
        state=State.UNKNOWN, lease_until=None, next_attempt_at=timezone.now() + INQUIRY_GAP
    )


def inquire(delivery_id: int) -> list[int]:
    """Ask the provider about one unknown delivery; returns what may go next in its line."""
    now = timezone.now()
    # The next inquiry is set before asking, so that two workers do not both ask and count.
    mine = Delivery.objects.filter(
        pk=delivery_id, state=State.UNKNOWN, next_attempt_at__lte=now
    ).update(next_attempt_at=now + INQUIRY_GAP)
    if not mine:
        return []
    delivery = Delivery.objects.select_related("entry", "contact_point", "hub_address", "leg").get(
        pk=delivery_id
    )
    try:
        found = adapter_of(delivery.channel).find(delivery)
    except TryLater:
        return []  # the provider cannot say now; it is asked again after the gap
    if found is not None:
        _adopt(delivery, found)
        return next_in_line(delivery)
    inquiries = delivery.inquiries + 1
    Delivery.objects.filter(pk=delivery_id).update(inquiries=inquiries)
    if inquiries >= INQUIRIES_A_ROUND and not adapter_of(delivery.channel).sends_again:
        _give_up(delivery, State.FAILED, "no_answer")
        return next_in_line(delivery)
    if inquiries == INQUIRIES_A_ROUND:
        # Absent both times: send once more.
        Delivery.objects.filter(pk=delivery_id, state=State.UNKNOWN).update(
            state=State.READY, next_attempt_at=now
        )
        return [delivery_id]
    if inquiries >= 2 * INQUIRIES_A_ROUND:
        _give_up(delivery, State.FAILED, "no_answer")
        return next_in_line(delivery)
    return []


def _command(delivery: Delivery) -> None:
    """Do what is harmless to repeat, so that a lost one is simply done again."""
    adapter = adapter_of(delivery.channel)
    do = {
        Delivery.Kind.FETCH: adapter.fetch,
        Delivery.Kind.DELETE: adapter.delete,
        Delivery.Kind.COMMAND: adapter.command,
    }[Delivery.Kind(delivery.kind)]
    try:
        do(delivery)
    except Refused as error:
        _give_up(delivery, State.FAILED, error.code)
    except TryLater as error:
        _put_back(delivery, error)
    else:
        report(delivery.pk, State.DELIVERED)


def due(now: datetime | None = None, limit: int = 200) -> tuple[list[int], list[int]]:
    """Return the ids to deliver and the ids to inquire about; called by the sweep.

    Those left in `sending` by a dead worker become unknown here, since nobody knows how far they
    came.
    """
    now = now or timezone.now()
    Delivery.objects.filter(state=State.SENDING, lease_until__lte=now).update(
        state=State.UNKNOWN, lease_until=None, next_attempt_at=now
    )
    rows = Delivery.objects.filter(
        Q(state=State.READY, next_attempt_at__lte=now)
        | Q(state=State.CLAIMED, lease_until__lte=now)
        | Q(state=State.UNKNOWN, next_attempt_at__lte=now)
    ).order_by("next_attempt_at", "id")
    deliver_ids: list[int] = []
    inquire_ids: list[int] = []
    for pk, state in rows.values_list("id", "state")[:limit]:
        (inquire_ids if state == State.UNKNOWN else deliver_ids).append(pk)
    return deliver_ids, inquire_ids
