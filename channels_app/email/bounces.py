"""What could not be delivered comes back onto the delivery, and a complaint onto the address."""

import structlog

from channels_app.email.models import MailMessage
from channels_app.email.reading import Bounce
from channels_app.email.threading import digest
from hub.conversations.actions.delivery_status import report
from hub.conversations.models import Channel, Delivery
from patients import actions as patients
from patients import contact_points

log = structlog.get_logger(__name__)


def note(bounce: Bounce) -> None:
    """Report what a bounce says of a mail that we sent; one about another's mail says nothing.

    Who complains to their provider (RFC 5965) is written to no more. Runs in the transaction that
    takes the bounce; should that fail (another one holds the delivery's conversation and wants
    ours), the mail is taken again.
    """
    if not bounce.original_message_id:
        return
    sent = MailMessage.objects.filter(
        id_digest=digest(bounce.original_message_id), direction=MailMessage.Direction.OUT
    ).first()
    if sent is None or sent.entry_id is None:
        log.info("bounce_of_unknown_mail")
        return
    delivery = Delivery.objects.filter(
        entry_id=sent.entry_id, channel=Channel.EMAIL, kind=Delivery.Kind.MESSAGE
    ).first()
    if delivery is None:
        return
    if bounce.is_complaint:
        point = contact_points.lock(delivery.contact_point_id)
        patients.stop(point, channel=Channel.EMAIL, source="provider", evidence="complaint")
    elif bounce.is_permanent:
        report(delivery.pk, Delivery.State.FAILED, error_code=bounce.status or "bounced")
