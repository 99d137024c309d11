"""What the hub itself says to patients, in their language. Short: a text is 160 characters."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from patients.keywords import Keyword


def keyword_answer(word: Keyword, language: str, number: str) -> str:
    """Return the automatic answer to STOP, START or HELP in `language`; `number` is ours."""
    with translation.override(language):
        name = settings.ORGANISATION_NAME
        if word is Keyword.STOP:
            return _(
                "%(name)s: you will get no more texts from us. Reply START to get them again. "
                "In an emergency call 911."
            ) % {"name": name}
        if word is Keyword.START:
            return _("%(name)s: you will get our texts again. Reply STOP to stop them.") % {
                "name": name
            }
        return _(
            "%(name)s: write to us here or call %(number)s. In an emergency call 911. "
            "Reply STOP to stop texts."
        ) % {"name": name, "number": number}


def nobody_on_duty(language: str, expected: str) -> str:
    """Return what somebody is told who writes while nobody is there.

    `expected` says in words when a person can be expected, or is empty.
    """
    with translation.override(language):
        name = settings.ORGANISATION_NAME
        if expected:
            return _(
                "%(name)s: nobody is here right now. Expect an answer %(when)s. "
                "Emergency: call 911. Crisis: call or text 988."
            ) % {"name": name, "when": expected.removesuffix(".")}
        return _(
            "%(name)s: nobody is here right now. We answer as soon as we can. "
            "Emergency: call 911. Crisis: call or text 988."
        ) % {"name": name}


def chat_link(language: str, url: str) -> str:
    """Return the text that carries a chat link."""
    with translation.override(language):
        return _("%(name)s: go on with us here, everything comes along: %(url)s") % {
            "name": settings.ORGANISATION_NAME,
            "url": url,
        }


def call_promised(language: str, number: str, when: str) -> str:
    """Return the confirmation that somebody is called: at `number`, `when`, or in their turn."""
    with translation.override(language):
        if when:
            return _("We will call you at %(number)s %(when)s.") % {
                "number": number,
                "when": when.removesuffix("."),
            }
        return _("We will call you at %(number)s as soon as it is your turn.") % {"number": number}
