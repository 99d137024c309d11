"""The queues at the provider, made before anybody waits in them.

A queue that <Enqueue> makes by itself holds a hundred callers; what is full is then told to the
next one as if the clinic had said so (notes on Twilio). Ours hold a thousand.
"""

import structlog
from twilio.base.exceptions import TwilioRestException

from channels_app.twilio.client import client
from channels_app.twilio.failures import FAILURES
from channels_app.voice.arriving import queue_name
from channels_app.voice.models import PhoneLine
from hub.staff.models import Department

HOLDS = 1000
#: Twilio's code for a name that is taken: somebody called, or another worker was quicker.
NAME_TAKEN = 22003

log = structlog.get_logger(__name__)


def make_queues() -> int:
    """Make each department's queue where it is missing or too small; return how many were made.

    Safe to run twice and by two workers. Without a phone line nothing is asked.
    """
    if not PhoneLine.objects.exists():
        return 0
    wanted = {queue_name(department) for department in Department.objects.all()}
    made = 0
    try:
        there = {one.friendly_name: one for one in client().queues.list()}
        for name in sorted(wanted):
            found = there.get(name)
            if found is None:
                made += _make(name)
            elif found.max_size < HOLDS:
                found.update(max_size=HOLDS)
                made += 1
    except FAILURES:
        log.warning("queues_not_made", exc_info=True)
    return made


def _make(name: str) -> int:
    try:
        client().queues.create(friendly_name=name, max_size=HOLDS)
    except TwilioRestException as error:
        if error.code != NAME_TAKEN:
            raise
        return 0  # the next round sees how much it holds
    return 1
