"""Mailboxes are looked at one by one; ids only, safe to run twice and beside one another."""

from celery import shared_task

from channels_app.email import fetching
from channels_app.email.models import Mailbox


@shared_task
def look_at_mailboxes() -> None:
    """Have each mailbox that is on looked at."""
    on = Mailbox.objects.filter(is_on=True).exclude(imap_host="").order_by("pk")
    for pk in on.values_list("pk", flat=True):
        fetch_mailbox.apply_async((pk,), expires=60)


@shared_task
def fetch_mailbox(mailbox_id: int) -> None:
    """Take what is new in a mailbox; go on at once while there is more than one go takes."""
    if fetching.fetch(mailbox_id) >= fetching.AT_ONCE:
        fetch_mailbox.delay(mailbox_id)
