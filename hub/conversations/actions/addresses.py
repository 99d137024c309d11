"""Our own addresses: the numbers and chat pages that patients write to."""

from django.db import transaction

from hub.audit.record import AuditAction, record
from hub.conversations.models import Channel, HubAddress
from hub.staff.models import Department, User
from patients import normal_form


class AddressTaken(Exception):
    """The hub knows this address already."""


class NotOurNumber(Exception):
    """The hub has no such number."""


def add_number(raw: str, *, label: str, department: Department, opt_out_by: str) -> HubAddress:
    """Return our new number, whose texts go to `department`.

    Args:
        raw: the number, as it is dialled.
        label: what staff read.
        department: who gets what comes in.
        opt_out_by: who confirms a STOP, HubAddress.OptOut.

    Raises:
        AddressTaken.
        NotAnAddress: it is no telephone number (patients.normal_form).
    """
    return add_address(Channel.SMS, normal_form.phone(raw), label, department, opt_out_by)


@transaction.atomic
def add_address(
    channel: Channel,
    value: str,
    label: str,
    department: Department,
    opt_out_by: str = HubAddress.OptOut.HUB,
    by: User | None = None,
) -> HubAddress:
    """Return a new address of ours; `value` is in its normal form. Raises AddressTaken.

    `by` is the administrator who adds it; None at the command line.
    """
    address, is_new = HubAddress.objects.get_or_create(
        channel=channel,
        value=value,
        defaults={"label": label, "department": department, "opt_out_by": opt_out_by},
    )
    if not is_new:
        raise AddressTaken
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=by,
        objects=[address],
        detail={"department": department.pk, "opt_out_by": str(opt_out_by)},
    )
    return address


def our_number(raw: str) -> HubAddress:
    """Return our number; raise NotOurNumber, NotAnAddress."""
    address = HubAddress.objects.filter(channel=Channel.SMS, value=normal_form.phone(raw)).first()
    if address is None:
        raise NotOurNumber
    return address
