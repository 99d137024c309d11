"""Codes of the phone in words, for the people at the screen."""

from collections.abc import Mapping
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.voice.desk import Outcome, Reason
from channels_app.voice.handover import GuestRole
from channels_app.voice.models import Callback

_ENDS = {
    "agent_hung_up": gettext_lazy("we hung up"),
    "agent_did_not_come": gettext_lazy("nobody came to our phone"),
    "abandoned": gettext_lazy("the caller hung up while waiting"),
    "completed": gettext_lazy("the caller hung up"),
    "busy": gettext_lazy("the line was busy"),
    "no-answer": gettext_lazy("nobody answered"),
    "canceled": gettext_lazy("it was called off before anybody answered"),
    "failed": gettext_lazy("the number could not be reached"),
    "machine": gettext_lazy("a machine answered"),
    "not_allowed": gettext_lazy("this is no time to call them"),
    "on_the_line": gettext_lazy("they were calling us themselves"),
    "taken": gettext_lazy("a colleague took it meanwhile"),
    "gone": gettext_lazy("the line was gone"),
    "silent": gettext_lazy("the provider knows it no more"),
    "never_rung": gettext_lazy("it could not be placed"),
}


def end_reason(code: str) -> str:
    """Say how a call ended; a code of the provider that we do not know is shown as it is."""
    known = _ENDS.get(code)
    if known:
        return str(known)
    return _("the provider said %(code)s") % {"code": code} if code else ""


def wrap_up(detail: Mapping[str, Any]) -> str:
    """Say what a call was about and how it ended, as its agent noted it."""
    said = (_label(Reason, detail.get("reason")), _label(Outcome, detail.get("outcome")))
    return " · ".join(words for words in said if words)


def callback_source(code: str) -> str:
    """Say where a call back was asked for."""
    return _label(Callback.Source, code).lower()


_CANCELLED = {
    "stopped": gettext_lazy("they do not want to be called"),
    "resolved": gettext_lazy("the conversation was resolved"),
    "called_themselves": gettext_lazy("they called themselves"),
    "by_staff": gettext_lazy("it is not needed any more"),
}


def cancelled(why: str) -> str:
    """Say why a promise to call back is off."""
    return str(_CANCELLED.get(why, why))


def guest(role: str) -> str:
    """Say what somebody from outside is on the call for."""
    return _label(GuestRole, role).lower()


def _label(choices: type[TextChoices], code: object) -> str:
    return str(choices(code).label) if code in choices.values else str(code or "")
