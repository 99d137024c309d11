"""Nobody is on duty: the patient is told at once when to expect a person, and whom to call."""

from datetime import datetime, timedelta

from django.utils import formats, translation
from django.utils.translation import gettext as _

from hub.conversations import wording
from hub.conversations.actions.automatic import answer_automatically
from hub.conversations.models import Conversation, Leg
from hub.routing import hours
from hub.staff.models import Department
from hub.staff.presence import on_duty

WHAT = "nobody_on_duty"


def answer_if_nobody_is_there(
    conversation: Conversation, leg: Leg, *, at: datetime, language: str = ""
) -> bool:
    """Answer the patient if nobody of the department is on duty; at most once a day.

    `language` is what the sender reads, where the channel knows. Returns whether an answer was
    written. Runs in the transaction of the patient's message.
    """
    if on_duty(conversation.department_id):
        return False
    answer = answer_automatically(
        conversation, leg, lambda: _words(conversation, at, language), what=WHAT, at=at
    )
    return answer is not None


def _words(conversation: Conversation, at: datetime, language: str) -> str:
    """Return the answer in the reader's language, or in both where we do not know it."""
    department = Department.objects.get(pk=conversation.department_id)
    if not language and conversation.patient:
        language = conversation.patient.language
    return "\n".join(
        wording.nobody_on_duty(one, expected_in_words(department, at, one))
        for one in ((language,) if language else ("en", "es"))
    )


def expected_in_words(department: Department, at: datetime, language: str) -> str:
    """Return when a person can be expected, such as "today at 9 a.m.", or nothing."""
    moment = hours.next_opening(department, at)
    if moment is None or hours.is_open(department, at):
        return ""
    return moment_in_words(moment, at, language)


def moment_in_words(moment: datetime, at: datetime, language: str) -> str:
    """Return when `moment` is, as said at `at`: "today at 9 a.m.", in the zone of `moment`."""
    with translation.override(language):
        clock = formats.time_format(moment.time(), "TIME_FORMAT")
        today = at.astimezone(moment.tzinfo).date()
        if moment.date() == today:
            return _("today at %(time)s") % {"time": clock}
        if moment.date() == today + timedelta(days=1):
            return _("tomorrow at %(time)s") % {"time": clock}
        return _("on %(day)s at %(time)s") % {
            "day": formats.date_format(moment.date(), "l"),
            "time": clock,
        }
