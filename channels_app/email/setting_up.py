"""An administrator's mailboxes: added, and their servers changed."""

from typing import Any

from django.db import transaction

from channels_app.email.models import Mailbox
from hub.conversations.actions.addresses import add_address
from hub.conversations.models import Channel
from hub.staff.models import Department, User
from patients import normal_form


def add_mailbox(
    address: str, *, department: Department, label: str, by: User | None = None, **servers: Any
) -> Mailbox:
    """Return a new mailbox, whose mail goes to `department`.

    Args:
        address: the mail address, in any spelling; one with a "+" cannot be a mailbox.
        department: who gets what comes in.
        label: what staff read.
        by: the administrator; None at the command line.
        **servers: fields of Mailbox.

    Raises:
        normal_form.NotAnAddress: it is none, or has a "+", behind which answers are told apart.
        AddressTaken (hub.conversations.actions.addresses).
        ValidationError: a server's setting cannot be.
    """
    value = normal_form.email(address)
    if "+" in value.partition("@")[0]:
        raise normal_form.NotAnAddress("email")
    with transaction.atomic():
        row = add_address(Channel.EMAIL, value, label, department, by=by)
        mailbox = Mailbox(hub_address=row, **servers)
        mailbox.full_clean(exclude=["hub_address"])
        mailbox.save()
    return mailbox
