"""“Call me instead”: a visitor asks to be rung about what they wrote, at a number that they type.

The conversation goes on: the chat stays open, and whoever calls has read it. That the number is
theirs is not proved: it is a person who calls, and who sees that it was asked for in a chat.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels_app.chat import limits, refusals, timeline
from channels_app.chat.models import ChatSession
from channels_app.voice import promising, slots
from channels_app.voice.models import Callback
from hub.audit.origin import current_origin
from hub.conversations import wording
from hub.conversations.actions.automatic import answer_automatically
from hub.conversations.errors import ConversationError
from hub.conversations.models import Leg
from hub.routing.after_hours import moment_in_words
from hub.staff.models import Department
from patients import contact_points, normal_form
from patients.models import ContactPoint, Patient

#: As many times are shown as somebody reads.
MOST_TIMES = 40


def times(session: ChatSession, language: str) -> dict[str, Any]:
    """Return the visitor's number, where we know it, and when they could be called.

    Without one, when a phone of here may be called: whether the number that is typed may be called
    then, is asked with it. (No number travels in an address, which would stand in logs.)
    """
    leg = _leg(session)
    point = session.contact_point
    is_phone = point.system == ContactPoint.System.PHONE
    department, patient = leg.conversation.department, leg.conversation.patient
    now = timezone.now()
    zone = slots.zone_of(department, point, patient)
    free = slots.slots_for(department, point, patient, now)[:MOST_TIMES]
    return {
        "number": normal_form.display(point) if is_phone else "",
        "zone": zone.key.rpartition("/")[2].replace("_", " "),
        "times": [
            {
                "start": one.start.isoformat(),
                "words": moment_in_words(one.start.astimezone(zone), now, language),
            }
            for one in free
        ],
    }


def ask(session: ChatSession, typed: str, start: datetime | None, language: str) -> Callback:
    """Promise the visitor a call, and say so in the chat.

    Raises NothingAsked, BadNumber, TooOften, CannotCall.
    """
    leg = _leg(session)
    number = _normal(typed)
    limits.count(limits.CALLS, session.pk)
    limits.count(limits.CALLS_OF_ADDRESS, current_origin().ip)
    limits.count(limits.CALLS_TO_NUMBER, number)
    with transaction.atomic():
        contact_points.lock(session.contact_point_id)
        point = contact_points.hold(ContactPoint.System.PHONE, number)
        try:
            callback = promising.for_patient(
                leg.conversation,
                point,
                source=Callback.Source.CHAT,
                start=start,
                language=language,
            )
        except ConversationError as error:
            raise refusals.CannotCall(str(error)) from error
        _confirm(leg, callback, language)
    return callback


def _confirm(leg: Leg, callback: Callback, language: str) -> None:
    at = callback.requested_at
    answer_automatically(
        callback.conversation,
        leg,
        lambda: wording.call_promised(
            language,
            normal_form.display(callback.contact_point),
            _when(callback, leg.conversation.department, callback.conversation.patient, language),
        ),
        what=f"callback:{callback.uuid}:{at.timestamp():.0f}",
        at=at,
    )


def _when(
    callback: Callback, department: Department, patient: Patient | None, language: str
) -> str:
    """Return the chosen time in words; nothing where it is their turn that counts."""
    if callback.slot_from is None:
        return ""
    zone = slots.zone_of(department, callback.contact_point, patient)
    return moment_in_words(callback.slot_from.astimezone(zone), callback.requested_at, language)


def _leg(session: ChatSession) -> Leg:
    leg = timeline.current_leg(session)
    if leg is None or leg.ended_at is not None:
        raise refusals.NothingAsked
    return leg


def _normal(typed: str) -> str:
    try:
        return normal_form.phone(typed)
    except normal_form.NotAnAddress as error:
        raise refusals.BadNumber from error
