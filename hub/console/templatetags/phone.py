"""What the phone's templates need: states, reasons and lengths in words."""

from typing import Any

from django import template
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from hub.console import call_wording
from patients.models import ContactPoint
from patients.normal_form import display

register = template.Library()


@register.simple_tag
def phone_transport() -> str:
    """By which way calls come to this installation's browsers; empty where they do not."""
    if not (settings.TWILIO_API_KEY_SID and settings.TWILIO_API_KEY_SECRET):
        return ""
    return "simulator" if settings.TWILIO_API_BASE else "twilio"


@register.filter
def language_words(code: str) -> str:
    """A language by its name in the reader's own."""
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


@register.filter
def ring_words(reason: str) -> str:
    """Why one's phone rings."""
    return {
        "callback": _("A promised call back"),
        "consult": _("A colleague wants to hand over"),
    }.get(reason, _("Incoming call"))


@register.filter
def stage_words(state: Any) -> str:
    """Where one's call is, in the bar."""
    match state.stage:
        case "ringing":
            return _("Connecting you")
        case "dialling":
            return _("Ringing the patient")
        case "alone":
            return _("Your line was lost, the patient hears music")
        case "wrap_up":
            return _("After the call")
        case _:
            return _("Talking")


@register.filter
def stage_said(state: Any) -> str:
    """What a screen reader says when one's phone comes to where it is; nothing while it is free."""
    if not state:
        return ""
    if state.stage == "ringing" and not state.answers_itself:
        return _("%(why)s: %(who)s, %(department)s") % {
            "why": ring_words(state.reason),
            "who": state.who,
            "department": state.department,
        }
    return stage_words(state)


@register.filter
def party_words(line: Any) -> str:
    """What somebody else on the call does there."""
    if line.state in ("wanted", "ringing"):
        return _("is being rung")
    if line.kind == "supervisor":
        return {"listen": _("listens"), "whisper": _("is heard by you alone")}.get(
            line.mode, _("speaks along")
        )
    return _("on hold") if line.is_held else _("on the call")


@register.filter
def seconds_words(seconds: int | None) -> str:
    """A length as people read it on a phone: 0:42, 12:05, 1:02:03."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def call_end_words(reason: str) -> str:
    """How a call ended, in words inside a sentence."""
    return call_wording.end_reason(reason)


@register.filter
def wrap_up_words(detail: dict[str, Any]) -> str:
    """What a call was about and how it ended, as its agent noted it."""
    return call_wording.wrap_up(detail)


@register.filter
def callback_source_words(code: str) -> str:
    """Where a call back was asked for, in words inside a sentence."""
    return call_wording.callback_source(code)


@register.filter
def guest_words(role: str) -> str:
    """What somebody from outside is on the call for, in words inside a sentence."""
    return call_wording.guest(role)


@register.filter
def cancelled_words(why: str) -> str:
    """Why a promise to call back is off, in words inside a sentence."""
    return call_wording.cancelled(why)


@register.filter
def party_name(line: Any) -> str:
    """Who else is on a call: a name, or a guest's number as people read it."""
    if line.kind != "guest":
        return str(line.name)
    return display(ContactPoint(system=ContactPoint.System.PHONE, value=line.name))
