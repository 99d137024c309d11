"""Our own addresses: the numbers and chat pages that patients write to."""

from django.db import transaction

from hub.audit.record import AuditAction, record
from hub.conversations.models import META, Channel, HubAddress
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import Department, User
from patients import normal_form
from patients.models import ContactPoint


class AddressTaken(Exception):
    """The hub knows this address already."""


class NotOurNumber(Exception):
    """The hub has no such number."""


class NotSwitchable(Exception):
    """This kind of address is never switched off."""


#: What an address of ours is on the channels of Meta.
SYSTEMS = {
    Channel.WHATSAPP: ContactPoint.System.PHONE,
    Channel.MESSENGER: ContactPoint.System.MESSENGER,
}


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

    One at WhatsApp or Messenger is off until it is switched on. `by` is the administrator who adds
    it; None at the command line.
    """
    address, is_new = HubAddress.objects.get_or_create(
        channel=channel,
        value=value,
        defaults={
            "label": label,
            "department": department,
            "opt_out_by": opt_out_by,
            "state": HubAddress.State.NEW if channel in META else HubAddress.State.ON,
        },
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


def add_meta_address(
    channel: Channel, raw: str, *, label: str, department: Department, by: User
) -> HubAddress:
    """Return our new address at WhatsApp (a number) or Messenger (a page's id), not switched on.

    The hub confirms a STOP there: Twilio handles none (notes on Messaging, "opt-out keywords").

    Raises AddressTaken, NotAnAdministrator, normal_form.NotAnAddress.
    """
    if not by.is_administrator:
        raise NotAnAdministrator
    system = SYSTEMS[channel]
    value = normal_form.normalise(system, raw)
    return add_address(channel, value, label or department.name, department, by=by)


@transaction.atomic
def switch_address(address: HubAddress, *, on: bool, by: User) -> None:
    """Switch an address of ours at WhatsApp or Messenger on or off; only an administrator may.

    Off: what patients write is still shown, and nothing goes out. Raises NotAnAdministrator,
    NotSwitchable.
    """
    if not by.is_administrator:
        raise NotAnAdministrator
    if address.channel not in META:
        raise NotSwitchable
    state = HubAddress.State.ON if on else HubAddress.State.OFF
    rows = HubAddress.objects.filter(pk=address.pk).exclude(state=state)
    if not on:
        rows = rows.exclude(state=HubAddress.State.NEW)
    if rows.update(state=state):
        record(
            AuditAction.SETTINGS_CHANGED, actor=by, objects=[address], detail={"state": state.value}
        )
    address.refresh_from_db(fields=["state"])
