"""How long free words may still be sent after a patient's own, where a provider limits that.

WhatsApp and Messenger carry free words for 24 hours after the patient's last message to that
address of ours (notes on Twilio, 4; error 63016), and templates at any time.
"""

from datetime import datetime, timedelta

from django.db.models import Max

from hub.conversations.models import META, Entry, Leg

LASTS = timedelta(hours=24)


def closes_at(leg: Leg) -> datetime | None:
    """Return when free words over `leg` are refused; None where they never may be, or always may.

    Which of the two, `is_limited` says.
    """
    if not is_limited(leg.channel):
        return None
    wrote = Entry.objects.filter(
        leg__contact_point_id=leg.contact_point_id,
        leg__hub_address_id=leg.hub_address_id,
        kind=Entry.Kind.MESSAGE,
        author_kind=Entry.Author.PATIENT,
    )
    # What was written on the secure page did not pass the provider.
    last = wrote.exclude(detail__has_key="secure").aggregate(last=Max("at"))["last"]
    return last + LASTS if last is not None else None


def is_limited(channel: str) -> bool:
    """Whether free words over `channel` have a time limit at all."""
    return channel in META


def is_open(leg: Leg, now: datetime) -> bool:
    """Whether free words may be sent over `leg` at `now`."""
    if not is_limited(leg.channel):
        return True
    until = closes_at(leg)
    return until is not None and now < until
