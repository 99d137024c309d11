"""Rows of the outbox: written with the entry, in its transaction; handed over after commit."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from hub.conversations import signals
from hub.conversations.models import Attachment, Delivery, Entry, Leg


def write_message(
    entry: Entry,
    leg: Leg,
    *,
    confirms_stop: bool = False,
    not_after: datetime | None = None,
) -> Delivery:
    """Write the delivery of `entry` over `leg`, and tell the channels after commit."""
    delivery = Delivery.objects.create(
        kind=Delivery.Kind.MESSAGE,
        entry=entry,
        leg=leg,
        channel=leg.channel,
        contact_point_id=leg.contact_point_id,
        hub_address_id=leg.hub_address_id,
        confirms_stop=confirms_stop,
        not_after=not_after,
        next_attempt_at=timezone.now(),
    )
    _tell([delivery])
    return delivery


def write_command(kind: str, leg: Leg, attachments: Iterable[Attachment]) -> None:
    """Write a command (fetch, delete) for each of `attachments`."""
    now = timezone.now()
    _tell(
        Delivery.objects.bulk_create(
            [
                Delivery(
                    kind=kind,
                    attachment=attachment,
                    leg=leg,
                    channel=leg.channel,
                    contact_point_id=leg.contact_point_id,
                    hub_address_id=leg.hub_address_id,
                    next_attempt_at=now,
                )
                for attachment in attachments
            ]
        )
    )


def write_order(
    kind: str, leg: Leg, detail: dict[str, Any], *, not_after: datetime | None = None
) -> Delivery:
    """Write what the adapter of `leg` is to do: ring somebody (CALL), or a COMMAND.

    `detail` says what, by ids and codes alone.
    """
    delivery = Delivery.objects.create(
        kind=kind,
        leg=leg,
        channel=leg.channel,
        contact_point_id=leg.contact_point_id,
        hub_address_id=leg.hub_address_id,
        detail=detail,
        not_after=not_after,
        next_attempt_at=timezone.now(),
    )
    _tell([delivery])
    return delivery


def suppress_unsent(contact_point_id: int, channel: str | None) -> list[Entry]:
    """Suppress every message to this contact point that was not yet being handed over.

    `channel` None means all of them.

    The caller holds the contact point locked, and the outbox reads the consent under a FOR
    SHARE lock of it just before `sending` is committed: so nothing slips between (MODEL.md).
    Returns the entries whose delivery was suppressed.
    """
    unsent = Delivery.objects.filter(
        kind=Delivery.Kind.MESSAGE,
        contact_point_id=contact_point_id,
        state__in=[Delivery.State.READY, Delivery.State.CLAIMED],
        confirms_stop=False,
    )
    if channel is not None:
        unsent = unsent.filter(channel=channel)
    rows = list(unsent.select_for_update(of=("self",)).select_related("entry__conversation"))
    Delivery.objects.filter(pk__in=[row.pk for row in rows]).update(
        state=Delivery.State.SUPPRESSED, error_code="opted_out", lease_until=None
    )
    return [row.entry for row in rows if row.entry is not None]


def _tell(deliveries: list[Delivery]) -> None:
    ids = [delivery.pk for delivery in deliveries]
    transaction.on_commit(
        lambda: signals.delivery_ready.send_robust(sender=Delivery, delivery_ids=ids), robust=True
    )
