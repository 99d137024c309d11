"""What callers hear, in their language. Short sentences: they are heard once, often in distress."""

from collections.abc import Mapping

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

#: How a language is spoken by the provider's voices (Twilio, <Say language>).
VOICES = {"en": "en-US", "es": "es-US"}
DEFAULT_LANGUAGE = "en"


def voice_of(language: str) -> str:
    """Return the provider's code for speaking `language`."""
    return VOICES.get(language, VOICES[DEFAULT_LANGUAGE])


def in_language(words: Mapping[str, str], language: str) -> str:
    """Return an administrator's words in `language`, else in the first they are written in."""
    return words.get(language) or next((one for one in words.values() if one), "")


def emergency(language: str) -> str:
    """Return what is said before everything else."""
    with translation.override(language):
        return _("If this is an emergency, hang up and dial 911. In a crisis, call or text 988.")


def welcome(language: str) -> str:
    """Return the greeting where no administrator wrote one."""
    with translation.override(language):
        return _("Thank you for calling %(name)s.") % {"name": settings.ORGANISATION_NAME}


def choose_language(language: str, digit: int) -> str:
    """Return the offer of `language`, in that language."""
    with translation.override(language):
        return _("For English, press %(digit)d.") % {"digit": digit}


def choose(language: str, label: str, digit: str) -> str:
    """Return one line of a menu."""
    with translation.override(language):
        return _("For %(label)s, press %(digit)s.") % {"label": label, "digit": digit}


def choose_or_wait(language: str) -> str:
    """Return what somebody may do who cannot press anything."""
    with translation.override(language):
        return _("Or stay on the line.")


def not_a_choice(language: str) -> str:
    """Return the answer to a digit that is on no menu."""
    with translation.override(language):
        return _("That is not one of the choices.")


def ask_birth_date(language: str) -> str:
    """Return the question for the birth date by keypad."""
    with translation.override(language):
        return _(
            "Please enter your date of birth: two digits for the month, two for the day, four for "
            "the year. Or press pound to go on without it."
        )


def recording_notice(language: str) -> str:
    """Return the notice that the call may be recorded."""
    with translation.override(language):
        return _(
            "This call may be recorded. If you do not want that, say so to the person who answers."
        )


def guest_notice(language: str) -> str:
    """Return what a third person hears who joins a call that is recorded."""
    with translation.override(language):
        return _("This call is being recorded.")


def connecting(language: str) -> str:
    """Return what is said when the wait begins."""
    with translation.override(language):
        return _("Please stay on the line. Somebody will be with you.")


def place_in_line(language: str, position: int | None, minutes: int | None) -> str:
    """Return where a caller stands and about how long it will take; nothing where not known."""
    with translation.override(language):
        said = []
        if position == 1:
            said.append(_("You are next."))
        elif position is not None:
            said.append(_("You are number %(position)d in line.") % {"position": position})
        if minutes is not None:
            said.append(
                ngettext(
                    "The wait is about %(minutes)d minute.",
                    "The wait is about %(minutes)d minutes.",
                    minutes,
                )
                % {"minutes": minutes}
            )
        return " ".join(said)


def offer_callback(language: str) -> str:
    """Return the offer to hang up and be called back."""
    with translation.override(language):
        return _("Press 1 to hang up and keep your place. We will call you back.")


def callback_promised(language: str, when: str = "") -> str:
    """Return the goodbye to somebody who will be called back: in their turn, or `when`."""
    with translation.override(language):
        if when:
            return _("We will call you back at this number %(when)s. Goodbye.") % {
                "when": when.removesuffix(".")
            }
        return _("You keep your place in line. We will call you back at this number. Goodbye.")


def cannot_call_back(language: str) -> str:
    """Return what is said where the caller's number cannot be called."""
    with translation.override(language):
        return _("We cannot call this number back.")


def closed(language: str, expected: str) -> str:
    """Return what is said while a department is closed; `expected` says when it opens, or ""."""
    with translation.override(language):
        if expected:
            return _("We are closed now. We are back %(when)s.") % {
                "when": expected.removesuffix(".")
            }
        return _("We are closed now.")


def nobody_there(language: str) -> str:
    """Return what is said while a department is open and nobody is at the phone."""
    with translation.override(language):
        return _("Nobody can take your call at this moment.")


def queue_full(language: str) -> str:
    """Return what is said when too many wait already."""
    with translation.override(language):
        return _("Very many people are calling now, and we do not want to keep you waiting.")


def went_wrong(language: str) -> str:
    """Return the apology for a fault of ours or of the provider."""
    with translation.override(language):
        return _("We are sorry, something went wrong on our side.")


def ways_out(language: str, *, voicemail: bool, callback: bool) -> str:
    """Return what somebody may choose who cannot be connected now."""
    with translation.override(language):
        said = []
        if callback:
            said.append(_("Press 1 and we will call you back."))
        if voicemail:
            said.append(_("Press 2 to leave a message."))
        return " ".join(said)


def leave_message(language: str) -> str:
    """Return the invitation to speak after the tone."""
    with translation.override(language):
        return _("Please leave your message after the tone. Press pound when you are done.")


def message_taken(language: str) -> str:
    """Return the thanks for a message."""
    with translation.override(language):
        return _("Thank you. We will listen to your message and get back to you. Goodbye.")


def text_sent(language: str) -> str:
    """Return what is said when the answer was sent as a text."""
    with translation.override(language):
        return _("We have sent the answer to your phone as a text message.")


def text_not_sent(language: str) -> str:
    """Return what is said when no text can be sent to the caller's number."""
    with translation.override(language):
        return _("We cannot send a text message to your number.")


def agent_back_soon(language: str) -> str:
    """Return what is said while the agent's line is being brought back."""
    with translation.override(language):
        return _("Please hold on for a moment.")


def hello_from(language: str) -> str:
    """Return how a patient is greeted whom we have rung."""
    with translation.override(language):
        return _("This is %(name)s, calling you back. One moment, please.") % {
            "name": settings.ORGANISATION_NAME
        }


def goodbye(language: str) -> str:
    """Return the goodbye."""
    with translation.override(language):
        return _("Goodbye.")
