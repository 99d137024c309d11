"""A colleague has the call from now on: by an introduction, or since its agent's line is gone."""

from datetime import datetime

from channels_app.voice import commands, ending
from channels_app.voice.models import Call, Party
from channels_app.voice.parties import coach_anew, leave, patient_in, set_hold, talk_started
from hub.conversations.actions import calls
from hub.staff.models import Department, User


def take_over(call: Call, colleague: Party, former: Party, *, at: datetime) -> None:
    """Make the colleague who was asked the one who leads the call; `call` is locked.

    The conversation goes with it, unless a supervisor gave it to somebody else meanwhile. The
    patient is taken off hold, since somebody is there for them. The caller saves the call, and sees
    to the former agent's line.
    """
    assert colleague.user is not None and former.user is not None
    calls.hand_over(
        call.conversation,
        colleague.user,
        call.leg,
        by=former.user,
        at=at,
        department=home_of(colleague.user, call.conversation.department),
    )
    colleague.is_consulted = False
    colleague.save()
    call.alone_since = None
    talk_started(colleague, at=at)
    patient = patient_in(call)
    if patient is not None:
        set_hold(patient, False, at=at, by=colleague.user)
    others = call.parties.filter(user=former.user, left_at__isnull=True).exclude(pk=former.pk)
    again = others.first()
    if again is not None:
        # Their phone is rung once more, since their line was lost: not needed now.
        leave(again, "taken_over", at=at)
        commands.set_party(again)
    if former.left_at is not None:
        ending.start_wrap_up(call, former, at=at)
    coach_anew(call)


def home_of(user: User, department: Department) -> Department | None:
    """Return in which department `user` can hold what is now in `department`.

    The same one if they belong to it, else their first by name; None if they belong to none.
    """
    own = list(Department.objects.filter(memberships__user=user).order_by("name"))
    return department if department in own else next(iter(own), None)
